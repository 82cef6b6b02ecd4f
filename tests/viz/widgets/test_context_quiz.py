"""The context quiz: the same patches as the method's, the model's answers, what is logged."""

import re

import pytest
import torch

from course_lib.methods.context import NEIGHBOURS, ContextPrediction
from course_lib.methods.jigsaw import Jigsaw
from course_lib.viz.widgets.context_quiz import SIDES, ContextQuiz
from course_lib.viz.widgets.quiz import NoEncoder


class Means(torch.nn.Module):
    width = 3

    def forward(self, images):
        return images.mean(dim=(2, 3))


def pictures(count=12, side=48):
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(1))


def slopes(count=12, side=48):
    """Red grows downwards, green to the right: two patches tell how they lie to each other."""
    line = torch.linspace(0, 1, side)
    image = torch.stack([line[:, None].expand(side, side), line.expand(side, side), torch.zeros(side, side)])
    return image.expand(count, 3, side, side).contiguous()


def sees_slopes(centre, neighbour):
    step = (neighbour - centre).mean(dim=(2, 3))[:, :2]  # (B, 2): down, right
    sides = torch.nn.functional.normalize(NEIGHBOURS.float(), dim=1)
    return step @ sides.T


def test_patches_are_those_of_the_method():
    torch.manual_seed(0)
    model, images = ContextPrediction(Means()), pictures()
    quiz = ContextQuiz(images, model, rounds=7, seed=4)
    generator = torch.Generator().manual_seed(4)
    chosen = images[torch.randperm(12, generator=generator)[:7]]
    centre, neighbour, answer = model.views(chosen, generator)
    assert torch.equal(quiz.patches[:, 0], centre)
    assert torch.equal(quiz.patches[:, 1], neighbour)
    assert torch.equal(quiz.truth, answer)
    model.eval()
    with torch.no_grad():
        expected = model.scores(centre, neighbour).argmax(1).tolist()
    assert [record["model"] for record in quiz.config["rounds"]] == expected


def test_the_truth_is_where_the_patch_was_cut():
    quiz = ContextQuiz(slopes(), sees_slopes, rounds=12, drop_colors=False)
    patch, gap, jitter = quiz.patch, quiz.switches["gap"], quiz.switches["jitter"]
    assert (patch, gap, jitter) == (12, 3, 1)
    for image, raw, record in zip(quiz.images, quiz.raw, quiz.config["rounds"], strict=True):
        (top, left), (other_top, other_left) = record["corners"]
        assert torch.equal(raw[1], image[:, other_top : other_top + patch, other_left : other_left + patch])
        down, right = NEIGHBOURS[record["truth"]].tolist()
        assert abs(other_top - top - down * (patch + gap)) <= 2 * jitter
        assert abs(other_left - left - right * (patch + gap)) <= 2 * jitter
        words = {-1: "above", 1: "below"}.get(down, ""), {-1: "left", 1: "right"}.get(right, "")
        assert SIDES[record["truth"]] == " ".join(filter(None, words))
        assert record["model"] == record["truth"]


def test_switches_are_named_and_colours_kept_apart():
    quiz = ContextQuiz(pictures(), gap=2, jitter=0)
    assert quiz.config["switches"] == {"gap": 2, "jitter": 0, "drop_colors": True}
    assert "Gap 2 pixels, jitter 0 pixels, two colour channels" in quiz.alt_text
    assert (quiz.arrays["patches"] != quiz.arrays["raw"]).any()
    plain = ContextQuiz(pictures(), drop_colors=False, colors=True)
    assert (plain.arrays["patches"] == plain.arrays["raw"]).all()
    assert not plain.state["colors"]
    assert "colours as they are" in plain.alt_text


def test_mistakes_get_a_sentence():
    with pytest.raises(ValueError, match="images are 48 x 48, but three patches of 30 pixels"):
        ContextQuiz(pictures(), patch_size=30)
    with pytest.raises(TypeError, match="model is a Jigsaw; give a ContextPrediction"):
        ContextQuiz(pictures(), Jigsaw(NoEncoder()))
    with pytest.raises(ValueError, match=r"scores of shape \(10, 9\); \(10, 8\)"):
        ContextQuiz(pictures(), lambda centre, neighbour: torch.zeros(10, 9))
    with pytest.raises(ValueError, match="ContextQuiz: rounds is 0; there are 10"):
        ContextQuiz(pictures()).figure(rounds=0)


def test_scores_come_from_what_the_browser_logged():
    quiz = ContextQuiz(pictures(), sees_slopes)
    quiz.widget.log = [{"round": 1, "mode": "choose", "right": 0, "of": 1, "model_right": 1}]
    table = quiz.scores().set_index("who")
    assert table.loc["you", "share"] == 0
    assert table.loc["model", "share"] == 1
    assert table.loc["chance", "share"] == 1 / 8
    quiz.close()


def test_figures_are_described_and_keep_the_answer_until_asked(legible):
    quiz = ContextQuiz(slopes(), sees_slopes, drop_colors=False)
    figure = legible(quiz.figure())
    assert "truth" not in figure.alt_text
    solved = legible(quiz.figure(rounds=2, solution=True))
    assert "The model is right in 10 of 10 rounds, chance in 1.2" in solved.get_suptitle()
    assert f"shown: {SIDES[quiz.truth[0]]}, {SIDES[quiz.truth[1]]}." in solved.alt_text


def test_the_saved_page_asks_nobody(tmp_path):
    text = ContextQuiz(pictures(), rounds=2).save_html(tmp_path / "quiz.html").read_text("utf-8")
    assert not re.search(r"https?://", text)
