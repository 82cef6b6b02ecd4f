"""Results in the forms that other programs read: spreadsheets, Canvas, Moodle, nbgrader, Gradescope."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

from course_lib.grading.reporting.exports import files, gradebook, results, target

FILLED = {"canvas": gradebook.CANVAS, "moodle": gradebook.MOODLE}
WRITTEN = {
    "long": files.long,
    "wide": files.wide,
    "moodle": files.moodle,
    "nbgrader": files.nbgrader,
    "gradescope": files.gradescope,
}
HEADS = (files.LONG, files.WIDE, files.MOODLE, files.NBGRADER)
KINDS = ("long", "wide", "canvas", "moodle", "nbgrader", "gradescope")


def export(
    out: Path | str,
    kind: str,
    into: Path | str,
    gradebook: Path | str | None = None,
    *,
    column: str | None = None,
    say: Callable[[str], None] = lambda sentence: None,
) -> Path:
    """Write the results of the grading folder `out` to `into` and return the path.

    kind: "long" (a row per student and exercise) or "wide" (a row per student), both for spreadsheets;
    "canvas", which fills the gradebook that was exported from there; "moodle", with such a file or without;
    "nbgrader", its eleven columns; "gradescope", a results JSON per student in the folder `into` (one file
    if `into` ends in .json). gradebook: the file to fill, which is not changed itself. column: the title of
    the column of the assignment; without it the one that fits the name of the lab. say: gets a sentence for
    each thing to know, such as a student who was not found; they are also written beside `into`.

    Raises ValueError in a sentence for an unknown kind, a gradebook that does not fit, and an `into` that
    cannot be written or that is there already and is no earlier export.
    """
    out, into = Path(out), Path(into)
    if kind not in KINDS:
        raise ValueError(f"There is no export {kind!r}; there are {', '.join(KINDS)}.")
    if kind == "canvas" and gradebook is None:
        raise ValueError(
            "Canvas takes back only its own gradebook: export it there (Grades, Export, Entire Gradebook) "
            "and name that file as the gradebook."
        )
    if gradebook is not None and kind not in FILLED:
        raise ValueError(f"The export {kind!r} fills no gradebook; leave the gradebook out.")
    found = results.read(out)
    if gradebook is None:
        target.check(out, kind, into, HEADS)
        left_out: list[str] = []
        if kind not in target.TABLES:
            ready, left_out = found.ready()
            found = dataclasses.replace(found, people=list(ready.values()))
        with target.sentences(into):
            WRITTEN[kind](found, into)
            if kind not in target.TABLES:
                _tell([f"Left out, {sentence}" for sentence in left_out], into, say)
        return into
    if into.resolve() == Path(gradebook).resolve():
        raise ValueError("The filled gradebook needs another name than the one that it is made from.")
    target.check(out, kind, into, (*HEADS, target.head_of(Path(gradebook))))
    with target.sentences(into):
        _tell(FILLED[kind].fill(found, Path(gradebook), into, column), into, say)
    return into


def _tell(notes: list[str], into: Path, say: Callable[[str], None]) -> None:
    for note in notes:
        say(note)
    files.notes(notes, into)
