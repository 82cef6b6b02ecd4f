"""What a grading run did, in numbers and in words, and whether its balance holds."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from course_lib.grading.reporting import statuses
from course_lib.grading.reporting.pages import count


@dataclass
class Summary:
    """What a grading run did. rows: as in results.csv; people: as in summary.csv; `text` says it in words.

    written: lines that results.csv has beside its header, counted in the file. remarks: sentences about
    the folder of submissions, as of what in it has no row.
    """

    lab: str
    out: Path
    rows: list[dict] = field(default_factory=list)
    people: list[dict] = field(default_factory=list)
    submissions: int = 0
    graded: int = 0
    resumed: int = 0
    expected_rows: int = 0
    written: int = 0
    changes: list[dict] = field(default_factory=list)
    maxima: dict[str, tuple] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """The invariant: every file that was handed in has one row per exercise, and each row was written."""
        places = {(row["student"], row["file"], row["sha"], row["exercise"]) for row in self.rows}
        # a file that could not be read has no hash; two of these differ in name or reason
        unread = sum(not row["sha"] for row in self.rows) - len({p for p in places if not p[2]})
        return len(self.rows) == self.written == self.expected_rows == len(places) + unread

    @property
    def pending(self) -> int:
        """Rows of runs that broke off and will be tried again by the next grading run."""
        return sum(row["status"] == "not_run" and row["retry"] for row in self.rows)

    def __str__(self) -> str:
        return self.text

    @property
    def text(self) -> str:
        """A few lines for the terminal."""
        exercises = self.expected_rows // self.submissions if self.submissions else 0
        balance = f"{self.submissions} submissions x {exercises} exercises = {self.expected_rows} rows"
        whose = f"{count(self.submissions, 'file')} of {count(len(self.people), 'student')}"
        lines = [
            f"{self.lab}: {self.graded} graded now, {self.resumed} known from before.",
            f"{whose}; equal files are graded once.",
            f"{balance}, {self.written} written: {'nothing' if self.complete else 'A ROW'} is missing.",
            f"Rows by status: {_counts(row['status'] for row in self.rows) or 'none'}.",
            f"Rows by isolation: {_counts(row['isolation'] for row in self.rows) or 'none'}.",
        ]
        if self.pending:
            lines.append(f"{self.pending} rows are of runs that broke off; grade again to retry them.")
        flagged = [*self.rows, *self.people]
        review = len({one["student"] for one in flagged if any(map(statuses.needs_review, one["flags"]))})
        if review:
            whom = "1 student has" if review == 1 else f"{review} students have"
            lines.append(f"{whom} an answer that a person should look at (needs_review).")
        lines += self.remarks
        lines.append(
            f"See {self.out / 'results.csv'}, {self.out / 'summary.csv'} and {self.out / 'feedback'}."
        )
        return "\n".join(lines)


def _counts(words) -> str:
    return ", ".join(f"{n} {word}" for word, n in sorted(Counter(words).items()))
