"""The page of one student: points, what went wrong, the hint that fits, and the own answer as text.

It is made from a list of allowed fields: expected values and names of known mistakes are none of them, and a
seed of a hidden check that a message repeats is blackened. The text of an error is the student's own code's
and may hold the inputs that it was given, in any form; they are drawn anew for every grading run, so they are
worth nothing later.
"""

from collections.abc import Iterable

from course_lib.grading.keeping.overrides import BY_HAND
from course_lib.grading.reporting.pages import blackened, template, visible
from course_lib.grading.reporting.statuses import NO_NOTEBOOK, STARTED_NOT, in_words, told

LONGEST_ANSWER = 12_000  # characters of one answer
LONGEST_ANSWERS = 60_000  # of all answers of a page
MOST_FLAGS = 20


def render(person: dict, lab: str, answers: dict | None = None, hidden: Iterable[object] = ()) -> str:
    """The HTML of a page.

    person: of `report.people`. answers: {exercise: source as it was handed in}, if they are known. hidden:
    numbers and texts that only the hidden checks know; should a message of a student's own code repeat one,
    it is blackened.
    """
    shown = blackened(hidden)
    left = LONGEST_ANSWERS
    exercises = []
    for row in person["rows"]:
        source = (answers or {}).get(row["exercise"])
        answer, (result, reason) = None, told(row)
        if isinstance(source, str) and source.strip() and row["status"] not in STARTED_NOT:
            allowed = max(0, min(LONGEST_ANSWER, left))
            left -= min(len(source), allowed)
            answer = visible(source.expandtabs(4), allowed)
        flags = [flag for flag in row["flags"] if not str(flag).startswith(BY_HAND)]  # it is the reason
        if len(flags) < len(row["flags"]) and row["points"] < row["max"] and row["reason"]:
            flags.append(f"the check said: {row['reason']}")
        exercises.append(
            {
                "exercise": visible(row["exercise"], 60),
                "points": row["points"],
                "most": row["max"],
                "right": row["points"] >= row["max"] > 0,
                "result": visible(result, 60),
                "reason": visible(shown(reason)),
                "flags": [visible(shown(flag), 300) for flag in flags[:MOST_FLAGS]],
                "answer": answer,
            }
        )
    own_flags = {str(flag) for row in person["rows"] for flag in row["flags"]}
    about_file = [flag for flag in person["flags"] if str(flag) not in own_flags]
    if refusal := _of_the_whole_file(person["rows"]):  # once, and not at each exercise
        about_file.insert(0, refusal)
        for one in exercises:
            one["reason"] = ""
    return template("student.html").render(
        lab=lab,
        student=person["student"],
        file=person["file"],
        total=person["total"],
        most=person["max"],
        exercises=exercises,
        flags=[visible(shown(flag), 300) for flag in about_file[:MOST_FLAGS]],
    )


def _of_the_whole_file(rows: list[dict]) -> str:
    """Why nothing of a file was graded, if that is one reason for all of its exercises; else ""."""
    said = {told(row) for row in rows}
    if len(said) != 1:
        return ""
    result, reason = said.pop()
    return reason if result in map(in_words, NO_NOTEBOOK) else ""
