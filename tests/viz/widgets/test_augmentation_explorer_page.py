"""The page that an augmentation explorer saves, in a real browser."""

import numpy as np
import pytest
import torch
from axe_playwright_python.sync_playwright import Axe
from pages import after, downloaded, saved, small, status
from torch import nn

from course_lib.viz.widgets.augmentation_explorer import AugmentationExplorer

pytestmark = pytest.mark.browser


class Means(nn.Module):
    def forward(self, images):
        return images.mean((2, 3))


@pytest.fixture
def view():
    images = torch.rand(2, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    names = ["crop and resize", "flip", "cutout", "solarize", "Sobel"]
    return AugmentationExplorer(images, operations=names, encoder={"means": Means()}, draws=3)


def test_what_is_shown_is_what_python_made(open_page, view):
    page = open_page(view)
    assert np.array_equal(small(page, 0, 12, 12), view.arrays["images"][0])
    assert np.array_equal(small(page, 3, 12, 12), view.arrays["views"][2])
    after(page, lambda: page.get_by_role("combobox", name="Operation").select_option("flip"))
    assert page.locator(".course-columns canvas").count() == 2  # one draw: nothing in it is random
    assert np.array_equal(small(page, 1, 12, 12), view.arrays["images"][0][..., ::-1])
    assert page.get_by_role("slider").is_disabled()
    assert page.get_by_role("button", name="Draw again").is_disabled()
    assert "flip: mirrored left to right" in status(page)
    assert "Cosine of means 1.000, 0 % of the way to another picture" in status(page)


def test_numbers_in_the_table_are_pythons(open_page, view):
    view.choose(first="cutout", strength=5, image=1)
    page = open_page(view)
    rows, between = view.table(), view.between
    lines = [row.locator("td").all_inner_texts() for row in page.locator("tbody tr").all()]
    mean = rows.pixels.mean()
    assert lines[0][:6] == [
        "distance in pixels",
        *(f"{v:.3f}" for v in [*rows.pixels, mean, between["pixels"]]),
    ]
    assert lines[0][6].strip() == f"{100 * mean / between['pixels']:.0f} %"
    share = (1 - rows.means.mean()) / (1 - between["cosines"][0])
    assert lines[1][6].strip() == f"{100 * share:.0f} %"
    assert np.allclose([float(one["value"]) for one in saved(page)[:3]], rows.pixels, atol=1e-6)
    assert downloaded(page, "Save picture")[:8] == b"\x89PNG\r\n\x1a\n"


def test_keyboard_alone(open_page, view):
    page = open_page(view)
    for _ in range(4):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.type") == "range"
    after(page, lambda: page.keyboard.press("ArrowRight"))
    assert "crop of 20 % to 100 %" in status(page)
    after(page, lambda: page.keyboard.press("End"))
    assert "crop of 8 % to 100 %" in status(page)
    assert page.evaluate("document.activeElement.getAttribute('aria-valuetext')") == "5 of 5"


def test_what_the_page_does_not_hold_is_said_and_nothing_changes(open_page, view):
    page = open_page(view)
    before = small(page, 1, 12, 12)
    page.get_by_role("combobox", name="then").select_option("flip")
    page.get_by_text("This page holds no answer").wait_for()
    assert "could not be shown" in status(page)
    assert page.get_by_role("combobox", name="then").input_value() == ""
    assert np.array_equal(small(page, 1, 12, 12), before)
    after(page, lambda: page.get_by_role("combobox", name="Picture").select_option("1"))
    assert np.array_equal(small(page, 0, 12, 12), view.arrays["images"][1])


def test_two_operations_and_other_draws_are_asked_for(open_page, view, monkeypatch):
    both = {"image": 0, "first": "crop and resize", "second": "solarize", "strength": 3, "round": 0}
    requests = [both, both | {"round": 1}]
    monkeypatch.setattr(view, "every_request", lambda: requests)  # as if Python were there
    page = open_page(view)
    after(page, lambda: page.get_by_role("combobox", name="then").select_option("solarize"))
    assert np.array_equal(small(page, 1, 12, 12), view.answer(both)["views"][0])
    assert "; then solarize: inverted where it is brighter than 50 %" in status(page)
    after(page, lambda: page.get_by_role("button", name="Draw again").click())
    assert np.array_equal(small(page, 1, 12, 12), view.answer(requests[1])["views"][0])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_unlabelled_or_pale(open_page, view, scheme):
    page = open_page(
        view, color_scheme=scheme, reduced_motion="reduce", viewport={"width": 700, "height": 900}
    )
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page.get_by_role("combobox", name="Operation").select_option("Sobel")
    assert Axe().run(page).violations_count == 0


def test_the_page_names_no_address(view, tmp_path):
    text = view.save_html(tmp_path / "page.html").read_text("utf-8")
    assert "http" not in text.replace("http-equiv", "")
