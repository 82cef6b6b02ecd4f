"""Execute a notebook and keep only what is worth storing: no timings, no widget state, no progress bars."""

import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import course_lib

WIDGET = "application/vnd.jupyter.widget-view+json"
ADDRESS = re.compile(r"\b0x[0-9a-f]{6,}\b")


class ExecutionFailed(RuntimeError):
    """A cell stopped with an error; the text names notebook, cell and error."""


def environment(bundles: Path | None = None, **more: str) -> dict[str, str]:
    """Variables of a kernel that builds or verifies: quick profile, this course_lib, these bundles."""
    found = dict(os.environ) | {
        "COURSE_PROFILE": "quick",
        "COURSE_BUILDING": "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    }
    here = str(Path(course_lib.__file__).parents[1])
    paths = [here, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    found["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))
    if bundles is not None:
        found["COURSE_BUNDLES"] = str(bundles)
    return found | more


def execute(notebook: Any, label: str, bundles: Path | None = None, timeout: float = 900) -> Any:
    """Run all cells in order in an empty folder and return the notebook with cleaned outputs.

    Raises ExecutionFailed with the number of the cell and the error.
    """
    import nbclient

    with tempfile.TemporaryDirectory(prefix="course-build-") as folder:
        client = nbclient.NotebookClient(
            notebook,
            timeout=timeout,
            kernel_name="python3",
            record_timing=False,
            store_widget_state=False,
            resources={"metadata": {"path": folder}},
        )
        try:
            client.execute(env=environment(bundles), stderr=subprocess.DEVNULL)
        except nbclient.exceptions.CellTimeoutError:
            raise ExecutionFailed(f"{label}: a cell took longer than {timeout:g} seconds.") from None
        except nbclient.exceptions.DeadKernelError:
            raise ExecutionFailed(f"{label}: the kernel died.") from None
        except nbclient.exceptions.CellExecutionError as error:
            number = next(
                (
                    i
                    for i, cell in enumerate(notebook.cells, 1)
                    for o in cell.get("outputs", [])
                    if o.output_type == "error"
                ),
                0,
            )
            raise ExecutionFailed(
                f"{label}: cell {number} stops with {error.ename}: {error.evalue}"
            ) from None
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = _clean(cell.outputs)
            cell.metadata.pop("execution", None)
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook


def _clean(outputs: list) -> list:
    """Outputs without stderr (progress bars, warnings) and without widget views, streams joined."""
    kept: list[Any] = []
    for output in outputs:
        if output.output_type == "stream":
            if output.name == "stderr":
                continue
            if kept and kept[-1].output_type == "stream":
                kept[-1].text += output.text
                continue
        elif WIDGET in output.get("data", {}):
            rest = {kind: data for kind, data in output.data.items() if kind not in (WIDGET, "text/plain")}
            if not rest:
                continue
            output.data = rest
        kept.append(output)
    return kept


def private_outputs(notebook: Any, label: str, root: Path) -> list[str]:
    """Sentences about outputs that show an address in memory, a home folder or a path of this machine."""
    homes = {str(Path.home()), str(root), tempfile.gettempdir(), "/home/", "/Users/"}
    homes = {home if home.endswith("/") else home + "/" for home in homes if len(home) > 1}
    problems = []
    for number, cell in enumerate(notebook.cells, start=1):
        for output in cell.get("outputs", []):
            parts = [
                output.get("text", ""),
                *(v for k, v in output.get("data", {}).items() if k.startswith("text/")),
            ]
            text = "\n".join("".join(part) for part in parts)
            found = ADDRESS.search(text)
            if found:
                problems.append(
                    f"{label}: the output of cell {number} shows an address in memory ({found[0]})."
                )
            problems += [
                f"{label}: the output of cell {number} shows a folder of this machine."
                for h in homes
                if h in text
            ][:1]
    return problems


def executed_in_order(notebook: Any, label: str) -> list[str]:
    """Sentences about code cells that were not run from top to bottom or ended in an error."""
    problems: list[str] = []
    expected = 1
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        if cell.execution_count != expected:
            return [*problems, f"{label}: cell {number} was not executed in order; run `course build`."]
        if any(output.output_type == "error" for output in cell.outputs):
            problems.append(f"{label}: cell {number} shows an error.")
        expected += 1
    return problems
