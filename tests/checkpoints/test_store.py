"""Shipped models: what is loaded is what was saved, a changed file is refused, cards say enough."""

import hashlib
import json
import shutil

import pytest
import torch

from course_lib import checkpoints, data, models
from course_lib.checkpoints import recipes, store
from course_lib.data import as_float
from course_lib.training.recipe import build

TINY = {"kind": "resnet", "widths": [4, 8], "blocks": [1, 1]}
FACTS = {"method": None, "images_seen": 0, "minutes": 0.0, "metrics": {"linear": 8.3}}


@pytest.fixture
def saved(tmp_path):
    torch.manual_seed(0)
    encoder = store.new_encoder(TINY)
    store.save("tiny", encoder, {"encoder": TINY, **FACTS}, tmp_path)
    return encoder, tmp_path


def test_what_is_loaded_is_what_was_saved_in_eval_mode(saved):
    encoder, folder = saved
    loaded = store.load("tiny", folder)
    assert not loaded.training
    images = torch.rand(2, 3, 16, 16)
    torch.testing.assert_close(loaded(images), encoder.eval()(images), rtol=0, atol=0)
    assert store.table(folder).loc["tiny", "linear"] == 8.3


@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_a_file_that_is_not_the_cards_is_refused_in_a_sentence(saved, damage):
    _, folder = saved
    path = folder / "tiny.safetensors"
    content = bytearray(path.read_bytes())
    if damage == "remove":
        path.unlink()
    else:
        content[-1] ^= 1
        path.write_bytes(content if damage == "flip" else content[:-4])
    with pytest.raises(ValueError, match=r"git checkout -- tiny\.safetensors"):
        store.load("tiny", folder)


def test_a_description_that_does_not_fit_leaves_no_file_behind(tmp_path):
    with pytest.raises(RuntimeError, match="size mismatch"):
        store.save("wide", store.new_encoder(TINY), {"encoder": TINY | {"widths": [4, 16]}}, tmp_path)
    large = {"kind": "VisionTransformer", "width": 192, "depth": 3}
    with pytest.raises(ValueError, match="at most 3,000,000"):
        store.save("large", store.new_encoder(large), {"encoder": large}, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_unknown_names_are_sentences():
    with pytest.raises(ValueError, match='no model "simclr"; choose one of context_resnet'):
        checkpoints.load("simclr")
    with pytest.raises(ValueError, match="kind is"):
        checkpoints.new_encoder({"kind": "vgg"})


def test_all_recipes_are_shipped_and_small():
    assert checkpoints.names() == sorted(recipes.RECIPES)
    sizes = [path.stat().st_size for path in store.FILES.glob("*.safetensors")]
    heads = sum(one.head for one in recipes.RECIPES.values())
    assert len(sizes) == len(recipes.RECIPES) + heads
    assert max(sizes) <= 3_000_000
    assert sum(sizes) <= 30_000_000


@pytest.mark.parametrize("name", sorted(recipes.RECIPES))
def test_each_card_belongs_to_its_file_and_its_recipe(name):
    card, recipe = checkpoints.card(name), recipes.RECIPES[name]
    content = (store.FILES / f"{name}.safetensors").read_bytes()
    assert hashlib.sha256(content).hexdigest() == card["sha256"]
    for key in ("about", "encoder", "method", "steps", "options", "batch_size", "seed", "keep"):
        assert card[key] == json.loads(json.dumps(getattr(recipe, key))), (
            f"{name}: {key} changed, make it anew"
        )
    assert {"linear", "knn", "few", "miou"} <= set(card["metrics"])
    assert card["data"]["images"] == recipes.TRAIN
    assert len(card["data"]["sha256"]) == 64
    assert recipe.method is None or {"device", "minutes", "precision", "untrained", "verdict"} <= set(card)
    assert isinstance(checkpoints.load(name), models.Encoder)


def test_the_transformers_differ_in_their_weights_only():
    shapes = {
        name: {key: value.shape for key, value in checkpoints.load(name).state_dict().items()}
        for name in ("random_vit", "supervised_vit", "mae_vit", "dino_vit")
    }
    assert len({str(one) for one in shapes.values()}) == 1


@pytest.mark.parametrize("name", [one for one in store.names() if "head" in store.card(one)])
def test_a_method_comes_back_with_its_head_and_does_its_task(name):
    """Its loss on test images is near the last one of its training, far below that of a fresh head."""
    method, known = store.load_method(name), store.card(name)
    assert recipes.RECIPES[name].head
    assert not method.training
    images = data.load("world", "test", length=256).images
    fresh = build(known["method"], store.load(name), None, **known["options"]).eval()
    with torch.no_grad():
        losses = [
            float(one.loss(one.views(as_float(images), torch.Generator().manual_seed(0))))
            for one in (method, fresh)
        ]
    assert losses[0] < known["last_loss"] + 0.35
    assert losses[0] < 0.8 * losses[1]


def test_a_head_that_is_not_the_cards_is_refused(tmp_path):
    for path in store.FILES.glob("rotation_resnet*"):
        shutil.copy(path, tmp_path)
    head = tmp_path / "rotation_resnet.head.safetensors"
    head.write_bytes(head.read_bytes()[:-1] + b"?")
    with pytest.raises(ValueError, match="but its card says"):
        store.load_method("rotation_resnet", tmp_path)
    with pytest.raises(ValueError, match=r"simclr_resnet is shipped without its head; with one: .*mae_vit"):
        store.load_method("simclr_resnet")
    other = build("rotation", store.load("simclr_resnet"), None)
    with pytest.raises(ValueError, match="encoder is not the one that is shipped as rotation_resnet"):
        store.save_head("rotation_resnet", other, tmp_path)
