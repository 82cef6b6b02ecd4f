"""The ledger as tables: out/index.sqlite, for questions in SQL. Built from the files, never the other way.

It is built anew whenever a grading folder is opened and kept up to date while its grader runs, which is its
only writer. A table that cannot be written is no reason to stop: the files are what counts.
"""

import json
import os
import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from course_lib.grading.keeping import ledger
from course_lib.grading.keeping.intake import Submission
from course_lib.grading.keeping.ledger import record_in

TABLES = """
CREATE TABLE lab (name TEXT PRIMARY KEY, digest TEXT);
CREATE TABLE submission (student TEXT, file TEXT, sha TEXT, modified REAL, reason TEXT, flags TEXT,
    key TEXT, PRIMARY KEY (student, file, sha, reason));
CREATE TABLE attempt (key TEXT, number INTEGER, sha TEXT, lab TEXT, digest TEXT, status TEXT, isolation TEXT,
    lost TEXT, points REAL, flags TEXT, written TEXT, at REAL, PRIMARY KEY (key, number));
CREATE TABLE check_result (key TEXT, number INTEGER, exercise TEXT, points REAL, max REAL, status TEXT,
    reason TEXT, mistake TEXT, flags TEXT, PRIMARY KEY (key, number, exercise));
CREATE TABLE override (student TEXT, exercise TEXT, points REAL, reason TEXT, decided_by TEXT,
    automatic REAL, at REAL, PRIMARY KEY (student, exercise, at));
CREATE VIEW decisive AS SELECT key, coalesce(max(CASE WHEN lost = '' THEN number END), max(number)) AS number
    FROM attempt GROUP BY key;
CREATE VIEW standing AS SELECT s.student, s.file, s.sha, c.exercise, c.points AS automatic,
    min(c.max, coalesce((SELECT o.points FROM override o
        WHERE o.student = s.student AND o.exercise = c.exercise
        AND o.at = (SELECT max(at) FROM override l WHERE l.student = o.student AND l.exercise = o.exercise)),
        c.points)) AS points, c.max, c.status, c.reason, a.isolation, a.status AS submission_status
    FROM submission s JOIN decisive d ON d.key = s.key JOIN attempt a ON a.key = d.key AND a.number = d.number
    JOIN check_result c ON c.key = d.key AND c.number = d.number;
"""
BROKEN = (sqlite3.Error, OSError, KeyError, TypeError, ValueError)  # also records of a strange shape


class Index:
    """The tables of one grading folder; `problem` says why they could not be written, if so."""

    def __init__(self, out: Path):
        self.problem = ""
        self.connection: sqlite3.Connection | None = None
        path, building = out / "index.sqlite", out / ".index.building"
        try:
            building.unlink(missing_ok=True)
            fresh = sqlite3.connect(building)
            fresh.executescript("PRAGMA journal_mode = OFF;" + TABLES)  # a file that nobody sees yet
            self.connection = fresh
            with fresh:
                self._fill(out)
            fresh.close()
            for rest in ("-journal", "-wal", "-shm"):  # of a database that was damaged or killed
                Path(f"{path}{rest}").unlink(missing_ok=True)
            os.replace(building, path)
            self.connection = sqlite3.connect(path)
        except BROKEN as error:
            self._give_up(error)

    def _fill(self, out: Path) -> None:
        self._insert("lab", [(str((record_in(out / "lab.json") or {}).get("lab", "")), "")])
        for path in sorted((out / "attempts").glob("*.json")):
            content = record_in(path)
            if content is not None:
                self._attempt(content)
        for one in ledger.numbered(out / "overrides"):
            self._override(one)

    def submissions(self, digest: str, handed_in: Iterable[Submission], keys: dict[Submission, str]) -> None:
        """What was handed in, with the key of the attempts that count for it now."""
        rows = [
            (o.student, o.file, o.sha, o.modified, o.reason, json.dumps(o.flags), keys.get(o, ""))
            for o in handed_in
        ]
        self._guarded(lambda: self._insert("submission", rows))
        self._guarded(lambda: self._run("UPDATE lab SET digest = ?", (digest,)))

    def attempt(self, content: dict) -> None:
        """One attempt, as `ledger.store` returned it."""
        self._guarded(lambda: self._attempt(content))

    def standing(self) -> int | None:
        """How many results stand, None if there is no index."""
        found: list[int] = []
        self._guarded(lambda: found.append(self._run("SELECT count(*) FROM standing").fetchone()[0]))
        return found[0] if found else None

    def close(self) -> None:
        """Let go of the file."""
        if self.connection is not None:
            self.connection.close()

    def _attempt(self, one: dict) -> None:
        rows = one["rows"]
        points = sum(row["points"] for row in rows)
        first = [one.get(k) for k in ("key", "number", "sha", "lab", "digest", "status", "isolation", "lost")]
        self._insert(
            "attempt", [(*first, points, json.dumps(one["flags"]), one.get("written"), one.get("at"))]
        )
        names = ("exercise", "points", "max", "status", "reason", "mistake")
        results = [
            (one["key"], one["number"], *(row[k] for k in names), json.dumps(row["flags"])) for row in rows
        ]
        self._insert("check_result", results)

    def _override(self, one: dict) -> None:
        names = ("student", "exercise", "points", "reason", "by", "automatic", "at")
        self._insert("override", [tuple(one[k] for k in names)])

    def _insert(self, table: str, rows: list[tuple]) -> None:
        for row in rows:
            self._run(f"INSERT OR REPLACE INTO {table} VALUES ({', '.join('?' * len(row))})", row)

    def _run(self, statement: str, values: tuple = ()) -> sqlite3.Cursor:
        assert self.connection is not None
        return self.connection.execute(statement, values)

    def _guarded(self, work) -> None:
        if self.connection is None:
            return
        try:
            with self.connection:
                work()
        except BROKEN as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self.problem = f"The tables in index.sqlite were not written ({error}); the results are complete."
        with suppress(sqlite3.Error):
            if self.connection is not None:
                self.connection.close()
        self.connection = None
