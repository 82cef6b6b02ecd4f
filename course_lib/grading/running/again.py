"""Judge once more, where the student's code never ran, what only words from its kernel say.

Where a probe gives the same values for every seed, these values prove nothing: whoever can change the kernel
can also say them. For such an exercise the kernel also gives a record of what the answer returned
(`course_lib.lab.replay`), and a right row counts only if the probe says the same about that record in a
kernel of the grader's own.
"""

from typing import Any

from course_lib.grading.reading.match import REVIEW
from course_lib.grading.running import compare, run
from course_lib.lab.compare import same_runs


def rejudged(rows: list[dict], job: dict, result: run.Result) -> list[dict]:
    """`rows` with the right ones of such exercises judged again; points that were not proved are taken.

    rows: of `compare.row`, one per exercise. job: of `unit.job`. result: of the student's kernel.
    """
    exercises, proved = job["bundle"]["exercises"], {}
    doubtful = [
        row["exercise"]
        for row in rows
        if row["status"] == "right" and run.says_the_same(exercises[row["exercise"]])
    ]
    if doubtful:
        proved = _judged(doubtful, job, result)
    return [row if proved.get(row["exercise"], True) else _unproved(row, exercises) for row in rows]


def _judged(names: list[str], job: dict, result: run.Result) -> dict[str, bool]:
    """{exercise: is its record right on every seed}."""
    bundle, expected = job["bundle"], job["expected"]
    seeds = {name: [one["seed"] for one in expected[name]] for name in names}
    records = {name: _records(result.of("emit", name)) for name in names}
    whole = [name for name in names if len(records[name]) == len(seeds[name])]
    work = run.record_cells({name: records[name] for name in whole}, seeds)
    how = {name: job[name] for name in ("deadline", "provisioner", "isolation")}
    again = run.run(work, bundle, **how) if whole else run.Result()
    proved = dict.fromkeys(names, False)
    for name in whole:
        entry = bundle["exercises"][name]
        runs, _ = compare.documents_of(again.of("emit", name), name, seeds[name])
        proved[name] = bool(runs) and same_runs(expected[name], runs, entry["rtol"], entry["atol"])
    return proved


def _records(line: dict) -> list[str]:
    """The records in the document of a kernel that may send anything; [] if they are no list of texts."""
    records: Any = line["documents"][0].get("records")
    if not isinstance(records, list) or not all(isinstance(record, str) for record in records):
        return []
    return records


def _unproved(row: dict, exercises: dict) -> dict:
    answer = exercises[row["exercise"]]["answer"]
    flag = (
        f"{REVIEW}: the kernel says that {answer} is right, but what {answer} returned could not be judged "
        f"again outside of it, which would be {row['max']:g} points"
    )
    reason = f"what {answer} returned does not give the values that came out of its kernel"
    return {**row, "points": 0, "status": "no_values", "reason": reason, "flags": [*row["flags"], flag]}
