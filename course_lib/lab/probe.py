"""Run a probe on an answer: the one piece of code that check, build and grader have in common.

A probe is `probe(answer, seed) -> {name: value}`: it makes inputs from the seed, calls the answer
and returns what came out. Its source travels in the bundle and runs in a namespace of its own.
"""

import contextlib
import functools
import inspect
import random
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from course_lib.lab import bundle
from course_lib.lab.replay import Record, replayed
from course_lib.lab.values import MIME, describe, encode, fingerprint

PATIENCE = 10.0  # seconds for one call of a probe in a notebook


class TooSlow(Exception):
    """The answer did not come back in time."""


def load_probe(source: str, exercise: str) -> Callable[[Any, int], dict]:
    """The function `probe` that `source` defines. Raises ValueError if it defines none."""
    namespace: dict[str, Any] = {"__name__": f"probe_{exercise}"}
    exec(compile(source, f"<probe {exercise}>", "exec"), namespace)
    if not callable(namespace.get("probe")):
        raise ValueError(f"The probe cell of exercise {exercise} must define probe(answer, seed).")
    return namespace["probe"]


def run(
    probe: Callable, answer: Any, seed: int, patience: float | None = None, record: Record | None = None
) -> dict:
    """One call of `probe(answer, seed)`, described in JSON. record: where to write down what the answer did.

    {"seed", "values": {name: encoded}, "returned": [description of each answer], "changed": [arguments
    that the answer changed in place]}, or {"seed", "error": encoded, ...} when something was raised.
    The global random generators start from the seed and are put back afterwards.
    """
    watcher = _Watcher(answer)
    report: dict[str, Any] = {"seed": int(seed)}
    try:
        with _seeded(seed), _time_limit(patience):
            values = probe(record.of(watcher.answer) if record else watcher.answer, seed)
        if not isinstance(values, dict):
            raise TypeError(f"A probe returns a dictionary of values, not {type(values).__name__}.")
        report["values"] = {str(name): encode(value) for name, value in values.items()}
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # an answer may raise anything, SystemExit included
        report["error"] = encode(error)
        report["error"]["line"] = _line_of(error, answer)
    report["returned"] = watcher.returned
    report["changed"] = sorted(watcher.changed)
    return report


def run_all(source: str, exercise: str, answer: Any, seeds: Any, patience: float | None = None) -> list[dict]:
    """`run` on every seed."""
    probe = load_probe(source, exercise)
    return [run(probe, answer, seed, patience) for seed in seeds]


def document(exercise: str, answer: Any, seeds: Any, record: bool = False) -> dict:
    """What the grader takes out of a kernel: {"exercise", "runs": [one per seed]}.

    record: also "records", what the answer did on each seed (`replay.Record.text`).
    """
    _, entry = bundle.find(exercise)
    if not record:
        return {"exercise": str(exercise), "runs": run_all(entry["probe"], exercise, answer, seeds)}
    probe, records = load_probe(entry["probe"], exercise), [Record() for _ in seeds]
    runs = [run(probe, answer, seed, record=one) for seed, one in zip(seeds, records, strict=True)]
    return {"exercise": str(exercise), "runs": runs, "records": [one.text() for one in records]}


def emit(exercise: str, answer: Any, seeds: Any = bundle.PUBLIC_SEEDS, record: bool = False) -> None:
    """Display the values of `answer` on `seeds` as one JSON document of the type `values.MIME`."""
    _display(document(exercise, answer, seeds, record))


def emit_replayed(exercise: str, records: list[str], seeds: list[int]) -> None:
    """`emit` of an answer that is not here: its record on each seed takes its place."""
    _, entry = bundle.find(exercise)
    probe = load_probe(entry["probe"], exercise)
    runs = [run(probe, replayed(text), seed) for text, seed in zip(records, seeds, strict=True)]
    _display({"exercise": str(exercise), "runs": runs})


def _display(content: dict) -> None:
    from IPython.display import display

    display({MIME: content}, raw=True)


class _Watcher:
    """Stands in for a function: notes what comes back and which arguments change on the way.

    Classes and other callables are passed through as they are, since wrapping them would be felt.
    """

    def __init__(self, answer: Any):
        self.returned: list[dict] = []
        self.changed: set[str] = set()
        self.answer = self._wrapped(answer) if inspect.isfunction(answer) else answer

    def _wrapped(self, function: Callable) -> Callable:
        names = list(inspect.signature(function).parameters)

        @functools.wraps(function)
        def watched(*args, **kwargs):
            given = {**{_name(names, i): value for i, value in enumerate(args)}, **kwargs}
            before = {name: fingerprint(value) for name, value in given.items()}
            result = function(*args, **kwargs)
            self.changed |= {name for name, value in given.items() if fingerprint(value) != before[name]}
            if len(self.returned) < 8:
                self.returned.append(describe(result))
            return result

        return watched


def _name(names: list[str], index: int) -> str:
    return names[index] if index < len(names) else f"argument {index + 1}"


def _line_of(error: BaseException, answer: Any) -> int | None:
    """The line of the student's own cell (1 is the top of the cell) at which the error came up."""
    functions = vars(answer).values() if inspect.isclass(answer) else [answer]
    homes = {function.__code__.co_filename for function in functions if inspect.isfunction(function)}
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename in homes:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Global generators (random, NumPy, torch if loaded) start from `seed`; afterwards they are as before."""
    torch = sys.modules.get("torch")
    state = random.getstate(), np.random.get_state(), torch.get_rng_state() if torch else None
    random.seed(seed)
    np.random.seed(seed % 2**32)
    if torch:
        torch.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(state[0])
        np.random.set_state(state[1])
        if torch and state[2] is not None:
            torch.set_rng_state(state[2])


@contextlib.contextmanager
def _time_limit(seconds: float | None) -> Iterator[None]:
    """Raise TooSlow after `seconds`, where the system can (main thread of a Unix process)."""
    if (
        seconds is None
        or not hasattr(signal, "SIGALRM")
        or threading.current_thread() is not threading.main_thread()
    ):
        yield
        return

    def stop(*_):
        raise TooSlow(f"no answer after {seconds:g} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
