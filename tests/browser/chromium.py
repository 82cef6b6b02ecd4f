"""Chromium for browser tests, wherever they live: `browser = pytest.fixture(scope="module")(chromium)`."""

import os

import pytest
from lab_page import CHROMIUM, started_chromium


def chromium():
    """Chromium without a window. One module long: while it lives no other event loop can start here."""
    if not CHROMIUM.exists() and not os.environ.get("CI"):
        pytest.skip(f"{CHROMIUM} is not installed (Debian: apt install chromium)")
    with started_chromium() as browser:
        yield browser
