"""Read a submission in a small process of its own: what its file does to a parser, it does there.

That process has little memory and processor time, imports the standard library only, and answers with
answers: no object of the file itself comes back. One process per file, so that none can harm the next.
"""

import json
import os
import subprocess
import sys
import tracemalloc
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import course_lib
from course_lib.grading.reading import archive, parse
from course_lib.grading.reading.merge import Answer, Merged, merge
from course_lib.lab.syntax import tree

MEMORY = 1 << 30  # bytes of address space
SECONDS = 20  # of processor time
LONG = 20_000  # characters of an answer from which its syntax is tried here
SYNTAX = 400_000_000  # bytes that reading its syntax may take
TOO_MUCH = "reading the file takes more time or memory than is allowed"
PATIENCE = 300.0  # seconds on the clock; on a busy machine that is no fault of the file


def take(data: bytes, lab: dict) -> Merged:
    """The answers in the bytes of a submission, a notebook or a zip archive with one. lab: a `merge.outline`.

    Of several notebooks in an archive the one with most answers to this lab is taken, then the newest.
    Raises Unreadable.
    """
    if not archive.is_archive(data):
        notebook, flags = parse.read(data)
        merged = merge(notebook, lab)
        merged.flags = flags + merged.flags
        return merged
    members, about_archive = archive.notebooks(data)
    found, reasons = [], []
    for name, content in members:
        if isinstance(content, archive.NotUnpacked):
            reasons.append(content.reason)
            about_archive.append(f"not read in the archive: {content.reason}")
            continue
        try:
            one = take(content, lab) if not archive.is_archive(content) else None
        except parse.Unreadable as reason:
            one = None
            reasons.append(str(reason))
        if one is not None:
            found.append((name, one))
    if not found:
        raise parse.Unreadable(
            f"no notebook in the archive can be read: {(reasons or ['not a notebook'])[0]}"
        )
    name, merged = max(found, key=lambda pair: (not pair[1].wrong_lab, _answers(pair[1])))  # first: newest
    of_lab = sum(not one.wrong_lab for _, one in found)
    if of_lab > 1:
        about_archive.append(f"{of_lab} notebooks of this lab in the archive, {name} counts")
    merged.flags = about_archive + merged.flags
    return merged


def _answers(merged: Merged) -> int:
    return sum(answer.source is not None and not answer.blank for answer in merged.answers.values())


def take_in_child(data: bytes, lab: dict) -> Merged:
    """`take` in a limited process. Raises Unreadable also for a file that breaks or exhausts that process.

    Raises OSError if no process can be started, TimeoutError if the machine is too busy to run it, and
    RuntimeError for a defect of this code.
    """
    root = str(Path(course_lib.__file__).parents[1])
    # nothing beside the submissions may be imported: the process starts in the folder of the library
    command = [sys.executable, "-S", "-m", "course_lib.grading.reading.limited"]
    env = {"PYTHONPATH": root, "PYTHONHASHSEED": "0", "PYTHONUTF8": "1"}
    sent = json.dumps(lab).encode() + b"\n" + data
    try:
        done = subprocess.run(
            command, input=sent, cwd=root, env=env, capture_output=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        raise TimeoutError(
            f"a file was not read within {PATIENCE:.0f} seconds; is the machine busy?"
        ) from None
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        last = (done.stderr.decode(errors="replace").strip().splitlines() or [""])[-1]
        if done.returncode > 0 and "MemoryError" not in last:  # it could not even begin: ours, not the file's
            raise RuntimeError(f"reading the file: {last or f'exit {done.returncode}'}") from None
        # killed by a limit or broken: the file's doing, as this process does nothing else
        raise parse.Unreadable(TOO_MUCH) from None
    if "defect" in answer:
        raise RuntimeError(answer["defect"])
    if "unreadable" in answer:
        raise parse.Unreadable(answer["unreadable"])
    answers = {
        name: Answer(**{**one, "flags": tuple(one["flags"]), "cells": tuple(one["cells"])})
        for name, one in answer["answers"].items()
    }
    return Merged(answers, answer["flags"], answer["wrong_lab"], answer["elsewhere"])


def tried(merged: Merged) -> Merged:
    """`merged` as it is, once the syntax of its long answers was read: outside, it is read without limits.

    Raises Unreadable if that takes too much: Python keeps each beginning of an `import a.a.a.a`.
    """
    for name, answer in merged.answers.items():
        if answer.source is None or len(answer.source) < LONG:
            continue
        tracemalloc.start()
        tree(answer.source)  # also of what is Python only without its magics
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        if peak > SYNTAX:
            raise parse.Unreadable(f"exercise {name}: {TOO_MUCH}")
    return merged


def _limit() -> None:
    """Limits of this process, as far as the system knows them."""
    with suppress(ImportError):
        import resource

        for kind, value in (("RLIMIT_AS", MEMORY), ("RLIMIT_CPU", SECONDS), ("RLIMIT_CORE", 0)):
            with suppress(AttributeError, ValueError, OSError):
                resource.setrlimit(getattr(resource, kind), (value, value))


def main() -> None:
    """The limited process: a line with the outline and the bytes come in, one JSON document goes out."""
    _limit()
    try:
        lab = json.loads(sys.stdin.buffer.readline())
        answer = asdict(tried(take(sys.stdin.buffer.read(), lab)))
    except parse.Unreadable as reason:
        answer = {"unreadable": str(reason)}
    except (MemoryError, RecursionError):
        answer = {"unreadable": TOO_MUCH}
    except Exception as error:  # ours, not the file's: it must not be told that to a student
        answer = {"defect": f"reading the file: {type(error).__name__}: {error}"}
    with os.fdopen(sys.stdout.fileno(), "wb", closefd=False) as out:
        out.write(json.dumps(answer).encode())


if __name__ == "__main__":
    main()
