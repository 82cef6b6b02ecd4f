"""The attention viewer where students meet it: in JupyterLab and in Notebook 7, with a kernel behind it."""

import hashlib

import pytest
from axe_playwright_python.sync_playwright import Axe
from jupyter_page import all_run, serve_cells

pytestmark = pytest.mark.browser

NOTEBOOK = "labs/viewer.ipynb"
CELLS = [
    """import torch
from course_lib import viz
from course_lib.models import VisionTransformer
torch.manual_seed(0)
model = VisionTransformer(32, 8, 16, 2, 2)
images = torch.rand(3, 3, 32, 32)
mask = torch.zeros(1, 32, 32, dtype=torch.bool)
mask[0, 5:20, 8:24] = True
first = viz.AttentionViewer(model, images, [mask] * 3)
first""",
    "viz.AttentionViewer({'a': model, 'b': model}, images)",
]
PAGES = {"JupyterLab": "lab/tree", "Notebook 7": "notebooks"}
VIEWERS = ".course-widget"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serve_cells(CELLS, tmp_path_factory, NOTEBOOK) as running:
        yield running


@pytest.fixture(params=PAGES)
def opened(request, page, server):
    """The notebook in one of the two pages, all cells run; in the end no complaint, nothing asked outside."""
    with all_run(page, f"{server.address}/{PAGES[request.param]}/{NOTEBOOK}?token={server.token}"):
        page.wait_for_function("document.querySelectorAll('[data-drawn]').length === 2", timeout=120_000)
        yield page


def pixels(page, number: int) -> str:
    url = page.evaluate("n => document.querySelectorAll('canvas[tabindex]')[n].toDataURL()", number)
    return hashlib.sha256(url.encode()).hexdigest()


def said(page, number: int) -> str:
    return page.locator(f"{VIEWERS} [role=status]").nth(number).inner_text()


def test_clicks_and_keys_change_the_pixels_of_one_viewer_only(opened):
    page, seen = opened, []
    others = [pixels(page, 1), pixels(page, 2)]
    cells = page.locator(".jp-Cell").count()
    canvas = page.locator("canvas[tabindex]").first
    canvas.scroll_into_view_if_needed()
    seen.append(pixels(page, 0))
    canvas.click(position={"x": 40, "y": 40})
    assert "query patch in row 0, column 0" in said(page, 0)
    seen.append(pixels(page, 0))
    for key, words in [
        ("ArrowDown", "query patch in row 1, column 0"),
        ("ArrowRight", "query patch in row 1, column 1"),
        ("PageDown", "layer 0"),
        ("1", "head 1"),
        ("Home", "query CLS"),
        ("b", "query CLS"),  # Jupyter would insert a cell
    ]:
        page.keyboard.press(key)
        assert words in said(page, 0)
        seen.append(pixels(page, 0))
    assert len(set(seen)) == len(seen) - 1, "every move draws another picture; b does nothing"
    assert page.locator(".jp-Cell").count() == cells, "a key reached the notebook"
    assert [pixels(page, 1), pixels(page, 2)] == others, "the other viewer was disturbed"


def test_another_image_comes_from_the_kernel(opened):
    page, before = opened, pixels(opened, 0)
    number = page.evaluate("Number(document.querySelector('[data-drawn]').dataset.drawn)")
    page.locator(VIEWERS).first.get_by_role("combobox", name="Image").select_option("2")
    page.wait_for_function(
        "n => Number(document.querySelector('[data-drawn]').dataset.drawn) > n", arg=number
    )
    assert "Image 2" in said(page, 0)
    assert "Image 0" in said(page, 1)
    assert pixels(page, 0) != before


def test_no_control_is_unlabelled(opened):
    found = Axe().run(opened, context={"include": [[VIEWERS]]})
    assert found.violations_count == 0, found.generate_report()
