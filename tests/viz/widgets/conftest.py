"""A browser for pages that a view saves: opened from disk, cut off from everything, watched for errors."""

import sys
from pathlib import Path

import pytest
import torch

from course_lib.models import VisionTransformer

BROWSER = Path(__file__).resolve().parents[2] / "browser"
sys.path.append(str(BROWSER))  # the other browser tests, which share their browser

from chromium import chromium  # noqa: E402

browser = pytest.fixture(scope="module")(chromium)


@pytest.fixture
def open_page(browser, tmp_path):
    """open_page(view, **options of the browser's context): the saved page of a view, opened from disk.

    At the end no error may have been logged and nothing may have been asked for beyond the file itself.
    """
    contexts, complaints = [], []

    def opened(view, **options):
        path = view.save_html(tmp_path / f"page{len(contexts)}.html")
        context = browser.new_context(**{"viewport": {"width": 1200, "height": 900}} | options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        address = path.as_uri()
        page.on(
            "request",
            lambda asked: (
                None
                if asked.url == address or asked.url.startswith(("data:", "blob:"))
                else complaints.append(asked.url)
            ),
        )
        page.goto(address)
        page.wait_for_selector("[data-drawn]")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not complaints


@pytest.fixture(scope="module")
def parts():
    """For an AttentionViewer: two models with different grids, pictures not square, objects in them."""
    torch.manual_seed(0)
    models = {
        "small patches": VisionTransformer((16, 24), 4, 16, 2, 2, registers=1),
        "large patches": VisionTransformer((16, 24), 8, 16, 3, 4),
    }
    images = torch.rand(3, 3, 16, 24)
    masks = [torch.zeros(2, 16, 24, dtype=torch.bool) for _ in images]
    for number, one in enumerate(masks):
        one[0, 2 + number : 9, 3:10] = True
        one[1, 9:15, 12:20] = True
    return models, images, masks
