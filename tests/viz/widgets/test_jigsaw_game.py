"""The jigsaw game: the same puzzles as the method's, a fair question, the model's answers, what is logged."""

import re

import numpy as np
import pytest
import torch

from course_lib.methods.context import ContextPrediction
from course_lib.methods.jigsaw import Jigsaw
from course_lib.viz.widgets.jigsaw_game import JigsawGame, laid_out
from course_lib.viz.widgets.quiz import NoEncoder


class Means(torch.nn.Module):
    """An encoder small enough for a test; its BatchNorm would remember having been in training mode."""

    width = 3

    def __init__(self):
        super().__init__()
        self.norm = torch.nn.BatchNorm1d(3)

    def forward(self, images):
        return self.norm(images.mean(dim=(2, 3)))


def pictures(count=10, side=48):
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(1))


def stairs(count=4, side=18, grid=3):
    """Images whose cells grow brighter in reading order: whoever sees the tiles can sort them."""
    cells = torch.arange(grid**2).reshape(grid, grid) / grid**2
    image = cells.repeat_interleave(side // grid, 0).repeat_interleave(side // grid, 1)
    return image.expand(count, 3, side, side).contiguous()


def sees_brightness(grid=3):
    def scores(puzzle, orders):
        place = puzzle.mean(dim=(2, 3, 4)) * grid**2  # (B, tiles): which cell each tile is from
        return -(orders - place[:, None]).abs().sum(dim=2)

    return scores


def test_puzzles_are_those_of_the_method():
    torch.manual_seed(0)
    model, images = Jigsaw(Means()), pictures()
    game = JigsawGame(images, model, rounds=6, seed=5)
    generator = torch.Generator().manual_seed(5)
    chosen = images[torch.randperm(10, generator=generator)[:6]]
    puzzle, answer = model.views(chosen, generator)
    assert torch.equal(game.tiles, puzzle)
    assert torch.equal(game.answer_index, answer)
    assert game.tile == round(0.85 * 16)


def test_putting_the_tiles_where_they_belong_gives_the_image():
    images = pictures(2, 12)
    game = JigsawGame(images, rounds=2, standardise=False, tile=4)
    for image, tiles, record in zip(game.images, game.tiles, game.config["rounds"], strict=True):
        assert np.allclose(laid_out(tiles, record["order"], 3, gap=0), image)
        assert record["choices"][record["truth"]] == record["order"]
    apart = laid_out(game.tiles[0], list(range(9)), 3, gap=1)
    assert apart.shape == (3, 14, 14)
    assert (apart[:, 4] == 1).all()
    assert np.allclose(apart[:, 5:9, 10:14], game.tiles[0, 5])


def test_the_right_order_is_among_the_choices_once_and_anywhere():
    game = JigsawGame(pictures(40, 18), rounds=40)
    for record in game.config["rounds"]:
        assert len({tuple(order) for order in record["choices"]}) == 4
        assert record["choices"].count(record["order"]) == 1
        assert all(sorted(order) == list(range(9)) for order in record["choices"])
    truths = [record["truth"] for record in game.config["rounds"]]
    assert set(truths) == {0, 1, 2, 3}
    assert game.chances == {"choose": 0.25, "arrange": 1 / 9}


@pytest.mark.parametrize("grid", [2, 3])
def test_a_model_that_sees_the_order_is_always_right(grid):
    game = JigsawGame(
        stairs(side=12 * grid, grid=grid),
        sees_brightness(grid),
        4,
        standardise=False,
        grid=grid,
        permutations=20,
    )
    for record in game.config["rounds"]:
        assert record["model"] == record["truth"]
        assert record["model_order"] == record["order"]


def test_the_models_answer_is_its_best_of_the_same_orders():
    torch.manual_seed(0)
    model = Jigsaw(Means(), permutations=16)
    game = JigsawGame(pictures(), model, rounds=8)
    assert model.training
    assert int(model.encoder.norm.num_batches_tracked) == 0
    model.eval()
    with torch.no_grad():
        scores = model.scores(game.tiles)
    for number, record in enumerate(game.config["rounds"]):
        known = [game.orders.tolist().index(order) for order in record["choices"]]
        assert record["model"] == int(scores[number, known].argmax())
        assert record["model_order"] == game.orders[scores[number].argmax()].tolist()


def test_without_a_model_nobody_answers_for_it():
    game = JigsawGame(pictures())
    assert not game.config["model"]
    assert all(record["model"] is None for record in game.config["rounds"])
    assert JigsawGame(pictures(), seed=0).config == game.config
    assert JigsawGame(pictures(), seed=1).config != game.config


def test_what_travels_is_bytes_and_holds_tiles_as_seen_and_as_they_were():
    game = JigsawGame(pictures(), rounds=3)
    assert game.arrays["tiles"].shape == game.arrays["raw"].shape == (3, 9, 3, 14, 14)
    assert game.arrays["images"].dtype == np.uint8
    assert (game.arrays["tiles"] != game.arrays["raw"]).any()
    plain = JigsawGame(pictures(), rounds=3, standardise=False, colors=True)
    assert (plain.arrays["tiles"] == plain.arrays["raw"]).all()
    assert not plain.state["colors"]  # there is nothing to switch


def test_mistakes_get_a_sentence():
    with pytest.raises(ValueError, match="rounds is 8 and there are 4 images"):
        JigsawGame(pictures(4))
    with pytest.raises(ValueError, match='mode is "guess"; choose one of choose, arrange'):
        JigsawGame(pictures(), mode="guess")
    with pytest.raises(ValueError, match="choices is 5; there are 4 orders, so 2 to 4"):
        JigsawGame(pictures(), choices=5, permutations=4)
    with pytest.raises(
        TypeError, match=r"model is a ContextPrediction; give a Jigsaw, a function \(puzzle, orders\)"
    ):
        JigsawGame(pictures(), ContextPrediction(NoEncoder()))
    with pytest.raises(ValueError, match=r"scores of shape \(8, 2\); \(8, 4\)"):
        JigsawGame(pictures(), lambda puzzle, orders: torch.zeros(8, 2))
    with pytest.raises(ValueError, match="JigsawGame: rounds is 9; there are 8"):
        JigsawGame(pictures()).figure(rounds=9)


def test_scores_come_from_what_the_browser_logged():
    game = JigsawGame(pictures(), sees_brightness())
    game.widget.state = {"round": 1, "mode": "arrange", "colors": False}
    log = [
        {"round": 1, "mode": "choose", "right": 1, "of": 1, "model_right": 0},
        {"round": 2, "mode": "arrange", "right": 3, "of": 9, "model_right": 9},
    ]
    game.widget.log = log
    assert game.log == log
    assert game.state["mode"] == "arrange"
    table = game.scores().set_index(["mode", "who"])
    assert table.loc[("arrange", "model"), "share"] == 1
    assert table.loc[("choose", "you"), "low"] == pytest.approx(0.2065, abs=1e-4)
    game.close()


@pytest.mark.parametrize("model", [None, sees_brightness()])
def test_figures_are_described_and_keep_the_answer_until_asked(legible, model):
    game = JigsawGame(pictures(), model)
    figure = legible(game.figure())
    assert "Which order is right?" in figure.get_suptitle()
    assert "Right in" not in figure.alt_text
    solved = legible(game.figure(rounds=3, solution=True))
    letters = ", ".join("ABCD"[record["truth"]] for record in game.config["rounds"][:3])
    assert f"Right in the rounds shown: {letters}." in solved.alt_text
    words = [axis.get_xlabel() for axis in solved.axes]
    assert [word.startswith("right") for word in words[1:5]].index(True) == game.config["rounds"][0]["truth"]


def test_the_saved_page_asks_nobody(tmp_path):
    text = JigsawGame(pictures(), rounds=2).save_html(tmp_path / "game.html").read_text("utf-8")
    assert not re.search(r"https?://", text)
