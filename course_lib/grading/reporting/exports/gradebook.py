"""Fill the instructor's own gradebook: find the students' lines and the lab's column, change nothing else."""

import re
from dataclasses import dataclass
from pathlib import Path

from course_lib.files import write_whole
from course_lib.grading.reporting import spreadsheet
from course_lib.grading.reporting.exports.files import comments
from course_lib.grading.reporting.exports.people import match
from course_lib.grading.reporting.exports.rawcsv import RawTable
from course_lib.grading.reporting.exports.results import Results
from course_lib.grading.reporting.pages import number

NAMED = 10  # students in a sentence about replaced scores


@dataclass(frozen=True)
class Gradebook:
    """The columns of a platform's gradebook.

    keys: columns that tell a student, the strongest first. names: columns that make the full name. number:
    the column of the platform's own number of a student, the one in the names of the files that it gives out.
    others: further columns that are no assignment. grade, feedback, most: columns of a worksheet that has
    only one assignment; a gradebook has a column per assignment instead. locked: a column that says "No"
    where the grade must stay.
    """

    platform: str
    keys: tuple[str, ...]
    names: tuple[str, ...]
    number: str
    others: tuple[str, ...]
    grade: str = ""
    feedback: str = ""
    most: str = ""
    locked: str = ""

    def fill(self, found: Results, gradebook: Path, into: Path, column: str | None = None) -> list[str]:
        """Write the filled copy of a gradebook; return sentences about what was and was not filled.

        Raises ValueError in a sentence if the file is no such gradebook or no column fits the lab.
        """
        try:
            table = RawTable(gradebook.read_bytes())
        except ValueError as error:
            raise ValueError(f"{gradebook} cannot be filled: {error}.") from None
        header = [title.strip() for title in table.rows[0]] if table.rows else []
        places = {title: place for place, title in reversed(list(enumerate(header)))}
        if not any(key in places for key in self.keys + self.names):
            raise ValueError(
                f"{gradebook} is no gradebook of {self.platform}: its first line has none of the columns "
                f"{', '.join(self.keys + self.names)}."
            )
        place = self._column(found.lab, table, header, places, column)
        lines = self._lines(table, places)
        keys = {line: [_cell(row, places.get(key)) for key in self.keys] for line, row in lines.items()}
        names = {
            line: " ".join(_cell(row, places.get(name)) for name in self.names) for line, row in lines.items()
        }
        ready, left_out = found.ready()
        notes = [f"Not filled in, {sentence}" for sentence in left_out]
        numbers = {line: _cell(row, places.get(self.number)) for line, row in lines.items()}
        hits, failed = match(ready, keys, names, self.platform, numbers)
        filled, replaced, kept, other_most = 0, [], [], set()
        for student, line in hits.items():
            row, person = table.rows[line], ready[student]
            if self.locked and _cell(row, places.get(self.locked)).strip().casefold() == "no":
                kept.append(student)
                continue
            value, old = number(person["total"], 4), _cell(row, place).strip()
            if old and not _same_number(old, value):
                replaced.append(f"{student} ({old} -> {value})")
            other_most.add(_cell(row, places.get(self.most)))
            table.put(line, place, value)
            if self.feedback in places:
                table.put(line, places[self.feedback], str(spreadsheet.safe(comments(found, person))))
            filled += 1
        write_whole(into, table.bytes())
        notes.insert(0, f'The column "{header[place]}" was filled for {filled} of {len(lines)} students.')
        for why in dict.fromkeys(failed.values()):
            names_of = ", ".join(student for student in failed if failed[student] == why)
            notes.append(f"Not filled in, {why}: {names_of}.")
        if kept:
            notes.append(f"Not filled in, the grade is locked in {self.platform}: {', '.join(kept)}.")
        idle = [names[line].strip() or keys[line][0] for line in lines if line not in hits.values()]
        if idle:
            notes.append(f"In the gradebook, but without points here: {', '.join(idle)}; left as it was.")
        if replaced:
            what = "score was" if len(replaced) == 1 else "scores were"
            more = f" and {len(replaced) - NAMED} more" if len(replaced) > NAMED else ""
            names_of = ", ".join(replaced[:NAMED])
            notes.append(f"{len(replaced)} older, different {what} replaced: {names_of}{more}.")
        return notes + self._about_most(found, table, place, other_most)

    def _lines(self, table: RawTable, places: dict[str, int]) -> dict[int, list[str]]:
        """{line: cells} of the students; lines about points or posting are none."""
        known = [places[key] for key in self.keys + self.names if key in places]
        return {
            line: row
            for line, row in enumerate(table.rows)
            if line and any(_cell(row, place).strip() for place in known) and not _is_points(row)
        }

    def _column(
        self, lab: str, table: RawTable, header: list[str], places: dict[str, int], wanted: str | None
    ) -> int:
        """The place of the column to fill."""
        if wanted is None and self.grade in places:
            return places[self.grade]
        fixed = {*self.keys, *self.names, *self.others}
        points = next((row for row in table.rows[1:] if _is_points(row)), [])
        candidates = [
            place
            for place, title in enumerate(header)
            if title and title not in fixed and "read only" not in _cell(points, place).casefold()
        ]
        tests = (
            [lambda title: wanted.strip() in (title, _bare(title))]
            if wanted is not None
            else [
                lambda title: _words(_bare(title)) == _words(lab),
                lambda title: set(_words(lab)) <= set(_words(_bare(title))),
                lambda title: _number_of(lab) is not None and _number_of(title) == _number_of(lab),
            ]
        )
        for test in tests:
            hits = [place for place in candidates if test(header[place])]
            if len(hits) == 1:
                return hits[0]
            if hits:
                break
        titles = ", ".join(header[place] for place in candidates) or "none"
        what = f"the title {wanted!r}" if wanted is not None else f"the lab {lab}"
        how = "Several columns fit" if hits else "No column fits"
        raise ValueError(f"{how} {what}; name one of these as the column: {titles}.")

    def _about_most(self, found: Results, table: RawTable, place: int, seen: set[str]) -> list[str]:
        """A sentence if the platform has other points at most than the lab."""
        points = next((row for row in table.rows[1:] if _is_points(row)), [])
        most = str(sum(found.exercises.values()))
        said = sorted(text.strip() for text in {*seen, _cell(points, place)} if text.strip())
        other = next((text for text in said if not _same_number(text, most)), None)
        if other is None:
            return []
        return [f"The lab has {most} points, the gradebook says {other}; points are not scaled."]


CANVAS = Gradebook(
    "Canvas",
    keys=("SIS Login ID", "SIS User ID", "ID", "Integration ID"),
    names=("Student",),
    number="ID",
    others=("Root Account", "Section", "Student Name"),
)
MOODLE = Gradebook(
    "Moodle",
    keys=("Identifier", "Email address", "ID number", "Username"),
    names=("Full name", "First name", "Last name", "Surname"),
    number="Identifier",
    others=(
        *("Status", "Institution", "Department", "Last downloaded from this course", "Marker"),
        *("Last modified (submission)", "Last modified (grade)", "Maximum grade", "Grade can be changed"),
    ),
    grade="Grade",
    feedback="Feedback comments",
    most="Maximum grade",
    locked="Grade can be changed",
)


def _cell(row: list[str], place: int | None) -> str:
    return row[place] if place is not None and place < len(row) else ""


def _is_points(row: list[str]) -> bool:
    """True for Canvas' line of points at most."""
    return _cell(row, 0).strip().casefold() == "points possible"


def _bare(title: str) -> str:
    """A column's title without the number that Canvas adds and the words that Moodle adds."""
    title = re.sub(r"\s*\((\d+|Real|Punkte|Percentage|Letter)\)\s*$", "", title)
    return re.sub(r"^(Assignment|Quiz):", "", title).strip()


def _words(text: str) -> list[str]:
    """Words and numbers, "03" as "3"."""
    words = re.findall(r"\d+|[^\W\d_]+", text.casefold())
    return [str(int(word)) if word.isdigit() else word for word in words]


def _number_of(text: str) -> str | None:
    """The number of "Lab 3", "lab_03: ..." or, at the start of a lab's name, "03_topic"."""
    found = re.match(r"(?:.*\blab\D{0,3})?(\d+)", _bare(text).casefold())
    return str(int(found[1])) if found else None


def _same_number(one: str, other: str) -> bool:
    try:
        return float(one.replace(",", ".")) == float(other.replace(",", "."))
    except ValueError:
        return one == other
