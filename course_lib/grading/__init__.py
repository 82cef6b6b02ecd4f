"""Build, verify and grade: one source file per lab goes in, notebooks and points come out.

The modules follow the data: `source` -> `notebooks` -> `build` -> `verify`, and
`ledger` -> `merge` -> `run` -> `compare` -> `report`. Nothing here imports torch; what needs it
happens in kernels and child processes.
"""

import importlib
from typing import Any

_MODULES = {"build", "verify", "batch", "merge", "run", "compare", "ledger", "report", "source", "notebooks"}


def grade(lab: str, submissions: Any, out: Any, **options: Any) -> Any:
    """Grade a folder of notebooks; see `course_lib.grading.batch.grade`."""
    return importlib.import_module("course_lib.grading.batch").grade(lab, submissions, out, **options)


def __getattr__(name: str):
    """Load a module of this room when it is first asked for."""
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(
        f"course_lib.grading has no {name!r}; it has grade and {', '.join(sorted(_MODULES))}."
    )
