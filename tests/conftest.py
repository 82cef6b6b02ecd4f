"""Every test run keeps its caches to itself and off the user's own."""

import os
import socket
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Shared by all tests of one run (and its xdist workers), so that the world is drawn once, not once a test.
os.environ.setdefault("COURSE_CACHE", str(Path(tempfile.gettempdir()) / f"ssl-course-tests-{os.getuid()}"))
os.environ.setdefault("MPLBACKEND", "Agg")


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture
def free_port() -> int:
    """A TCP port of this machine that nothing listens on, for processes that train together."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
