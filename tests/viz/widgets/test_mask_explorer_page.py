"""The page that a mask explorer saves, in a real browser."""

import numpy as np
import pytest
import torch
from axe_playwright_python.sync_playwright import Axe
from pages import after, saved, small, status

from course_lib.methods import MAE
from course_lib.models import VisionTransformer
from course_lib.viz.widgets.mask_explorer import MaskExplorer

pytestmark = pytest.mark.browser


@pytest.fixture
def view():
    torch.manual_seed(0)
    encoder = VisionTransformer(16, 4, 12, 1, 2)
    method = MAE(encoder, decoder_width=8, decoder_depth=1, decoder_heads=2)
    return MaskExplorer(method, torch.rand(2, 3, 16, 24), ratios=(0.5, 0.75), patterns=("random", "grid"))


def check_pictures(page, view, request):
    """Original, masked and both reconstructions are what Python says of this request."""
    found = view.answer(request)
    original = view.arrays["images"][request["image"]]
    hidden = found["mask"].reshape(4, 6).astype(bool).repeat(4, 0).repeat(4, 1)
    painted = found["painted"].astype(int)  # prepared in one batch: the last digit may be rounded otherwise
    assert np.array_equal(small(page, 0, 16, 24), original)
    masked = small(page, 1, 16, 24)
    assert np.array_equal(masked[:, ~hidden], original[:, ~hidden])
    # the centre pixels of a hidden patch may lie on the stroke across it
    assert np.isin(masked[:, hidden], np.arange(128, 177)).all()
    assert np.abs(small(page, 2, 16, 24) - painted).max() <= 1
    assert np.abs(small(page, 3, 16, 24) - np.where(hidden, painted, original.astype(int))).max() <= 1


def test_pictures_and_numbers_are_pythons(open_page, view):
    page = open_page(view)
    request = view.request(view.state)
    check_pictures(page, view, request)
    for ratio, pattern in [("0", "random"), ("0", "grid"), ("1", "grid")]:
        if page.get_by_role("slider").input_value() != ratio:
            after(page, lambda ratio=ratio: page.get_by_role("slider").fill(ratio))
        if page.get_by_role("combobox", name="Pattern").input_value() != pattern:
            after(page, lambda p=pattern: page.get_by_role("combobox", name="Pattern").select_option(p))
        request |= {"ratio": view.ratios[int(ratio)], "pattern": pattern}
        check_pictures(page, view, request)
        errors = view.answer(request)["errors"]
        rows = [row.locator("td").all_inner_texts() for row in page.locator("tbody tr").all()]
        assert [row[1] for row in rows] == [f"{error:.4f}" for error in errors]
        worse = errors[0] > errors[1]
        assert rows[1][2].endswith("more" if worse else "less")
        assert float(rows[1][2].split()[0]) == pytest.approx(100 * abs(errors[0] / errors[1] - 1), abs=0.6)
        assert f"{pattern} pattern, {12 if ratio == '0' else 18} of 24 patches hidden" in status(page)
    after(page, lambda: page.get_by_role("button", name="Table").press("Enter"))
    assert page.locator("table").last.locator("tbody tr").count() == 4
    lines = saved(page)
    assert len(lines) == 8
    expected = view.table().set_index(["image", "pattern", "ratio"])
    for line in lines:
        row = expected.loc[(int(line["picture"]) - 1, line["pattern"], float(line["ratio"]))]
        assert float(line["model"]) == pytest.approx(row.model)


def test_a_click_and_a_key_ask_python_for_other_patches(open_page, view, monkeypatch):
    kept = view.kept().tolist()
    clicked = sorted(set(kept) ^ {8})
    typed = sorted(set(clicked) ^ {15})
    requests = [{"image": 0, "kept": clicked}, {"image": 0, "kept": typed}]
    monkeypatch.setattr(view, "every_request", lambda: requests)  # as if Python were there
    page = open_page(view)
    canvas = page.locator("canvas[tabindex]")
    box = canvas.bounding_box()
    # patch 8: row 2, column 3 of 4 x 6
    place = {"x": box["width"] * 2.5 / 6, "y": box["height"] * 1.5 / 4}
    after(page, lambda: canvas.click(position=place))
    assert f"chosen one by one, {24 - len(clicked)} of 24 patches hidden" in status(page)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    hidden = "hidden" if 15 not in clicked else "visible"
    assert status(page) == f"row 3, column 4: {hidden}."
    assert canvas.get_attribute("aria-label").endswith(f"at row 3, column 4: {hidden}")
    after(page, lambda: page.keyboard.press("Space"))
    assert f"{24 - len(typed)} of 24 patches hidden" in status(page)
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement === document.body")
    check_pictures(page, view, requests[1])
    after(page, lambda: page.get_by_role("button", name="Forget my patches").click())
    check_pictures(page, view, view.request(view.state))


def test_a_saved_page_has_only_the_prepared_masks_and_says_so(open_page, view):
    page = open_page(view)
    before = small(page, 1, 16, 24)
    page.locator("canvas[tabindex]").press("Enter")
    page.get_by_text("This page holds no answer").wait_for()
    assert "Nothing was changed" in status(page)
    page.locator("canvas[tabindex]").press("Escape")
    assert np.array_equal(small(page, 1, 16, 24), before)
    page.get_by_role("button", name="Another mask").click()
    page.get_by_text("This page holds no answer").wait_for()
    after(page, lambda: page.get_by_role("combobox", name="Picture").select_option("1"))
    check_pictures(page, view, view.request(view.state | {"image": 1}))


def test_what_python_chose_before_is_shown(open_page, view):
    view.choose(image=1, kept=[0, 1, 2, 3])
    page = open_page(view)
    check_pictures(page, view, {"image": 1, "kept": [0, 1, 2, 3]})
    assert "20 of 24 patches hidden" in status(page)


def test_one_patch_must_stay_and_one_must_go(open_page, view):
    view.choose(kept=[0])
    page = open_page(view)
    page.locator("canvas[tabindex]").press(" ")
    assert status(page) == "At least one patch must stay visible."
    view.choose(kept=list(range(1, 24)))
    page = open_page(view)
    page.locator("canvas[tabindex]").press(" ")
    assert status(page) == "At least one patch must be hidden."


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_unlabelled_or_pale(open_page, view, scheme):
    page = open_page(
        view, color_scheme=scheme, reduced_motion="reduce", viewport={"width": 700, "height": 900}
    )
    page.get_by_role("button", name="Table").click()
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_the_page_names_no_address(view, tmp_path):
    text = view.save_html(tmp_path / "page.html").read_text("utf-8")
    assert "http" not in text.replace("http-equiv", "")
