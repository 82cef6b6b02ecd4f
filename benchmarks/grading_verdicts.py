"""False verdicts: every wrong and every other right answer of every lab, really graded, again and again.

Run: python benchmarks/grading_verdicts.py [--rounds 20]      (needs Debian's bubblewrap)

A round hands in a class whose first member answers every exercise with its first attempt from labs/wrong and
labs/right, the second with the second, and so on; exercises with fewer attempts are filled with the solution.
`course grade` grades it behind walls with freshly drawn inputs. Counted: wrong answers that got points, right
ones that got none, and answers whose verdict was not the same in all rounds. Rounds that are done are kept in
results/grading_verdicts.json; give the same command again to go on. The table is grading_verdicts.md.
"""

from __future__ import annotations

import argparse
import copy
import json
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from harness import RESULTS, machine

from course_lib.files import write_whole
from course_lib.grading import batch, reference
from course_lib.grading.authoring.answers import read_attempts
from course_lib.grading.authoring.source import read_lab

ROOT = Path(__file__).parents[1]
FILE = RESULTS / "grading_verdicts.json"


def attempts(lab: str) -> dict[str, list[tuple[str, str, bool]]]:
    """{exercise: [(name, source of the answer cell, is it right)]}."""
    source = read_lab(ROOT / "labs" / "source" / f"{lab}.py")
    found: dict[str, list[tuple[str, str, bool]]] = {name: [] for name in source.exercises}
    for right in (False, True):
        path = ROOT / "labs" / ("right" if right else "wrong") / f"{lab}.py"
        for group in read_attempts(path, source, hints_needed=not right):
            answer = source.exercises[group.exercise].answer
            for name in group.hints:
                text = f"# exercise {group.exercise}\n{group.header}\n\n{group.source}\n\n{answer} = {name}"
                found[group.exercise].append((name, text, right))
    return found


def hand_in(lab: str, folder: Path) -> dict[tuple[str, str], tuple[str, bool]]:
    """Write the class; {(student, exercise): (name of the attempt, is it right)}."""
    known, todo = reference.load(ROOT, lab), attempts(lab)
    folder.mkdir()
    expected = {}
    for number in range(max(map(len, todo.values()))):
        notebook: Any = copy.deepcopy(known.solution)
        student = f"student_{number:02d}"
        for cell in notebook.cells:
            cell.pop("outputs", None)
            exercise = cell.metadata.get("course", {}).get("exercise")
            if cell.id.startswith("answer-") and number < len(todo[exercise]):
                name, cell.source, right = todo[exercise][number]
                expected[student, exercise] = name, right
            if cell.cell_type == "code":
                cell.outputs = []
        nbformat.write(notebook, folder / f"{student}.ipynb")
    return expected


def graded(lab: str, workers: int) -> dict[str, dict]:
    """One round: {exercise and name: {"right", "status", "points"}}."""
    with tempfile.TemporaryDirectory(prefix="course-benchmark-") as base:
        expected = hand_in(lab, Path(base, "handed_in"))
        summary = batch.grade(lab, Path(base, "handed_in"), Path(base, "out"), root=ROOT, workers=workers)
    rows = {(row["student"], row["exercise"]): row for row in summary.rows}
    return {
        f"{key[1]} {name}": {"right": right, "status": rows[key]["status"], "points": rows[key]["points"]}
        for key, (name, right) in expected.items()
    }


def counted(rounds: list[dict]) -> dict[str, Any]:
    """What the rounds of a lab say."""
    awarded = [(n, name) for n, one in enumerate(rounds) for name, v in one.items()
               if not v["right"] and v["points"] > 0]  # fmt: skip
    refused = [(n, name) for n, one in enumerate(rounds) for name, v in one.items()
               if v["right"] and v["status"] != "right"]  # fmt: skip
    changing = [
        name for name in rounds[0] if len({(one[name]["status"], one[name]["points"]) for one in rounds}) > 1
    ]
    return {
        "wrong": sum(not verdict["right"] for verdict in rounds[0].values()),
        "right": sum(verdict["right"] for verdict in rounds[0].values()),
        "rounds": len(rounds), "awarded": awarded, "refused": refused, "changing": changing,
    }  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=20)
    options.add_argument("--labs", nargs="*")
    options.add_argument("--workers", type=int, default=2)
    chosen = options.parse_args()
    report = json.loads(FILE.read_text()) if FILE.is_file() else {"name": "grading_verdicts", "labs": {}}
    for lab in chosen.labs or sorted(path.stem for path in (ROOT / "labs" / "source").glob("*.py")):
        digest = reference.load(ROOT, lab).digest
        if (
            report["labs"].get(lab, {}).get("digest") != digest
        ):  # rounds of another version say nothing of this one
            report["labs"][lab] = {"digest": digest, "rounds": []}
        rounds = report["labs"][lab]["rounds"]
        while len(rounds) < chosen.rounds:
            rounds.append(graded(lab, chosen.workers))
            report["machine"] = machine()
            write_whole(FILE, json.dumps(report, indent=1) + "\n")
            print(f"grading_verdicts: {lab}, round {len(rounds)}: {counted(rounds)}", flush=True)
    write_whole(RESULTS / "grading_verdicts.md", markdown(report))
    print(markdown(report))


def markdown(report: dict) -> str:
    lines = [
        "# grading_verdicts", "",
        "Every attempt of labs/wrong and labs/right, graded behind walls; new inputs in every round.", "",
        "| lab | wrong answers | other right answers | rounds | wrong awarded | right refused | verdict not "
        "the same in all rounds |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]  # fmt: skip
    for lab, entry in report["labs"].items():
        found = counted(entry["rounds"])
        lines.append(
            f"| {lab} | {found['wrong']} | {found['right']} | {found['rounds']} | {len(found['awarded'])} | "
            f"{len(found['refused'])} | {len(found['changing'])} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
