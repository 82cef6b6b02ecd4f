"""What a card says is measured again: its figures belong to the weights beside it."""

import pytest
import torch

from course_lib import checkpoints, data, evaluate
from course_lib.checkpoints import make
from course_lib.checkpoints.recipes import RECIPES, TEST, TRAIN
from course_lib.world import WorldDataset


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_the_sentence_of_a_card_follows_from_its_figures(name):
    known = checkpoints.card(name)
    assert known["protocol"] == make.PROTOCOL
    if known["method"]:
        found = make.card_verdict(known["metrics"], known["untrained"], TEST)
        assert known["verdict"] == found
        assert known["untrained"]["linear"] == pytest.approx(
            checkpoints.card(f"random_{name.split('_')[1]}")["metrics"]["linear"],
            abs=0.2,  # MAE's twin gives the mean patch instead of CLS
        )
    else:
        assert "untrained" not in known


@pytest.mark.slow
def test_every_card_names_the_images_that_the_world_still_draws():
    """A world that draws one pixel otherwise makes every figure on the cards one of other images."""
    found = data.load("world", "train", length=TRAIN)
    drawn = WorldDataset(split="train", length=200, cache=False)  # the others may be from a cache
    assert torch.equal(found.images[:200], torch.from_numpy(drawn.images))
    facts = {
        "name": "world", "split": "train", "images": TRAIN, "pixels": found.images.shape[-1],
        "sha256": found.fingerprint(),
    }  # fmt: skip
    assert {name: checkpoints.card(name)["data"] for name in RECIPES} == dict.fromkeys(RECIPES, facts)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["random_vit", "supervised_vit", "dino_vit"])
def test_the_jaccard_of_a_transformer_is_that_of_its_card(name):
    found = evaluate.cls_jaccard(checkpoints.load(name), data.load_dense("test", 500)).best_head
    assert 100 * found == pytest.approx(checkpoints.card(name)["metrics"]["jaccard"], abs=0.2)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["simclr_resnet", "vicreg_resnet"])
def test_the_neighbours_of_a_convnet_are_those_of_its_card(name):
    train, test = data.load("world", "train", length=TRAIN), data.load("world", "test", length=TEST)
    half, encoder = train.subset(slice(0, TRAIN // 2)), checkpoints.load(name)
    guesses = evaluate.knn(evaluate.embed(encoder, half), half.labels, evaluate.embed(encoder, test), k=20)
    known = checkpoints.card(name)["metrics"]["knn"]
    assert 100 * evaluate.accuracy(guesses, test.labels) == pytest.approx(known, abs=0.1)
