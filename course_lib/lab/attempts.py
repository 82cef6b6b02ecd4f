"""How often an exercise was tried and how many hints were read: kept in memory and in the user's cache.

A cache that cannot be read or written is no reason to stop: then only memory counts.
"""

import contextlib
import json
import os
from pathlib import Path

import platformdirs

from course_lib.files import write_whole

_memory: dict[str, dict] | None = None
_lab: str | None = None


def set_current_lab(lab: str | None) -> None:
    """Remember the lab of this notebook, so that "3.3" is looked for there first."""
    global _lab
    _lab = lab


def current_lab() -> str | None:
    """The lab that `setup` was called with, if it has a bundle."""
    return _lab


def path() -> Path:
    """The file in the user's cache, or in COURSE_CACHE if that is set."""
    cache = os.environ.get("COURSE_CACHE") or platformdirs.user_cache_dir("ssl-course", appauthor=False)
    return Path(cache) / "attempts.json"


def count(lab: str, exercise: str, right: bool) -> int:
    """Note one attempt; returns how many there are. Attempts after the first right one are not counted."""
    entry = _entry(lab, exercise)
    if not entry.get("right"):
        entry["attempts"] = entry.get("attempts", 0) + 1
        entry["right"] = right
        _save()
    return entry["attempts"]


def hints_seen(lab: str, exercise: str) -> int:
    """How many hints of this exercise were shown in this process."""
    return _shown.get((lab, exercise), 0)


def hint_seen(lab: str, exercise: str, step: int) -> None:
    """Note that hint number `step` was shown."""
    _shown[lab, exercise] = step
    _entry(lab, exercise)["hints"] = max(step, _entry(lab, exercise).get("hints", 0))
    _save()


def progress(lab: str) -> dict[str, dict]:
    """{exercise: {"attempts", "right", "hints"}} of one lab on this machine."""
    return {key.partition("/")[2]: dict(value) for key, value in _all().items() if key.startswith(f"{lab}/")}


_shown: dict[tuple[str, str], int] = {}


def _entry(lab: str, exercise: str) -> dict:
    return _all().setdefault(f"{lab}/{exercise}", {})


def _all() -> dict[str, dict]:
    global _memory
    if _memory is None:
        _memory = {}
        with contextlib.suppress(OSError, ValueError, RuntimeError):
            stored = json.loads(path().read_text(encoding="utf-8"))
            if isinstance(stored, dict):
                _memory = {key: value for key, value in stored.items() if isinstance(value, dict)}
    return _memory


def _save() -> None:
    if os.environ.get("COURSE_BUILDING"):  # building and verifying a lab are not attempts of a student
        return
    with contextlib.suppress(OSError, ValueError, RuntimeError):
        write_whole(path(), json.dumps(_all(), sort_keys=True, indent=1) + "\n")
