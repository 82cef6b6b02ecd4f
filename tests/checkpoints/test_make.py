"""Making a model: stopped and resumed it is the same, and the card tells what was done."""

import pytest
import torch

from course_lib import checkpoints, data
from course_lib.checkpoints import make, recipes, store

TINY = {"kind": "VisionTransformer", "image_size": 48, "patch_size": 12, "width": 16, "depth": 1, "heads": 2}


@pytest.fixture
def recipe(monkeypatch):
    one = recipes.Recipe("for a test", TINY, "dino", 4, {"prototypes": 16}, batch_size=8, keep="teacher")
    monkeypatch.setitem(recipes.RECIPES, "tiny", one)
    return one


def test_a_made_model_has_weights_and_a_card_that_says_how(recipe, tmp_path):
    path = make.make("tiny", tmp_path / "runs", tmp_path / "out", shrink=100)
    assert path.name == "tiny.json"
    card = store.card("tiny", tmp_path / "out")
    assert (card["method"], card["options"], card["seed"]) == ("dino", {"prototypes": 16}, 0)
    train = data.load("world", "train", length=recipes.TRAIN // 100)
    assert card["data"]["sha256"] == train.fingerprint()
    assert set(card["untrained"]) == set(card["metrics"])
    assert card["verdict"] == make.card_verdict(card["metrics"], card["untrained"], 40)
    assert set(card["metrics"]) == {"linear", "knn", "few", "miou", "jaccard"}
    assert card["protocol"] == "a try-out on 1/100 of images and steps", "its figures are no results"
    state = torch.load(tmp_path / "runs" / "tiny" / "last.ckpt", weights_only=True)["state_dict"]
    loaded = store.load("tiny", tmp_path / "out")
    torch.testing.assert_close(loaded.state_dict()["cls_token"], state["teacher.0.cls_token"], rtol=0, atol=0)
    assert not torch.equal(state["teacher.0.cls_token"], state["encoder.cls_token"])


def test_a_run_that_was_finished_before_gives_the_same_weights(recipe, tmp_path):
    train = data.load("world", "train", length=200)
    first, _, _ = make.trained(recipe, train, tmp_path)
    again, facts, _ = make.trained(recipe, train, tmp_path)
    anew, _, _ = make.trained(recipe, train, tmp_path / "other")
    for encoder in (again, anew):
        for key, value in first.state_dict().items():
            torch.testing.assert_close(encoder.state_dict()[key], value, rtol=0, atol=0)
    assert facts["images_seen"] == 32


@pytest.mark.parametrize(
    ("linear", "word"), [(60.0, "better"), (52.0, "no difference"), (48.0, "no difference"), (40.0, "worse")]
)
def test_the_verdict_is_as_honest_as_the_number_of_test_images_allows(linear, word):
    sentence = make.verdict(linear, 50.0, 2401)  # one share's margin is 2 points at 50 %, two shares' 2.8
    assert word in sentence
    assert f"{linear - 50:+.1f} points" in sentence
    assert "better" in make.verdict(52.0, 50.0, 10 * 2401)


def test_the_random_model_is_the_one_that_its_seed_draws():
    recipe = recipes.RECIPES["random_vit"]
    torch.manual_seed(recipe.seed)
    drawn = store.new_encoder(recipe.encoder).state_dict()
    for key, value in checkpoints.load("random_vit").state_dict().items():
        torch.testing.assert_close(value, drawn[key], rtol=0, atol=0)


def test_an_unknown_name_is_a_sentence(tmp_path):
    with pytest.raises(ValueError, match='no recipe "dyno"; choose one of random_resnet'):
        make.make("dyno", tmp_path)


def test_what_lies_below_the_untrained_encoder_is_named():
    untrained = {"linear": 20.0, "few": 7.2, "miou": 5.0, "jaccard": 24.5}
    assert make.card_verdict({**untrained, "linear": 90.0}, untrained, 400).endswith("better.")
    lower = {"linear": 90.0, "few": 6.74, "miou": 5.1, "jaccard": 24.0}
    said = make.card_verdict(lower, untrained, 400)
    assert said.endswith("Below the untrained encoder: few (6.7 against 7.2), jaccard (24.0 against 24.5).")
