"""Build, verify and grade: one source file per lab goes in, notebooks and points come out.

The modules follow the data. Writing a lab: `source` -> `notebooks` -> `build` -> `verify`. Grading:
`intake` -> `merge` -> `run` -> `compare` (together a `unit` of work) -> `ledger` -> `report` -> `exports`.
Nothing here imports torch; what needs it happens in kernels and child processes.
"""

import importlib
from typing import Any

_MODULES = {
    *("source", "notebooks", "build", "verify", "migrate"),
    *("sandbox", "isolation", "batch", "regrade", "ledger", "merge", "run", "compare"),
    *("results", "report", "exports", "similarity", "statistics"),
}


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
