"""`course build`: from labs/source and lectures/source to notebooks and bundles, always the same bytes.

Every problem is a sentence in the list that `build` returns; a lab with problems is not written.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from course_lib.files import write_whole
from course_lib.grading.authoring import copies, lint, notebooks, tables
from course_lib.grading.authoring.answers import Attempts, read_attempts
from course_lib.grading.authoring.execute import ExecutionFailed, execute, executed_in_order, private_outputs
from course_lib.grading.authoring.scan import leaks
from course_lib.grading.authoring.source import Source, SourceError, read_lab, read_lecture
from course_lib.lab import bundle as bundles
from course_lib.lab.bundle import PUBLIC_SEEDS
from course_lib.lab.compare import ATOL, RTOL


def build(
    root: Path | str,
    labs: Iterable[str] | None = None,
    check: bool = False,
    execute: bool = True,
    force: bool = False,
    say: Callable[[str], None] = lambda sentence: None,
) -> list[str]:
    """Build every lab and lecture under `root`, or those named in `labs`; return what is wrong, as sentences.

    labs: names such as "03_contrastive" (lab and lecture), "labs/03_contrastive" or "lectures/01_world".
    check: write nothing; compare the files on disk with what their sources give.
    execute: run solutions and lectures whose code changed since they were last run (`force`: all of them).
    say: called with a sentence when something begins. Raises FileNotFoundError for a name without source.
    """
    root = Path(root).resolve()
    problems: list[str] = []
    for path in sources(root, labs):
        one = _lab if path.parents[1].name == "labs" else _lecture
        say(f"{path.parents[1].name}/{path.stem}")
        try:
            problems += one(root, path, check, execute, force, say)
        except SourceError as error:
            problems += error.problems
        except ExecutionFailed as error:
            problems.append(str(error))
    return problems


def sources(root: Path, names: Iterable[str] | None = None) -> list[Path]:
    """The source files of labs, then lectures, in order; only those named, if names are given."""
    found = [p for room in ("labs", "lectures") for p in sorted((root / room / "source").glob("[0-9]*.py"))]
    if names is None:
        return found
    wanted = []
    for name in names:
        some = [p for p in found if name in (p.stem, f"{p.parents[1].name}/{p.stem}")]
        if not some:
            known = ", ".join(sorted({p.stem for p in found})) or "none"
            raise FileNotFoundError(f"There is no source for {name!r} under {root}; there are: {known}.")
        wanted += [path for path in some if path not in wanted]
    return wanted


def _lab(root: Path, path: Path, check: bool, run: bool, force: bool, say: Callable) -> list[str]:
    lab = read_lab(path)
    wrong = read_attempts(root / "labs" / "wrong" / path.name, lab, hints_needed=True)
    right = read_attempts(root / "labs" / "right" / path.name, lab, hints_needed=False)
    say(f"  values of {len(lab.exercises)} exercises and {sum(len(a.hints) for a in wrong + right)} answers")
    table = tables.values(lab, wrong + right)
    bundle = make_bundle(lab, table, wrong)
    repository = notebooks.repository_of(root)
    student = notebooks.student(lab, repository)
    problems = lint.lab(lab, student) + lint.answers(lab, bundle, table, wrong, right)
    problems += leaks(lab, student, bundle, wrong, right)
    if problems:
        return problems

    copy, solution_path = (
        root / "labs" / path.with_suffix(".ipynb").name,
        root / "labs/solutions" / f"{lab.name}.ipynb",
    )
    bundle_path = notebooks.bundle_folder(root) / f"{lab.name}.json"
    bundle = _stored_if_close(bundle, bundle_path)
    solution = notebooks.solution(lab, repository)
    key = notebooks.execution_key(solution, *_said_by_check(bundle))
    if check:
        problems += _same_file(root, copy, notebooks.as_text(student))
        problems += _same_file(root, bundle_path, bundles.text(bundle))
        return problems + _check_executed(root, solution_path, solution, key)
    write_whole(bundle_path, bundles.text(bundle))
    mine = copies.set_aside(copy)
    if mine:
        say(f"  somebody has worked in {copy.relative_to(root)}: that work is now {mine.relative_to(root)}")
    write_whole(copy, notebooks.as_text(student))
    return _write_executed(root, solution_path, solution, key, run, force, say)


def _lecture(root: Path, path: Path, check: bool, run: bool, force: bool, say: Callable) -> list[str]:
    source = read_lecture(path)
    lecture = notebooks.lecture(source)
    target = root / "lectures" / path.with_suffix(".ipynb").name
    key = notebooks.execution_key(lecture)
    problems = lint.unique_ids(source, lecture)
    if problems:
        return problems
    if check:
        return _check_executed(root, target, lecture, key)
    return _write_executed(root, target, lecture, key, run, force, say)


def make_bundle(lab: Source, table: dict, wrong: list[Attempts]) -> dict:
    """What check and grader need to know about a lab; `table` comes from `tables.values`."""
    hints = {name: (a.exercise, hint) for a in wrong for name, hint in a.hints.items()}
    exercises: dict[str, Any] = {}
    for name, exercise in lab.exercises.items():
        reference, settings = table[name]["reference"], exercise.settings
        exercises[name] = {
            "answer": exercise.answer,
            "callable": table[name]["callable"],
            "points": settings.get("points", 0),
            "probe": exercise.probe,
            "seeds": list(PUBLIC_SEEDS),
            "rtol": float(settings.get("rtol", RTOL)),
            "atol": float(settings.get("atol", ATOL)),
            "hints": [" ".join(hint.split()) for hint in exercise.hints],
            "message": settings.get("message", ""),
            "next": settings.get("next", ""),
            "off_limits": list(settings.get("off_limits", [])),
            "changes": sorted({change for run in reference for change in run["changed"]}),
            "reference": [
                {key: run[key] for key in ("seed", "values", "error", "returned") if key in run}
                for run in reference
            ],
            "wrong": [
                {
                    "name": w,
                    "hint": hint,
                    "runs": [_only_values(run) for run in table[name]["attempts"][w]["runs"]],
                }
                for w, (of, hint) in hints.items()
                if of == name
            ],
        }
    return {"format": bundles.FORMAT, "lab": lab.name, "version": lab.version, "exercises": exercises}


def _said_by_check(bundle: dict) -> list[str]:
    """What the outputs of check cells in a solution depend on beside its code; not on values' last digits."""
    keys = ("answer", "probe", "seeds", "rtol", "atol", "next", "off_limits", "changes")
    return [json.dumps([name, [entry[key] for key in keys]]) for name, entry in bundle["exercises"].items()]


def _only_values(run: dict) -> dict:
    if "error" in run:
        return {"seed": run["seed"], "error": {"kind": "error", "type": run["error"]["type"]}}
    return {"seed": run["seed"], "values": run["values"]}


def _stored_if_close(bundle: dict, path: Path) -> dict:
    """The bundle on disk if only the last digits of its values differ (another machine), else the new one."""
    try:
        stored = bundles.load(path.stem, path.parent)
    except (OSError, ValueError):
        return bundle
    return stored if lint.close(stored, bundle) else bundle


def _same_file(root: Path, path: Path, expected: str) -> list[str]:
    label = path.relative_to(root)
    if not path.is_file():
        return [f"{label} is missing; run `course build`."]
    if path.read_text(encoding="utf-8") != expected:
        return [f"{label} is not what its source gives; run `course build`."]
    return []


def _check_executed(root: Path, path: Path, fresh: Any, key: str) -> list[str]:
    """Compare an executed notebook with its source; outputs may be any, but they must be there in order."""
    label, stored = str(path.relative_to(root)), notebooks.read(path)
    if stored is None:
        return [f"{label} is missing or damaged; run `course build`."]
    problems = executed_in_order(stored, label) + private_outputs(stored, label, root)
    for number, (old, new) in enumerate(zip(stored.cells, fresh.cells, strict=False), start=1):
        if (old.cell_type, old.id, old.source, old.metadata) != (
            new.cell_type,
            new.id,
            new.source,
            new.metadata,
        ):
            return [*problems, f"{label}: cell {number} is not what its source gives; run `course build`."]
    if len(stored.cells) != len(fresh.cells):
        problems.append(f"{label} has {len(stored.cells)} cells, its source gives {len(fresh.cells)}.")
    elif stored.metadata.get("course", {}).get("executed") != key:
        problems.append(f"{label} was executed before its checks changed; run `course build`.")
    elif stored.metadata.get("course", {}).get("version") != fresh.metadata.course.version:
        problems.append(f"{label} was made from another version of its source; run `course build`.")
    return problems


def _write_executed(
    root: Path, path: Path, fresh: Any, key: str, run: bool, force: bool, say: Callable
) -> list[str]:
    """Write a notebook with outputs: those on disk if they still belong to this code, else new ones."""
    label, stored = str(path.relative_to(root)), notebooks.read(path)
    if stored is not None and not force and stored.metadata.get("course", {}).get("executed") == key:
        outputs = [cell for cell in stored.cells if cell.cell_type == "code"]
        for new, old in zip((cell for cell in fresh.cells if cell.cell_type == "code"), outputs, strict=True):
            new.outputs, new.execution_count = old.outputs, old.execution_count
    elif run:
        say(f"  running {label}")
        fresh = execute(fresh, label, notebooks.bundle_folder(root))
    else:
        notebooks.write(fresh, path)
        return []
    fresh.metadata["course"]["executed"] = key
    problems = executed_in_order(fresh, label) + private_outputs(fresh, label, root)
    if not problems:
        notebooks.write(fresh, path)
    return problems
