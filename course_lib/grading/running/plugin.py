"""A pytest plugin on nbval's classes: run a merged notebook cell by cell and report what really happened.

nbval alone waits for a dead kernel until its timeout, keeps unlimited output and marks everything after a
timeout as expected to fail. Here every cell has its own deadline, the notebook has one, a kernel that dies
is noticed at once, output is capped, later exercises get a new kernel, and each cell writes one JSON line
to a pipe that the kernel does not have. No verdict is given here: values go out, the comparison happens in
the process that reads the pipe.

Used as `pytest -p nbval.plugin -p course_lib.grading.running.plugin --course-report FD merged.ipynb`.
"""

import json
import os
import re
import time
from pathlib import Path

import nbformat
import pytest
from nbval.plugin import IPyNbCell, IPyNbFile

from course_lib.grading.running.cells import Budget, run_cell
from course_lib.grading.running.kernels import KernelFailed, WatchedKernel, bind_processes
from course_lib.grading.walls import sandbox
from course_lib.grading.walls.limits import Limits

RESTARTS = 8  # new kernels per notebook, each after another exercise had broken one
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def pytest_addoption(parser):
    """The options that `run.py` passes."""
    group = parser.getgroup("course")
    group.addoption(
        "--course-report", type=int, default=None, help="file descriptor for one JSON line per cell"
    )
    group.addoption("--course-verify", type=int, default=None, help="the same for nbval's own cells")
    group.addoption("--course-deadline", type=float, default=600.0, help="seconds for the whole notebook")


def pytest_collect_file(file_path, parent):
    """Take notebooks when grading; otherwise leave them to nbval."""
    if parent.config.option.course_report is not None and file_path.suffix == ".ipynb":
        return GradedNotebook.from_parent(parent, path=file_path)
    return None


def pytest_runtest_logreport(report):
    """When verifying: one JSON line for each of nbval's cells that ran."""
    if report.when == "call" or (report.when == "setup" and report.outcome != "passed"):
        descriptor = _verify.get("descriptor")
        if descriptor is not None:
            text = ANSI.sub("", str(report.longrepr or ""))[-4000:]
            _send(
                descriptor,
                {"cell": report.nodeid.rpartition("::")[2], "outcome": report.outcome, "text": text},
            )


_verify: dict[str, int | None] = {}


def pytest_configure(config):
    """Remember where `pytest_runtest_logreport` writes, since a report does not know its session."""
    _verify["descriptor"] = config.option.course_verify
    if config.option.course_report is not None:
        bind_processes()


def _send(descriptor: int, line: dict) -> None:
    data = json.dumps(line).encode() + b"\n"
    while data:
        data = data[os.write(descriptor, data) :]


class CellFailed(Exception):
    """A cell did not end well; the text says how."""


class GradedNotebook(IPyNbFile):
    """A merged notebook. What to do with a cell comes from trusted metadata, never from comments in it."""

    kernel: WatchedKernel | None = None

    def collect(self):
        """One item per code cell, named by role and exercise."""
        self.nb = nbformat.read(str(self.path), as_version=4)
        self.cells: list[GradedCell] = []
        for number, cell in enumerate(c for c in self.nb.cells if c.cell_type == "code"):
            course = cell.metadata["course"]
            name = f"{course['role']} {course.get('exercise') or number}"
            self.cells.append(GradedCell.from_parent(self, name=name, cell_num=number, cell=cell, options={}))
        yield from self.cells

    def setup(self):
        """Start the kernel, and the clock of the notebook."""
        limits = Limits.from_environment()
        self.restarts_left = RESTARTS
        self.gone = ""  # why there is no kernel any more
        self.broken: set[str | None] = set()  # exercises that ended a kernel
        self.avoided: set[int] = set()  # numbers of cells that ended one
        self.kernel = WatchedKernel(limits, Path(os.environ[sandbox.FOLDER]))
        self.budget = Budget(time.monotonic() + self.config.option.course_deadline, limits)

    def teardown(self):
        """Whatever happened, nothing of the kernel stays."""
        if self.kernel is not None:
            self.kernel.kill()
        peak = re.search(r"VmHWM:\s*(\d+) kB", _status())
        _send(self.config.option.course_report, {"role": "end", "driver": int(peak[1]) * 1024 if peak else 0})

    def lose_kernel(self, cell: "GradedCell", reason: str) -> None:
        """End the kernel because of a cell; its exercise gets no other one."""
        self.gone = reason
        self.avoided.add(cell.cell_num)
        if cell.exercise is not None:
            self.broken.add(cell.exercise)
        if self.kernel is not None:
            self.kernel.kill()
            self.kernel = None

    def kernel_for(self, cell: "GradedCell") -> str:
        """ "" if there is a kernel for a cell, a new one if need be; else why there is none."""
        if self.kernel is not None:
            return ""
        waiting = any(
            later.role == "answer" and later.exercise not in self.broken
            for later in self.cells[cell.cell_num :]
        )
        if cell.exercise in self.broken or not waiting:
            return self.gone
        if self.budget.over():
            return "the time for the whole notebook was over"
        while self.restarts_left:
            self.restarts_left -= 1
            if self._start_again(cell):
                return ""
        return self.gone

    def _start_again(self, cell: "GradedCell") -> bool:
        """A new kernel in which everything before a cell has run that ran well and that is needed later."""
        try:
            self.kernel = WatchedKernel(self.budget.limits, Path(os.environ[sandbox.FOLDER]))
        except KernelFailed as error:
            self.gone = str(error)
            return False
        self.budget.refill()
        for before in self.cells[: cell.cell_num]:
            if before.cell_num in self.avoided or not before.to_be_repeated():
                continue
            result = run_cell(self.kernel, before.cell.source, before.seconds, self.budget, False)
            if result.lost:
                self.lose_kernel(before, result.lost)
                return False
        return True


def _status() -> str:
    try:
        return Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        return ""


class GradedCell(IPyNbCell):
    """One cell: run it, watch it, report it."""

    status = ""

    @property
    def role(self) -> str:
        """setup, context, answer or emit."""
        return self.cell.metadata["course"]["role"]

    @property
    def exercise(self) -> str | None:
        """The exercise of an answer or emit cell."""
        return self.cell.metadata["course"].get("exercise")

    @property
    def seconds(self) -> float:
        """How long it may take."""
        return float(self.cell.metadata["course"]["timeout_s"])

    def to_be_repeated(self) -> bool:
        """Whether a new kernel needs it: the instructor's cells, and answers that later cells use."""
        if self.role == "answer":
            needed = self.cell.metadata["course"].get("needed", False)
            return needed and self.status == "ok" and self.exercise not in self.parent.broken
        return self.role != "emit"

    def setup(self):
        """Nothing: nbval would mark cells after a timeout as expected failures."""

    def runtest(self):
        """Run the cell and write its line. Raises CellFailed unless the status is "ok"."""
        line = {"role": self.role, "exercise": self.exercise, "reason": "", "documents": []}
        started, missing = time.monotonic(), self.parent.kernel_for(self)
        if missing:
            line |= {"status": "not_run", "reason": missing}
        else:
            started = time.monotonic()
            result = run_cell(
                self.parent.kernel, self.cell.source, self.seconds, self.parent.budget, self.role == "emit"
            )
            line |= {"status": result.status, "reason": result.reason, "documents": result.documents}
            if result.lost:
                self.parent.lose_kernel(self, result.lost)
        line["seconds"] = round(time.monotonic() - started, 3)
        self.status = line["status"]
        _send(self.config.option.course_report, line)
        if self.status != "ok":
            raise CellFailed(f"{self.status}: {line['reason']}")

    def repr_failure(self, excinfo):
        """The sentence, without nbval's picture of the cell."""
        return str(excinfo.value)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    """Make sure that no kernel outlives the session, even when collection or a hook failed."""
    for item in getattr(session, "items", []):
        kernel = getattr(item.parent, "kernel", None)
        if isinstance(kernel, WatchedKernel):
            kernel.kill()
