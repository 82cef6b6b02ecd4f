"""What one submission may use, and the watchdog that ends it when it takes more.

The system's own limits (setrlimit) hold for single processes. Memory that several processes share out between
them is what a watchdog adds up, twenty times a second, over everything that the kernel started.
"""

import json
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass

import psutil

VARIABLE = "COURSE_LIMITS"
LOOK = 0.05  # seconds between two looks
MB = 1_000_000


@dataclass(frozen=True)
class Limits:
    """What one submission may use; bytes, counts and seconds.

    memory: of all its processes together. address: address space of one process, generous because PyTorch
    reserves far more than it uses. home, scratch: its folders, which are memory too. processes: threads
    included. cpu: processor seconds of one process. output, messages, document: what the kernel may send, in
    characters and messages per notebook and characters per document of values. driver: memory of the process
    that listens to the kernel.
    """

    memory: int = 4_000 * MB
    address: int = 64_000 * MB
    home: int = 512 * MB
    scratch: int = 256 * MB
    file: int = 256 * MB
    processes: int = 128
    files: int = 1024
    cpu: int = 3600
    output: int = 5 * MB
    messages: int = 2_000
    document: int = 4 * MB
    driver: int = 150 * MB

    @property
    def profile(self) -> str:
        """All limits in one line, for whoever stores what a result depended on."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_environment(cls) -> "Limits":
        """The limits that `run.run` passed on; those of a plain `Limits()` where there are none."""
        return cls(**json.loads(os.environ.get(VARIABLE, "{}")))


def kernel_command(limits: Limits, walled: bool) -> list[str]:
    """Arguments after the interpreter: limits that the kernel puts on itself, then ipykernel.

    walled: the kernel has a user namespace of its own, so that a limit on processes counts only its own.
    """
    wanted = {
        "AS": limits.address,
        "FSIZE": limits.file,
        "NOFILE": limits.files,
        "CPU": limits.cpu,
        "CORE": 0,
    }
    if walled:
        wanted["NPROC"] = limits.processes
    code = (
        "try:\n import resource as r\nexcept ImportError: r = None\n"
        f"for name, value in {wanted!r}.items():\n"
        " try:\n  kind = getattr(r, 'RLIMIT_' + name); top = r.getrlimit(kind)[1]\n"
        "  value = value if top == r.RLIM_INFINITY else min(value, top); r.setrlimit(kind, (value, value))\n"
        " except (AttributeError, ValueError, OSError): pass\n"
        "from ipykernel import kernelapp; kernelapp.launch_new_instance()"
    )
    return ["-c", code, "-f", "{connection_file}"]


class Watchdog(threading.Thread):
    """Adds up the memory below a process and of this process; kills when there is too much, and says why.

    reason: "" or (status, sentence), as it stands in the report of a cell.
    """

    def __init__(self, pid: int, limits: Limits, kill: Callable[[], None]):
        super().__init__(daemon=True, name="watchdog")
        self._pid, self._limits, self._kill = pid, limits, kill
        self._ended = threading.Event()
        self.reason: tuple[str, str] | None = None

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()

    def run(self) -> None:
        """Look until stopped, or until something had to be killed."""
        own = psutil.Process()
        while not self._ended.wait(LOOK):
            if own.memory_info().rss > self._limits.driver:
                self.reason = "output_limit", "it sent more than can be held in memory"
            elif self._used() > self._limits.memory:
                held = self._limits.memory / MB
                self.reason = "memory_limit", f"it used more than {held:.0f} MB of memory"
            if self.reason:
                self._kill()
                return

    def _used(self) -> int:
        """Memory of all processes below; shared pages count once for each, unless that would be too much."""
        tree = below(self._pid)
        total = sum(_memory(process, "rss") for process in tree)
        if total <= self._limits.memory or len(tree) < 2:
            return total
        return sum(_memory(process, "pss") for process in tree)


def below(pid: int) -> list[psutil.Process]:
    """A process and everything that it started and that still belongs to it; [] if it is gone."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def _memory(process: psutil.Process, kind: str) -> int:
    with suppress(psutil.Error, AttributeError, OSError):
        if kind == "pss":
            return process.memory_full_info().pss
        return process.memory_info().rss
    return 0


def wait_until_gone(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Kill processes and wait for them; those that are still there after so many seconds."""
    for process in processes:
        with suppress(psutil.Error):
            process.kill()
    ends = time.monotonic() + seconds
    while (left := [one for one in processes if _there(one)]) and time.monotonic() < ends:
        psutil.wait_procs(left, timeout=0.05)
    return left


def _there(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
