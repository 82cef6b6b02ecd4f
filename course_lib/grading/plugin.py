"""A pytest plugin on nbval's classes: run a merged notebook cell by cell and report what really happened.

nbval alone waits for a dead kernel until its timeout, keeps unlimited output and marks everything after a
timeout as expected to fail. Here every cell has its own deadline, the notebook has one, a kernel that dies
is noticed at once, output is capped, and each cell writes one JSON line to a pipe that the kernel does not
have. No verdict is given here: values go out, the comparison happens in the process that reads the pipe.

Used as `pytest -p nbval.plugin -p course_lib.grading.plugin --course-report FD merged.ipynb`.
"""

import json
import os
import re
import signal
import time
from contextlib import suppress
from queue import Empty
from typing import Any

import nbformat
import pytest
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, RunningKernel
from nbval.plugin import IPyNbCell, IPyNbFile

from course_lib.lab.bundle import MIME

LOOK = 0.2  # seconds between two looks at whether the kernel is alive
GRACE = 3.0  # seconds that an interrupted cell gets to stop
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def pytest_addoption(parser):
    """The options that `run.py` passes."""
    group = parser.getgroup("course")
    group.addoption(
        "--course-report", type=int, default=None, help="file descriptor for one JSON line per cell"
    )
    group.addoption("--course-verify", type=int, default=None, help="the same for nbval's own cells")
    group.addoption("--course-deadline", type=float, default=600.0, help="seconds for the whole notebook")
    group.addoption("--course-output", type=int, default=5_000_000, help="characters of output per notebook")


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


def _send(descriptor: int, line: dict) -> None:
    data = json.dumps(line).encode() + b"\n"
    while data:
        data = data[os.write(descriptor, data) :]


class CellFailed(Exception):
    """A cell did not end well; the text says how."""


class WatchedKernel(RunningKernel):
    """nbval's kernel, stopped for good: the whole process group goes, not only the kernel."""

    def kill(self) -> None:
        """Kill the kernel and everything that it started and that did not leave its group."""
        manager = getattr(self, "km", None)
        if manager is None:
            return
        group = getattr(manager.provisioner, "pgid", None)
        with suppress(Exception):
            self.stop()
        if group and group != os.getpgid(0):
            with suppress(OSError):
                os.killpg(group, signal.SIGKILL)


class GradedNotebook(IPyNbFile):
    """A merged notebook. What to do with a cell comes from trusted metadata, never from comments in it."""

    def collect(self):
        """One item per code cell, named by role and exercise."""
        self.nb = nbformat.read(str(self.path), as_version=4)
        self.gone = ""  # why there is no kernel any more
        self.output_left = self.config.option.course_output
        for number, cell in enumerate(c for c in self.nb.cells if c.cell_type == "code"):
            course = cell.metadata["course"]
            name = f"{course['role']} {course.get('exercise') or number}"
            yield GradedCell.from_parent(self, name=name, cell_num=number, cell=cell, options={})

    def setup(self):
        """Start the kernel in the empty home of this run, and the clock of the notebook."""
        self.kernel = WatchedKernel(CURRENT_ENV_KERNEL_NAME, cwd=os.environ["HOME"], startup_timeout=60)
        self.ends = time.monotonic() + self.config.option.course_deadline

    def teardown(self):
        """Whatever happened, nothing of the kernel stays."""
        if self.kernel is not None:
            self.kernel.kill()

    def lose_kernel(self, reason: str) -> None:
        """Kill the kernel; later cells are reported as not run, for this reason."""
        self.gone = reason
        self.kernel.kill()


class GradedCell(IPyNbCell):
    """One cell: run it, watch it, report it."""

    def setup(self):
        """Nothing: nbval would mark cells after a timeout as expected failures."""

    def runtest(self):
        """Run the cell and write its line. Raises CellFailed unless the status is "ok"."""
        course = self.cell.metadata["course"]
        line = {"role": course["role"], "exercise": course.get("exercise"), "reason": "", "documents": []}
        started = time.monotonic()
        if self.parent.gone:
            line |= {"status": "not_run", "reason": self.parent.gone}
        else:
            line |= self._execute(started, float(course["timeout_s"]), course["role"] == "emit")
        line["seconds"] = round(time.monotonic() - started, 3)
        _send(self.config.option.course_report, line)
        if line["status"] != "ok":
            raise CellFailed(f"{line['status']}: {line['reason']}")

    def repr_failure(self, excinfo):
        """The sentence, without nbval's picture of the cell."""
        return str(excinfo.value)

    def _execute(self, started: float, timeout: float, keep: bool) -> dict:
        """Run one cell and return status, reason and, for emit cells, the documents that it displayed."""
        kernel, ends = self.parent.kernel, min(started + timeout, self.parent.ends)
        client, manager = kernel.kc, kernel.km
        message = client.execute(
            self.cell.source, store_history=False, allow_stdin=False, stop_on_error=False
        )
        result: dict[str, Any] = {"status": "ok", "reason": "", "documents": []}
        idle = replied = False
        looked = interrupted = 0.0
        while not (idle and replied):
            now = time.monotonic()
            if now - looked > LOOK:
                looked = now
                if not manager.is_alive():
                    self.parent.lose_kernel("the kernel had died before")
                    return {**result, "status": "kernel_died", "reason": "the kernel died while this ran"}
            if now > ends and not interrupted:
                interrupted = now
                result |= {"status": "timeout", "reason": f"stopped after {ends - started:.0f} seconds"}
                manager.interrupt_kernel()
            elif interrupted and now > interrupted + GRACE:
                self.parent.lose_kernel("an earlier cell could not be stopped")
                return result
            try:
                replied = replied or self._has_reply(client, message)
                said = client.get_iopub_msg(timeout=LOOK / 4)
            except Empty:
                continue
            except Exception as error:  # a message that jupyter_client cannot decode: forged or far too deep
                self.parent.lose_kernel("an earlier cell sent a message that cannot be read")
                reason = f"the kernel sent a message that cannot be read ({type(error).__name__})"
                return {**result, "status": "output_limit", "reason": reason}
            content, kind = said["content"], said["msg_type"]
            self.parent.output_left -= _size(content)
            if self.parent.output_left < 0:
                self.parent.lose_kernel("an earlier cell printed too much")
                return {**result, "status": "output_limit", "reason": "more output than is allowed"}
            if said["parent_header"].get("msg_id") != message:
                continue
            if kind == "status":
                idle = idle or content.get("execution_state") == "idle"
            elif kind == "error" and result["status"] == "ok":
                text = ANSI.sub("", f"{content.get('ename')}: {content.get('evalue')}")[:500]
                result |= {"status": "error", "reason": text}
            elif keep and MIME in (content.get("data") or {}):
                result["documents"].append(content["data"][MIME])
        if self.parent.ends < time.monotonic():
            self.parent.lose_kernel("the time for the whole notebook was over")
        return result

    @staticmethod
    def _has_reply(client, message: str) -> bool:
        try:
            while True:
                if client.get_shell_msg(timeout=0)["parent_header"].get("msg_id") == message:
                    return True
        except Empty:
            return False


def _size(value: Any, depth: int = 0) -> int:
    """Characters in a message, roughly."""
    if isinstance(value, (str, bytes)):
        return len(value)
    if isinstance(value, dict):
        return 50 + sum(_size(item, depth + 1) for item in value.values()) if depth < 50 else 10**9
    if isinstance(value, (list, tuple)):
        return sum(_size(item, depth + 1) for item in value) if depth < 50 else 10**9
    return 8


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    """Make sure that no kernel outlives the session, even when collection or a hook failed."""
    for item in getattr(session, "items", []):
        kernel = getattr(item.parent, "kernel", None)
        if isinstance(kernel, WatchedKernel):
            kernel.kill()
