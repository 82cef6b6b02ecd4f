"""The context quiz in Chromium: by mouse, arrows and digits, what it says, what it draws, what it saves."""

import re

import numpy as np
import pytest
import torch
from axe_playwright_python.sync_playwright import Axe
from pages import PIXELS, saved, status

from course_lib.viz.widgets.context_quiz import SIDES, ContextQuiz

pytestmark = pytest.mark.browser
KEYPAD = "78946123"


def quiz(model=lambda centre, neighbour: torch.eye(8)[[3] * len(centre)], rounds=4, **options):
    images = torch.rand(6, 3, 48, 48, generator=torch.Generator().manual_seed(1))
    return ContextQuiz(images, model, rounds, **options)


def test_rounds_by_mouse_by_arrows_and_by_digits(open_page):
    view = quiz()
    truths = view.truth.tolist()
    page = open_page(view)
    sides = page.get_by_role("group", name="eight sides of the centre").get_by_role("button")
    wrong = (truths[0] + 1) % 8
    sides.nth(wrong).click()
    assert status(page).startswith(
        f"Wrong: you chose {SIDES[wrong]}, it lies {SIDES[truths[0]]}. The model chose left: "
    )
    assert "✓ correct" in sides.nth(truths[0]).inner_text()
    assert "your answer" in sides.nth(wrong).inner_text()
    assert SIDES[truths[0]] in page.get_by_role("img", name=re.compile("the whole image")).get_attribute(
        "aria-label"
    )
    page.keyboard.press("Enter")  # the focus is on "Next round" and goes to the side above
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "8 above"
    page.keyboard.press("ArrowDown")  # over the centre
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "2 below"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "6 right"
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.keyboard.press(KEYPAD[truths[2]])
    assert status(page).startswith(f"Correct: it lies {SIDES[truths[2]]}.")
    page.keyboard.press("5")  # no side
    page.get_by_role("button", name="Next round").click()
    page.get_by_role("button", name="Save answers").focus()
    page.keyboard.press(KEYPAD[0])
    assert "That was the last round." in status(page)
    log = saved(page)
    assert [row["answer"] for row in log] == [SIDES[wrong], "right", SIDES[truths[2]], "above left"]
    assert [row["truth"] for row in log] == [SIDES[side] for side in truths]
    assert [int(row["right"]) for row in log] == [int(row["answer"] == row["truth"]) for row in log]
    assert [int(row["model_right"]) for row in log] == [int(side == 3) for side in truths]
    assert page.get_by_text(re.compile("gap 3 pixels, jitter 1 pixel, drop_colors on")).count() == 1


def test_patches_and_frames_are_drawn_where_they_are(open_page):
    view = quiz()
    page = open_page(view)
    for number, name in enumerate(("the centre patch", "the neighbour whose side is asked for")):
        drawn = page.get_by_role("img", name=name).evaluate(PIXELS)
        assert (
            np.array(drawn).reshape(12, 12, 3).transpose(2, 0, 1) == view.arrays["patches"][0, number]
        ).all()
    page.get_by_label("colours of the image").check()
    drawn = page.get_by_role("img", name="the centre patch").evaluate(PIXELS)
    assert (np.array(drawn).reshape(12, 12, 3).transpose(2, 0, 1) == view.arrays["raw"][0, 0]).all()
    page.keyboard.press("1")
    canvas = page.get_by_role("img", name=re.compile("the whole image"))
    (top, left), _ = view.config["rounds"][0]["corners"]
    at = {"frame": (7 * left + 40, 7 * top + 2), "inside": (7 * left + 60, 7 * top + 60), "away": (1, 1)}
    found = canvas.evaluate(
        """(canvas, at) => {
            const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
            copy.drawImage(canvas, 0, 0);
            const all = copy.getImageData(0, 0, canvas.width, canvas.height);
            const pixel = ([x, y]) => [0, 1, 2].map(i => all.data[4 * (y * all.width + x) + i]);
            return Object.fromEntries(Object.entries(at).map(([name, place]) => [name, pixel(place)]));
        }""",
        at,
    )
    image = view.arrays["images"][0]
    assert found["frame"] in ([255, 255, 255], [0, 0, 0])
    assert found["inside"] == image[:, top + 8, left + 8].tolist()
    assert found["away"] == image[:, 0, 0].tolist()
    assert saved(page)[0]["colors"] == "true"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everyone_can_use_it(open_page, scheme):
    page = open_page(
        quiz(None), color_scheme=scheme, reduced_motion="reduce", viewport={"width": 700, "height": 900}
    )
    assert Axe().run(page).violations_count == 0
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "7 above left"
    page.keyboard.press("7")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert "model" not in status(page)
