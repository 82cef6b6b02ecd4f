"""What the quizzes share: Wilson's interval, the score table, puzzles without an encoder."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.methods.context import ContextPrediction
from course_lib.methods.jigsaw import Jigsaw
from course_lib.viz.widgets.quiz import drawn_images, score_table, scores_of, task_of, wilson


@given(st.integers(1, 200).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_wilsons_interval_holds_the_shares_that_the_score_test_keeps(answers):
    right, of = answers
    low, high = wilson(right, of)
    assert 0 <= low <= right / of <= high <= 1
    for end in (low, high):  # at each end the score test is just at 1.96 standard errors
        if 0 < end < 1:
            error = math.sqrt(end * (1 - end) / of)
            assert abs(right / of - end) / error == pytest.approx(1.959964, rel=1e-5)


@pytest.mark.parametrize(("right", "of"), [(-1, 4), (5, 4), (0, 0)])
def test_wilson_refuses_what_cannot_be_counted(right, of):
    with pytest.raises(ValueError, match="0 <= right <= of"):
        wilson(right, of)


def row(mode, right, of, model_right):
    return {"mode": mode, "right": right, "of": of, "model_right": model_right}


def test_score_table_adds_up_by_mode_and_leaves_out_what_nobody_did():
    log = [row("choose", 1, 1, 0), row("choose", 0, 1, 1), row("choose", 1, 1, 1), row("arrange", 5, 9, None)]
    table = score_table(log, {"choose": 0.25, "arrange": 1 / 9, "never": 0.5})
    assert list(zip(table["mode"], table["who"], strict=True)) == [
        ("choose", "you"),
        ("choose", "model"),
        ("choose", "chance"),
        ("arrange", "you"),
        ("arrange", "chance"),
    ]
    assert table["share"].tolist() == pytest.approx([2 / 3, 2 / 3, 0.25, 5 / 9, 1 / 9])
    assert (table.loc[3, "low"], table.loc[3, "high"]) == pytest.approx(wilson(5, 9))
    assert math.isnan(table.loc[2, "low"])  # nobody guessed, so there is nothing to be unsure about
    assert list(score_table([], {"choose": 0.25}).columns) == list(table.columns)


def test_a_puzzle_maker_leaves_the_callers_random_numbers_alone():
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    task_of("X", None, Jigsaw, {"permutations": 8}, "")
    assert torch.equal(torch.rand(2), expected)


def test_models_that_do_not_fit_are_refused():
    other = task_of("X", None, ContextPrediction, {}, "")
    with pytest.raises(TypeError, match=r"X: model is a ContextPrediction; give a Jigsaw, a function \(p\)"):
        task_of("X", other, Jigsaw, {}, "(p)")
    with pytest.raises(TypeError, match="model is a int"):
        task_of("X", 3, Jigsaw, {}, "(p)")
    with pytest.raises(ValueError, match=r"gap was given beside a ContextPrediction"):
        task_of("X", other, ContextPrediction, {"gap": 0}, "(p)")


def test_every_module_is_put_back_into_its_own_mode_even_after_an_error():
    network = torch.nn.Sequential(torch.nn.Dropout(), torch.nn.BatchNorm1d(2))
    network[1].eval()

    def fail():
        modes.append((network[0].training, torch.is_grad_enabled()))
        raise RuntimeError

    modes = []
    with pytest.raises(RuntimeError):
        scores_of("X", fail, network, (1, 1))
    assert modes == [(False, False)]
    assert network.training
    assert network[0].training
    assert not network[1].training
    assert torch.is_grad_enabled()


def test_scores_of_another_shape_or_without_a_number_are_refused():
    with pytest.raises(ValueError, match=r"scores of shape \(3,\); \(3, 4\)"):
        scores_of("X", lambda: torch.zeros(3), None, (3, 4))
    with pytest.raises(ValueError, match="NaN"):
        scores_of("X", lambda: torch.full((3, 4), torch.nan), None, (3, 4))


def test_each_round_has_an_image_of_its_own():
    images = torch.rand(6, 3, 4, 4)
    drawn = drawn_images("X", images, 6, torch.Generator().manual_seed(0))
    order = [int((images == one).flatten(1).all(1).nonzero()) for one in drawn]
    assert sorted(order) == list(range(6))
    as_list = drawn_images("X", list(images.numpy()), 6, torch.Generator().manual_seed(0))
    assert torch.equal(as_list, drawn)
    whole = (images * 255).round().to(torch.uint8)
    assert (
        drawn_images("X", whole, 6, torch.Generator().manual_seed(0)) - drawn
    ).abs().max() <= 0.5 / 255 + 1e-6
    for rounds in (0, 7, 2.5):
        with pytest.raises(ValueError, match=f"rounds is {rounds} and there are 6 images"):
            drawn_images("X", images, rounds, torch.Generator())
    with pytest.raises(ValueError, match="standardised input"):
        drawn_images("X", 9 * images, 6, torch.Generator())
