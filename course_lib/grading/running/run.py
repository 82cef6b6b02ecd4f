"""Run the answers of one submission in a kernel of its own and bring back the values that came out.

The kernel gets probes and seeds. What the values should be never enters it, nor any file of the run.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat

from course_lib.files import write_whole
from course_lib.grading.authoring.notebooks import TIMEOUT
from course_lib.grading.authoring.source import SKIPPED_BY_GRADER
from course_lib.grading.running import needs
from course_lib.grading.walls import sandbox
from course_lib.grading.walls.limits import Limits
from course_lib.lab import bundle as bundles

CONTEXT_TIMEOUT = 180.0  # seconds for a setup or helper cell of the instructor (it may draw a data set once)
OLD = 86_400.0  # seconds after which the folder of a run belongs to nobody any more
LARGEST_REPORT = 64_000_000
# what takes values out is loaded anew from files that the student's code cannot write: whatever that code
# put in its place is gone
EMIT = """import sys as _sys
for _name in [n for n in _sys.modules if n == "course_lib.lab" or n.startswith("course_lib.lab.")]:
    del _sys.modules[_name]
from course_lib.lab.probe import emit as _emit"""
JUDGE = "from course_lib.lab.probe import emit_replayed as _emit_replayed"
# pytest, but without what jsonschema would load to check addresses and dates that no notebook here has
UNUSED = ("rfc3987_syntax", "rfc3986_validator", "isoduration")
PYTEST = (
    f"import sys; sys.modules.update(dict.fromkeys({UNUSED!r})); import pytest; "
    "sys.exit(pytest.main(sys.argv[1:]))"
)


@dataclass
class Result:
    """What a run gave: one line per cell, in order; `lost` says why the run itself broke off, if it did.

    isolation: "full", "partial" or "none". driver: the most memory that the process which listened to the
    kernel ever held, in bytes; 0 where the system does not tell.
    """

    lines: list[dict] = field(default_factory=list)
    lost: str = ""
    isolation: str = "none"
    driver: int = 0

    def of(self, role: str, exercise: str) -> dict:
        """The line of the answer or emit cell of an exercise; "not_run" if there is none."""
        for line in self.lines:
            if line["role"] == role and line["exercise"] == exercise:
                return line
        return {"role": role, "exercise": exercise, "status": "not_run", "reason": self.lost, "documents": []}

    def broken_context(self) -> list[str]:
        """Sentences about the instructor's own cells that failed."""
        return [
            f"a {line['role']} cell of the lab ended with {line['status']}: {line['reason']}"
            for line in self.lines
            if line["role"] in ("setup", "context") and line["status"] != "ok"
        ]


def cells(
    solution: Any, answers: dict[str, str | None], bundle: dict, seeds: dict[str, list[int]]
) -> list[dict]:
    """The cells of a run: the instructor's setup and helpers, each answer, and after it its emit cell.

    answers: {exercise: source}; one with None is left out. seeds: {exercise: public and hidden seeds}.
    """
    # imported before any answer is timed
    warm = {"role": "setup", "exercise": None, "source": EMIT, "timeout_s": CONTEXT_TIMEOUT}
    found = [warm]
    for cell in solution.cells:
        course = cell.metadata.get("course", {})
        role, exercise = course.get("role", "context"), course.get("exercise")
        if cell.cell_type != "code" or role in SKIPPED_BY_GRADER:
            continue
        if role != "answer":
            found.append(
                {"role": role, "exercise": None, "source": cell.source, "timeout_s": CONTEXT_TIMEOUT}
            )
        elif answers.get(exercise) is not None:
            timeout, name = course.get("timeout_s", TIMEOUT), bundle["exercises"][exercise]["answer"]
            more = ", record=True" if says_the_same(bundle["exercises"][exercise]) else ""
            emit = f"{EMIT}\n_emit({exercise!r}, {name}, {seeds[exercise]!r}{more})"
            found.append(
                {"role": "answer", "exercise": exercise, "source": answers[exercise], "timeout_s": timeout}
            )
            found.append({"role": "emit", "exercise": exercise, "source": emit, "timeout_s": timeout})
    return needs.marked(found)


def says_the_same(entry: dict) -> bool:
    """Whether the reference's values of an exercise are the same for every seed (see `again`)."""
    values = [one.get("values") for one in entry["reference"]]
    return all(one == values[0] for one in values)


def record_cells(records: dict[str, list[str]], seeds: dict[str, list[int]]) -> list[dict]:
    """The cells that judge records instead of answers. records: {exercise: one per seed}."""
    found = [{"role": "setup", "exercise": None, "source": JUDGE, "timeout_s": CONTEXT_TIMEOUT}]
    for name, texts in records.items():
        source = f"_emit_replayed({name!r}, {texts!r}, {seeds[name]!r})"
        found.append({"role": "emit", "exercise": name, "source": source, "timeout_s": CONTEXT_TIMEOUT})
    return found


def run(
    work: list[dict],
    bundle: dict,
    *,
    deadline: float = 600.0,
    provisioner: str | None = None,
    limits: Limits | None = None,
    isolation: str | None = None,
) -> Result:
    """Run cells (from `cells`) in a fresh kernel, in a fresh empty folder, through nbval in a child process.

    deadline: seconds for all cells together. provisioner: see `sandbox`; None runs without walls. isolation:
    the level to be noted in the result; without it that of the provisioner on this machine. Never raises for
    anything that the cells do.
    """
    if isolation is None:
        from course_lib.grading.running.isolation import best  # which starts a kernel with this function

        isolation = best()[1] if provisioner == sandbox.NAME else "none"
    _remove_leftovers()
    with tempfile.TemporaryDirectory(prefix="course-run-", ignore_cleanup_errors=True) as folder:
        private, home = Path(folder), Path(folder, "driver")
        home.mkdir(mode=0o700)
        text = bundles.text(bundles.stripped(bundle))
        tables = sandbox.write_seen(private, {f"{bundle['lab']}.json": text})
        _write_notebook(work, private / "merged.ipynb")
        env = sandbox.environment(home, tables, provisioner, limits) | {sandbox.FOLDER: folder}
        result = _drive(home, env, len(work), deadline)
    result.isolation = isolation
    return result


def _remove_leftovers() -> None:
    """Delete folders of runs whose grader was killed a day or more ago."""
    for left in Path(tempfile.gettempdir()).glob("course-run-*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > OLD:
                shutil.rmtree(left, ignore_errors=True)


def _write_notebook(work: list[dict], path: Path) -> None:
    nodes = [
        nbformat.v4.new_code_cell(
            cell["source"],
            id=f"cell-{number}",
            metadata={"course": {key: value for key, value in cell.items() if key != "source"}},
        )
        for number, cell in enumerate(work)
    ]
    write_whole(path, json.dumps(nbformat.v4.new_notebook(cells=nodes)))


def _drive(folder: Path, env: dict[str, str], count: int, deadline: float) -> Result:
    """Start pytest with nbval and our plugin only, read its pipe, and end it if it outlives its time."""
    reader, writer = os.pipe()
    command = [sys.executable, "-c", PYTEST, "-p", "course_lib.grading.running.plugin", "-p", "nbval.plugin"]
    command += [
        "-p",
        "no:cacheprovider",
        "--noconftest",
        "-c",
        os.devnull,
        f"--rootdir={folder.parent}",
        "-q",
        "--tb=no",
        "--assert=plain",
    ]
    command += [f"--course-report={writer}", f"--course-deadline={deadline}", "../merged.ipynb"]
    with tempfile.TemporaryFile() as noise:
        child = subprocess.Popen(
            command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=noise, stderr=noise,
            pass_fds=(writer,), start_new_session=True,
        )  # fmt: skip
        os.close(writer)
        received = bytearray()
        thread = threading.Thread(target=_receive, args=(reader, received), daemon=True)
        thread.start()
        lost = ""
        try:
            child.wait(timeout=deadline + 90)
        except subprocess.TimeoutExpired:
            lost = "the run did not end in its time"
        _end(child)
        thread.join(timeout=10)
        noise.seek(0)
        tail = noise.read()[-600:].decode(errors="replace").strip()
    lines = _lines(bytes(received))
    peak = max((line["driver"] for line in lines if line["role"] == "end"), default=0)
    result = Result([line for line in lines if line["role"] != "end"], lost, driver=peak)
    if not lost and len(result.lines) < count:
        result.lost = f"the run broke off (exit code {child.returncode}): {tail[-300:]}"
    return result


def _receive(reader: int, received: bytearray) -> None:
    with os.fdopen(reader, "rb") as pipe:
        while chunk := pipe.read1(1 << 16):
            if len(received) < LARGEST_REPORT:
                received += chunk


def _end(child: subprocess.Popen) -> None:
    with contextlib.suppress(OSError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _lines(data: bytes) -> list[dict]:
    found = []
    for line in data.splitlines():
        try:
            found.append(json.loads(line))
        except (ValueError, RecursionError):
            continue
    return found
