"""A browser for the tests of this folder, and a picture of the page when one fails."""

import tempfile
from pathlib import Path

import pytest
from chromium import chromium

browser = pytest.fixture(scope="module")(chromium)


@pytest.fixture
def page(browser, request):
    """An empty page with its own cookies; its last picture is kept if the test fails."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(60_000)
    yield page
    if getattr(request.node, "failed", False):
        picture = Path(tempfile.mkdtemp(prefix="lab-in-browser-")) / f"{request.node.name}.png"
        page.screenshot(path=str(picture))
        print(f"\nthe page when {request.node.name} failed: {picture}")
    context.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Let the page fixture know whether its test failed."""
    report = yield
    if report.when == "call" and report.failed:
        item.failed = True
    return report
