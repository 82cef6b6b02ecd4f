"""Is a student copy in labs/ still what the build wrote, or has somebody worked in it?

JupyterLab saves into the file that it opened, so the copy can hold answers; they must neither be lost at
the next build nor be taken for the stubs. A build leaves a digest of the cells in the metadata, and saving
keeps it.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import nbformat


def digest(cells: list[Any]) -> str:
    """A hash of what the cells say; outputs and empty cells (JupyterLab appends one) do not count."""
    said = [[cell.cell_type, cell.source] for cell in cells if cell.source.strip()]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


def untouched(copy: Any) -> bool:
    """True if the cells of a student copy are those that the build wrote."""
    recorded = copy.metadata.get("course", {}).get("cells")
    if recorded is not None:
        return recorded == digest(copy.cells)
    # a copy from before builds left a digest: every stub raises NotImplementedError, and nothing was run
    code = [cell for cell in copy.cells if cell.cell_type == "code"]
    answers = [cell for cell in code if cell.metadata.get("course", {}).get("role") == "answer"]
    return not any(cell.get("execution_count") for cell in code) and all(
        "NotImplementedError" in cell.source for cell in answers
    )


def set_aside(path: Path) -> Path | None:
    """Rename a student copy in which somebody has worked; return its new place, None if there is no need.

    `03_topic.ipynb` becomes `03_topic.mine.ipynb`, or `.mine-2` and so on: nothing is overwritten. What
    cannot be read is kept as well, it may be the rest of somebody's work.
    """
    if not path.is_file():
        return None
    try:
        if untouched(nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)):
            return None
    except Exception:  # nbformat raises what its parts raise: not JSON, no notebook, no text
        if not path.stat().st_size:
            return None
    number, place = 1, path.with_suffix(".mine.ipynb")
    while place.exists():
        number += 1
        place = path.with_suffix(f".mine-{number}.ipynb")
    return path.rename(place)
