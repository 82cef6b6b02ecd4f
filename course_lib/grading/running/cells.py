"""Run one cell in a kernel: its deadline, its interrupt, its output, and what became of it."""

import re
import time
from dataclasses import dataclass, field

from course_lib.grading.running import wire
from course_lib.grading.running.kernels import WatchedKernel
from course_lib.grading.walls.limits import Limits
from course_lib.lab.bundle import MIME

LOOK = 0.2  # seconds between two looks at whether the kernel is alive
GRACE = 3.0  # seconds that an interrupted cell gets to stop
LONGEST_ERROR = 200_000
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass
class Budget:
    """What is left for a notebook: time until `ends`, output, messages and documents."""

    ends: float
    limits: Limits

    def __post_init__(self):
        self.refill()

    def refill(self) -> None:
        """A new kernel may send as much as the first one."""
        self.output, self.messages = self.limits.output, self.limits.messages
        self.documents = 2 * self.limits.document

    def over(self) -> bool:
        """True when the time of the notebook has passed."""
        return time.monotonic() > self.ends


@dataclass
class CellResult:
    """status, reason and documents of a cell; lost: why the kernel has to go, "" if it can stay."""

    status: str = "ok"
    reason: str = ""
    documents: list[dict] = field(default_factory=list)
    lost: str = ""


def run_cell(kernel: WatchedKernel, source: str, seconds: float, budget: Budget, keep: bool) -> CellResult:
    """Run a cell for at most so many seconds; keep: take in the documents of values that it shows.

    Never raises for anything that the kernel does.
    """
    result, cell = CellResult(), _Cell(kernel, budget, keep)
    started = time.monotonic()
    ends = min(started + seconds, budget.ends)
    interrupted = 0.0
    cell.request = kernel.kc.execute(source, store_history=False, allow_stdin=False, stop_on_error=False)
    looked = started
    while not (cell.idle and cell.replied):
        now = time.monotonic()
        if now > looked + LOOK:
            looked = now
            if (end := kernel.died()) is not None:
                return _lost(result, end)
        if now > ends and not interrupted:
            interrupted = now
            result.status, result.reason = "timeout", f"stopped after {ends - started:.0f} seconds"
            kernel.interrupt()
        elif interrupted and now > interrupted + GRACE:
            result.lost = "an earlier cell could not be stopped"
            return result
        try:
            message = kernel.wire.receive(LOOK / 4)
            if message is not None:
                cell.take(message, result)
        except wire.Cut:
            return _lost(result, kernel.end_of_connection())
        except wire.Unreadable as error:
            return _lost(result, ("output_limit", f"a message that cannot be read ({error})"))
        except _TooMuch as error:
            return _lost(result, ("output_limit", str(error)))
    if budget.over():
        result.lost = "the time for the whole notebook was over"
    return result


def _lost(result: CellResult, end: tuple[str, str]) -> CellResult:
    status, reason = end
    if result.status != "timeout":
        result.status, result.reason = status, reason
    result.documents = []
    result.lost = {
        "kernel_died": "the kernel had died before",
        "memory_limit": "an earlier cell used too much memory",
    }.get(status, "an earlier cell printed too much")
    return result


class _TooMuch(Exception):
    """More output than is allowed; the text says of what."""


class _Cell:
    """Takes in the messages of one request."""

    def __init__(self, kernel: WatchedKernel, budget: Budget, keep: bool):
        self.kernel, self.budget, self.keep = kernel, budget, keep
        self.request = ""
        self.idle = self.replied = False

    def take(self, message: wire.Message, result: CellResult) -> None:
        """Count a message and note what it says. Raises _TooMuch and wire.Unreadable."""
        own, budget = message.parent == self.request, self.budget
        if message.channel == "shell":
            self.replied = self.replied or own
            return
        budget.messages -= 1
        if budget.messages < 0:
            raise _TooMuch(f"more than {budget.limits.messages} outputs")
        document = own and self.keep and message.kind == "display_data"
        if document and message.size > budget.limits.document:
            raise _TooMuch("more values than are allowed")
        content = message.content() if document else {}
        data = content.get("data")
        if isinstance(data, dict) and MIME in data:  # the kernel may send anything in its place
            budget.documents -= message.size
            result.documents.append(data[MIME])
        else:
            budget.output -= message.size if message.kind != "status" else 0
        if budget.output < 0 or budget.documents < 0:
            raise _TooMuch("more output than is allowed")
        if own and message.kind == "status":
            self.idle = self.idle or message.content().get("execution_state") == "idle"
        elif own and message.kind == "error" and result.status == "ok":
            result.status, result.reason = "error", _error(message)


def _error(message: wire.Message) -> str:
    if message.size > LONGEST_ERROR:
        return "an error with a very long text"
    content = message.content()
    return ANSI.sub("", f"{content.get('ename')}: {content.get('evalue')}")[:500]
