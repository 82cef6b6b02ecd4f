"""Build, verify and grade: one source file per lab goes in, notebooks and points come out.

One folder per step, each using only those before it: `authoring` (write and build a lab), `reading` (what
was handed in), `walls`, `running` (kernels, values, comparison), `keeping` (the ledger), `reporting` (pages,
tables, exports). On top of them a `unit` of work, many of them (`executors`, `batch`), `results`, `regrade`,
`verify`. Nothing here imports torch; what needs it happens in kernels and child processes.
"""

import importlib
from typing import Any


def grade(lab: str, submissions: Any, out: Any, **options: Any) -> Any:
    """Grade a folder of notebooks; see `course_lib.grading.batch.grade`."""
    return importlib.import_module("course_lib.grading.batch").grade(lab, submissions, out, **options)
