"""Where submissions are graded: in this process, in worker processes of this machine, on a Dask cluster.

Each has `isolation() -> (provisioner, level, sentence)` of the machines that would do the work, and
`attempts(job, units, alone)`, which gives (key, attempt) as they end. units: (key, function that gives the
bytes). At most a few submissions are in memory at a time. Only JSON comes back.
"""

import base64
import contextlib
import hashlib
import importlib.metadata
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import course_lib
from course_lib.grading import unit
from course_lib.grading.keeping.ledger import GraderError
from course_lib.grading.running import isolation

Units = Sequence[tuple[str, Callable[[], bytes]]]
Attempts = Generator[tuple[str, dict], None, None]
Walls = tuple[str | None, str, str]
LEVELS = ("none", "partial", "full")
CONNECT = "15s"  # for a scheduler to answer
SLACK = 300.0  # seconds that a worker may need beyond the deadline of a submission before it is given up


class Executor(Protocol):
    """What `batch` needs of a place to work in."""

    def isolation(self) -> Walls:
        """(name of the kernel provisioner, "full", "partial" or "none", a sentence about it)."""

    def attempts(self, job: dict, units: Units, alone: bool = False) -> Attempts:
        """(key, attempt) of every unit, in the order in which they end. alone: one at a time."""

    def close(self) -> None:
        """Let go of what it holds."""


def named(name: str | None, workers: int) -> Executor:
    """The executor of a name: None for `workers` processes here, "inline", or "dask://HOST:PORT"."""
    if name is None:
        return Local(workers)
    if name == "inline":
        return Inline()
    if name.startswith("dask://") and name[len("dask://") :].strip("/"):
        return Dask(name[len("dask://") :].strip("/"))
    raise GraderError(f"--executor {name} is not known; it is dask://HOST:PORT, the address of a scheduler.")


def walls_here() -> Walls:
    """The best isolation that this machine can give to a student's kernel."""
    return isolation.best()


def versions_here() -> dict[str, str]:
    """What decides about the values of an answer: Python, the packages a lab may use, and the course itself.

    course_lib is told by a hash of its code, which changes while its version stays.
    """
    code = hashlib.sha256()
    for path in sorted(Path(course_lib.__file__).parent.rglob("*.py")):
        code.update(path.read_bytes())
    packages = {name: importlib.metadata.version(name) for name in ("torch", "numpy")}
    python = ".".join(map(str, sys.version_info[:2]))
    return {"Python": python, **packages, "course_lib": code.hexdigest()[:12]}


class Inline:
    """In this very process, one after the other: for tests and for looking for defects."""

    def isolation(self) -> Walls:
        """As this machine has it."""
        return walls_here()

    def attempts(self, job: dict, units: Units, alone: bool = False) -> Attempts:
        """See `Executor`."""
        for key, data in units:
            yield key, unit.guarded(data(), job)

    def close(self) -> None:
        """Nothing is held."""


class Local:
    """`workers` processes of this machine. A worker that dies costs its submission a try, nothing else."""

    def __init__(self, workers: int):
        self.workers = max(1, workers)

    def isolation(self) -> Walls:
        """As this machine has it."""
        return walls_here()

    def attempts(self, job: dict, units: Units, alone: bool = False) -> Attempts:
        """See `Executor`."""
        count = 1 if alone else min(self.workers, len(units))
        header = json.dumps(job).encode()
        idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        crew = [_Worker(header, job["deadline"] + SLACK) for _ in range(count)]
        for worker in crew:
            idle.put(worker)

        def one(data: Callable[[], bytes]) -> dict:
            worker = idle.get()
            try:
                answer = worker.ask(data())
            finally:
                idle.put(worker)
            return answer if isinstance(answer, dict) else unit.broken(job, answer)

        # a thread for each process, to wait for it; the work is done in the processes
        with ThreadPoolExecutor(max_workers=max(1, count)) as threads:
            try:
                yield from _in_turn(lambda data: threads.submit(one, data), units, count, job)
            finally:
                threads.shutdown(wait=False, cancel_futures=True)
                for worker in crew:
                    worker.close()

    def close(self) -> None:
        """Nothing is held between two calls of `attempts`."""


class _Worker:
    """One worker process, started when it is first needed and again if it has died."""

    def __init__(self, header: bytes, patience: float):
        self.header, self.patience = header, patience
        self.process: subprocess.Popen | None = None
        self.closed = False

    def ask(self, data: bytes) -> dict | str:
        """The attempt for the bytes of a submission, or a sentence about how the worker broke off."""
        if self.closed:
            return "the grader was stopped"
        if self.process is None:
            self._start()
        process = self.process
        assert process is not None and process.stdin is not None and process.stdout is not None  # noqa: PT018
        timer = threading.Timer(self.patience, _stop, [process])
        timer.start()
        try:
            process.stdin.write(base64.b64encode(data) + b"\n")
            process.stdin.flush()
            line = process.stdout.readline()
            if line.endswith(b"\n"):
                return json.loads(line)
        except (OSError, ValueError):
            pass
        finally:
            timer.cancel()
        code = self._end()
        return f"the worker process broke off (exit code {code}): {self._last_words()}"

    def _start(self) -> None:
        root = Path(course_lib.__file__).parents[1]
        paths = [str(root), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
        self.noise = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process
        self.process = subprocess.Popen(
            [sys.executable, "-m", "course_lib.grading.worker"],
            cwd=root,  # -m imports from the current folder first; it must not be one of a student
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.noise, start_new_session=True,
        )  # fmt: skip
        assert self.process.stdin is not None
        self.process.stdin.write(self.header + b"\n")

    def _last_words(self) -> str:
        size = self.noise.seek(0, os.SEEK_END)
        self.noise.seek(max(0, size - 600))
        return " ".join(self.noise.read().decode(errors="replace").split())[-300:]

    def _end(self) -> int:
        process, self.process = self.process, None
        return _stop(process) if process else 0

    def close(self) -> None:
        """End the process for good."""
        self.closed = True
        self._end()


def _stop(process: subprocess.Popen) -> int:
    """End a worker and give its exit code: it is told first, so that it can end what it has started."""
    with contextlib.suppress(OSError):
        process.stdin.close()  # type: ignore[union-attr]
    try:
        return process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


class Dask:
    """An existing Dask cluster whose workers have this library. Needs the package `distributed` here."""

    def __init__(self, address: str):
        try:
            from distributed import Client
        except ImportError:
            raise GraderError(
                "--executor dask:// needs the package distributed; install it: pip install distributed."
            ) from None
        try:
            self.client = Client(f"tcp://{address}", timeout=CONNECT, set_as_default=False)
        except (OSError, ValueError) as error:
            raise GraderError(f"No Dask scheduler answers at {address} ({type(error).__name__}).") from None
        threads = self.client.nthreads()
        if not threads:
            raise GraderError(f"The Dask scheduler at {address} has no workers; start some first.")
        self.width = 2 * sum(threads.values())
        self._refuse_others(address)

    def _refuse_others(self, address: str) -> None:
        """Raise GraderError if a worker has other versions: its values could differ, its verdicts too."""
        here = versions_here()
        for worker, there in self.client.run(versions_here, on_error="return").items():
            if isinstance(there, BaseException):
                problem = f"cannot run this library ({type(there).__name__}: {there})"
            elif other := [name for name in here if there[name] != here[name]]:
                said = (f"{name} {there[name]} (here {here[name]})" for name in other)
                problem = f"has other versions than this machine: {', '.join(said)}"
            else:
                continue
            self.close()
            raise GraderError(f"The Dask worker {worker} of {address} {problem}. Install the same on both.")

    def isolation(self) -> Walls:
        """That of the worker with the weakest one."""
        found = self.client.run(walls_here)
        return min(found.values(), key=lambda walls: LEVELS.index(walls[1]))

    def attempts(self, job: dict, units: Units, alone: bool = False) -> Attempts:
        """See `Executor`. A worker that dies hands its submission to another, up to three times."""

        def submit(data: Callable[[], bytes]) -> Any:
            return self.client.submit(unit.guarded, data(), job, pure=False, retries=0)

        yield from _in_turn(submit, units, 1 if alone else self.width, job)

    def close(self) -> None:
        """Leave the cluster."""
        self.client.close()


def _in_turn(submit: Callable[[Any], Any], units: Units, width: int, job: dict) -> Attempts:
    """Keep `width` units going, give each as it ends; one that raises becomes an attempt that says so."""
    waiting = list(reversed(units))
    going: dict[Any, str] = {}
    done: queue.SimpleQueue[Any] = queue.SimpleQueue()
    while waiting or going:
        while waiting and len(going) < width:
            key, data = waiting.pop()
            try:
                future = submit(data)
            except GraderError as error:  # the original cannot be read any more
                yield key, unit.broken(job, str(error))
                continue
            going[future] = key
            future.add_done_callback(done.put)
        if not going:
            continue
        future = done.get()
        try:
            answer = future.result()
        except Exception as error:
            answer = unit.broken(job, f"{type(error).__name__}: {str(error)[:300]}")
        yield going.pop(future), answer
