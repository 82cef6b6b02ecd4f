"""The instructor's side of a grading run: the built lab, and what its solution gives on fresh inputs."""

import hashlib
import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.grading.authoring import copies, notebooks
from course_lib.grading.authoring.answers import read_attempts
from course_lib.grading.authoring.source import read_lab, version
from course_lib.grading.keeping.ledger import GraderError
from course_lib.grading.running import compare, run
from course_lib.lab import bundle as bundles

HIDDEN = 3  # freshly drawn seeds per exercise and grading run, beside the public ones


@dataclass(frozen=True)
class Lab:
    """The instructor's side of a lab; digest: a hash of everything that decides points."""

    name: str
    solution: Any
    student: Any
    bundle: dict
    digest: str


def load(root: Path, lab: str) -> Lab:
    """The built lab. Raises GraderError if it has not been built, or if its student copy holds work."""
    solution = notebooks.read(root / "labs" / "solutions" / f"{lab}.ipynb")
    student = notebooks.read(root / "labs" / f"{lab}.ipynb")
    try:
        bundle = bundles.load(lab, notebooks.bundle_folder(root))
    except FileNotFoundError as error:
        raise GraderError(
            f"{error} Give the name of one of these labs; a new one is built first, with `course build`."
        ) from None
    except (OSError, ValueError) as error:
        raise GraderError(str(error)) from None
    if solution is None or student is None:
        raise GraderError(
            f"Lab {lab!r} has no solution or no student copy under {root / 'labs'}; run `course build`."
        )
    if not copies.untouched(student):
        raise GraderError(
            f"labs/{lab}.ipynb is not what `course build` wrote: somebody has worked in it, and those "
            f"answers would count as the empty stubs. Run `course build labs/{lab}`: it keeps the work as "
            f"labs/{lab}.mine.ipynb and writes the student copy anew."
        )
    code = [[c.source, c.metadata] for n in (solution, student) for c in n.cells if c.cell_type == "code"]
    digest = hashlib.sha256(json.dumps([code, bundles.digest(bundle)]).encode()).hexdigest()
    return Lab(lab, solution, student, bundle, digest)


def not_built(root: Path, known: Lab) -> str:
    """A sentence if the lab's source or its mistakes are not those that were built; "" if they are.

    Also "" where there is no source. Of a mistake its name and its hint are compared: whether its code gives
    other values only `course build --check` can say.
    """
    source = root / "labs" / "source" / f"{known.name}.py"
    try:
        if version(source) != known.bundle.get("version"):
            other = f"labs/source/{source.name} is not what the lab was built from"
        elif _mistakes(source) != _built_mistakes(known.bundle):
            other = f"labs/wrong/{source.name} has other mistakes or hints than the lab was built with"
        else:
            return ""
    except OSError:
        return ""
    return (
        f"{other}; the built lab is what counts here. "
        f"If your change should count, run `course build labs/{known.name}` and give this command again."
    )


def _mistakes(source: Path) -> dict[str, tuple[str, str]] | None:
    """{name: (exercise, hint)} of labs/wrong, None if it cannot be read."""
    try:
        attempts = read_attempts(source.parent.parent / "wrong" / source.name, read_lab(source), False)
    except ValueError:  # not in UTF-8, or a SourceError
        return None
    return {name: (a.exercise, hint) for a in attempts for name, hint in a.hints.items()}


def _built_mistakes(bundle: dict) -> dict[str, tuple[str, str]]:
    return {
        wrong["name"]: (exercise, wrong["hint"])
        for exercise, entry in bundle["exercises"].items()
        for wrong in entry["wrong"]
    }


def expectations(known: Lab, deadline: float = 600.0) -> dict[str, list[dict]]:
    """{exercise: the reference's runs} on the public and on freshly drawn seeds.

    They come from a kernel that no student sees and live in this process only. Raises GraderError if the
    reference does not give its own public values, or stops on a fresh input.
    """
    exercises = known.bundle["exercises"]
    seeds = {
        n: [*e["seeds"], *(secrets.randbelow(2**31 - 1000) + 1000 for _ in range(HIDDEN))]
        for n, e in exercises.items()
    }
    answers = {
        c.metadata["course"]["exercise"]: c.source for c in known.solution.cells if c.id.startswith("answer-")
    }
    work = run.cells(known.solution, answers, known.bundle, seeds)
    result = run.run(work, known.bundle, deadline=deadline)
    found = {}
    for name, entry in exercises.items():
        runs, complaint = compare.documents_of(result.of("emit", name), name, seeds[name])
        broken = (
            "; ".join(result.broken_context())
            or result.of("answer", name)["reason"]
            or result.lost
            or complaint
        )
        if not runs:
            raise GraderError(f"The solution of {known.name} cannot be run: exercise {name}: {broken}.")
        if not compare.same_runs(
            entry["reference"], runs[: len(entry["seeds"])], entry["rtol"], entry["atol"]
        ):
            raise GraderError(
                f"Exercise {name}: the solution no longer gives the values in the bundle; run `course build`."
            )
        stopped = next((one for one in runs if "error" in one), None)
        if stopped is not None:  # else an answer that stops in the same way would be right
            raise GraderError(
                f"Exercise {name}: the solution stops with {stopped['error']['type']} on the fresh input of "
                f"seed {stopped['seed']}; mend the answer or its probe in the source, then `course build`."
            )
        found[name] = runs
    return found
