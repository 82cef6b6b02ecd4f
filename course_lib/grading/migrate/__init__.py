"""From a lab of nbgrader or Otter to the source of a lab of this course, and a list of what is left to do."""

import re
from pathlib import Path
from typing import Any

import nbformat

from course_lib.grading.migrate import nbgrader, otter
from course_lib.grading.migrate.assemble import assemble

KINDS = {"nbgrader": nbgrader, "otter": otter}


def migrate(path: Path | str, kind: str = "auto") -> tuple[str, list[str]]:
    """(text for labs/source/NN_topic.py, sentences about what was decided and what is left to write).

    path: the instructor's notebook: nbgrader's source version, or Otter's master notebook. kind: "nbgrader",
    "otter", or "auto" to see it from the notebook. Prose, code, answers, stubs, hidden tests and points are
    carried over. A check of this course compares values that a probe returns, so each probe is begun with the
    calls that the tests make, and a TODO says what it still needs.

    Raises ValueError in a sentence for a file that is no such notebook, FileNotFoundError if there is none.
    """
    path = Path(path)
    if kind not in ("auto", *KINDS):
        raise ValueError(f"There is no kind {kind!r} of lab to migrate; there are auto, {', '.join(KINDS)}.")
    try:
        notebook: Any = nbformat.reads(path.read_text(encoding="utf-8-sig"), as_version=4)
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise ValueError(f"{path} is no notebook that can be read ({type(error).__name__}).") from None
    fitting = [name for name, module in KINDS.items() if module.recognised(notebook)]
    if kind == "auto" and len(fitting) != 1:
        what = "both nbgrader's and Otter's marks" if fitting else "neither nbgrader's nor Otter's marks"
        raise ValueError(f"{path} has {what}; say which it is with --kind, one of {', '.join(KINDS)}.")
    name = re.sub(r"[^a-z0-9]+", "_", path.stem.lower()).strip("_") or "lab"
    blocks, notes = KINDS[fitting[0] if kind == "auto" else kind].convert(notebook)
    if not any(hasattr(block, "tests") for block in blocks):
        raise ValueError(f"{path} has no exercise with an answer cell, so there is nothing to migrate.")
    text, more = assemble(blocks, name)
    return text, notes + more
