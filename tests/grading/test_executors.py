"""Worker processes: one that dies costs its own submission a try; none outlives the grader."""

import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest

from course_lib.grading import executors, unit
from course_lib.grading.keeping.ledger import GraderError


def job(**more):
    """A job for which no kernel starts: what is sent is not readable."""
    bundle = {"exercises": {"90.1": {"points": 40}}}
    outline = {"lab": "x", "version": "1", "exercises": [], "cells": []}
    return {"grader": unit.VERSION, "bundle": bundle, "outline": outline, "deadline": 60.0} | more


def units(*contents):
    return [(str(number), lambda data=data: data) for number, data in enumerate(contents)]


def workers():
    """Worker processes that this process has started."""
    found = psutil.Process().children(recursive=True)
    return [one for one in found if "course_lib.grading.worker" in " ".join(one.cmdline())]


@pytest.mark.parametrize("count", [1, 2])
def test_every_unit_gets_its_own_answer(count):
    contents = [b"", b"<html>", b"[1]", b"hello", b"{}"]
    found = dict(executors.Local(count).attempts(job(), units(*contents)))
    here = dict(executors.Inline().attempts(job(), units(*contents)))
    assert found == here
    assert [found[str(n)]["rows"][0]["reason"][:15] for n in range(3)] == [
        "the file is emp", "the file is a w", "the file holds ",
    ]  # fmt: skip
    assert workers() == []


def test_a_worker_that_is_killed_costs_its_own_submission_only():
    """Each content but the last is answered by the same worker; it is killed while it reads the second."""
    running = executors.Local(1)
    attempts = running.attempts(job(), units(b"", b"[" * 15_000_000, b"<html>"))
    assert next(attempts)[1]["status"] == "unreadable"
    (worker,) = workers()
    assert os.getsid(worker.pid) == worker.pid  # Ctrl-C in the terminal reaches the grader only
    threading.Timer(0.3, worker.kill).start()
    rest = dict(attempts)
    assert rest["2"]["rows"][0]["reason"].startswith("the file is a web page")
    if rest["1"]["status"] == "interrupted":  # otherwise it had been read within that moment
        assert "the worker process broke off (exit code -9)" in rest["1"]["lost"]


def test_a_worker_that_dies_is_told_with_its_last_words(monkeypatch):
    broken = job(grader="0")
    (_, attempt), = executors.Local(1).attempts(broken, units(b""))  # fmt: skip
    assert "version" in attempt["lost"]
    monkeypatch.setattr(sys, "executable", "/bin/false")
    (_, attempt), = executors.Local(1).attempts(job(), units(b""))  # fmt: skip
    assert attempt["status"] == "interrupted"
    assert "broke off (exit code 1)" in attempt["lost"]


def test_a_worker_that_never_answers_is_given_up(monkeypatch):
    monkeypatch.setattr(executors, "SLACK", 0.0)
    silent = [sys.executable, "-c", "import sys; sys.stdin.buffer.read()"]
    popen = subprocess.Popen
    monkeypatch.setattr(executors.subprocess, "Popen", lambda command, **how: popen(silent, **how))
    (_, attempt), = executors.Local(1).attempts(job(deadline=0.2), units(b""))  # fmt: skip
    assert "broke off" in attempt["lost"]


def test_what_is_abandoned_leaves_no_process():
    attempts = executors.Local(2).attempts(job(), units(*[b""] * 10))
    next(attempts)
    attempts.close()
    assert workers() == []


def test_workers_end_with_the_process_that_started_them():
    """Also if that was killed and could not tell them."""
    code = (
        "import sys; from tests.grading.test_executors import *\n"
        "attempts = executors.Local(1).attempts(job(), units(b'', b''))\n"
        "next(attempts); print(workers()[0].pid, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=os.getcwd()
    ) as process:
        assert process.stdout is not None
        worker = psutil.Process(int(process.stdout.readline()))
        process.send_signal(signal.SIGKILL)
        process.wait()
    ended = time.monotonic() + 20
    while worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE and time.monotonic() < ended:
        time.sleep(0.05)
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE


def test_a_full_disk_is_nobodys_result(monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device", "/tmp/x")

    monkeypatch.setattr(unit.limited, "take_in_child", full)
    assert unit.guarded(b"", job()) == {"stop": "the disk is full (/tmp/x)"}


def test_a_defect_is_an_attempt_that_says_so(monkeypatch):
    monkeypatch.setattr(unit.limited, "take_in_child", lambda *a: 1 / 0)
    attempt = unit.guarded(b"", job())
    assert attempt["status"] == "interrupted"
    assert attempt["lost"] == "grader: ZeroDivisionError: division by zero"


@pytest.mark.parametrize("name", ["dask", "dask://", "ray://x:1", "tcp://localhost:1"])
def test_an_unknown_executor_is_a_sentence(name):
    with pytest.raises(GraderError, match=r"it is dask://HOST:PORT"):
        executors.named(name, 1)


def test_without_distributed_and_without_a_scheduler_there_is_a_sentence(monkeypatch, free_port):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(GraderError, match="pip install distributed"):
        executors.named(f"dask://localhost:{free_port}", 1)
