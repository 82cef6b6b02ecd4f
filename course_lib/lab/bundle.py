"""Bundles: what `check`, `hint` and the grader know about a lab.

One JSON file per lab, written by `course build`: per exercise the probe's source, points, hints,
names that are off limits, tolerances, and the values of the reference and of each wrong answer on
the public seeds. Numbers only, never the code of an answer. Imports no torch.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from course_lib.lab.offlimits import off_limits_used

__all__ = [
    "PUBLIC_SEEDS",
    "digest",
    "find",
    "folder",
    "load",
    "off_limits_used",
    "stripped",
    "text",
]

PUBLIC_SEEDS = (0, 1, 2)
FORMAT = 1
MIME = "application/vnd.ssl-course.values+json"  # of the one document that `emit` displays
_loaded: dict[tuple[str, int], dict] = {}


def folder() -> Path:
    """Where bundles lie: COURSE_BUNDLES if it is set (build and grader set it), else beside this file."""
    named = os.environ.get("COURSE_BUNDLES")
    return Path(named) if named else Path(__file__).parent / "bundles"


def load(lab: str, where: Path | None = None) -> dict:
    """The bundle of `lab`, for example "03_contrastive".

    Raises FileNotFoundError if there is none and ValueError if the file is damaged.
    """
    path = (where or folder()) / f"{lab}.json"
    try:
        key = (str(path), path.stat().st_mtime_ns)
        if key not in _loaded:
            _loaded[key] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = ", ".join(sorted(names(where))) or "none"
        raise FileNotFoundError(
            f"There is no bundle for lab {lab!r} in {path.parent} (labs here: {known})."
        ) from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is damaged ({error}); run `course build` again.") from None
    if _loaded[key].get("format") != FORMAT:
        raise ValueError(f"{path} was written for another version of course_lib; run `course build` again.")
    return _loaded[key]


def names(where: Path | None = None) -> list[str]:
    """The labs that have a bundle, in order."""
    return sorted(path.stem for path in (where or folder()).glob("*.json"))


def find(exercise: str, lab: str | None = None) -> tuple[str, dict]:
    """(lab, entry) of an exercise such as "3.3": in `lab` if it is there, else in any lab.

    Raises ValueError that lists the exercises that exist.
    """
    exercise = str(exercise)
    known: list[str] = []
    for name in ([lab] if lab else []) + [name for name in names() if name != lab]:
        exercises = load(name)["exercises"]
        if exercise in exercises:
            return name, exercises[exercise]
        known += exercises
    raise ValueError(
        f"There is no exercise {exercise!r}; there are {', '.join(known) or 'no exercises here'}."
    )


def text(bundle: dict) -> str:
    """A bundle as the text of its file: sorted keys, one line per list of numbers, the same bytes always."""
    return _lines(bundle, 0) + "\n"


def _lines(value: Any, level: int) -> str:
    """JSON with one space of indent in which anything that fits on a line stays on one."""
    flat = json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)
    if len(flat) + level <= 110 or not isinstance(value, (dict, list)) or not value:
        return flat
    if isinstance(value, list) and not any(isinstance(item, (dict, list, str)) for item in value):
        return flat
    pad = " " * (level + 1)
    if isinstance(value, dict):
        parts = [
            f"{pad}{json.dumps(key, ensure_ascii=False)}: {_lines(value[key], level + 1)}"
            for key in sorted(value)
        ]
    else:
        parts = [pad + _lines(item, level + 1) for item in value]
    left, right = "{}" if isinstance(value, dict) else "[]"
    return f"{left}\n" + ",\n".join(parts) + f"\n{' ' * level}{right}"


def digest(bundle: dict) -> str:
    """A hash of everything in a bundle."""
    return hashlib.sha256(json.dumps(bundle, sort_keys=True).encode()).hexdigest()


def stripped(bundle: dict) -> dict:
    """What the grader's kernel may see: the probes, nothing that tells right from wrong."""
    keep = ("answer", "probe", "points")
    exercises = {name: {key: entry[key] for key in keep} for name, entry in bundle["exercises"].items()}
    return {"format": FORMAT, "lab": bundle["lab"], "version": bundle["version"], "exercises": exercises}
