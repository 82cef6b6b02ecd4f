"""A browser for pages that a view saves: opened from disk, cut off from everything, watched for errors."""

import os
import sys
from pathlib import Path

import pytest

BROWSER = Path(__file__).resolve().parents[2] / "browser"
sys.path.append(str(BROWSER))  # lab_page lives with the other browser tests

from lab_page import CHROMIUM, started_chromium  # noqa: E402


@pytest.fixture(scope="module")
def browser():
    """Chromium without a window. One module long: while it lives no other event loop can start here."""
    if not CHROMIUM.exists() and not os.environ.get("CI"):
        pytest.skip(f"{CHROMIUM} is not installed (Debian: apt install chromium)")
    with started_chromium() as chromium:
        yield chromium


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
