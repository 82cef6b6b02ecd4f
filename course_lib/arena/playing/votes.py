"""Every battle that was shown and every vote on it, in one SQLite file that survives the process.

Writing is done by one thread that takes whatever waits, commits it as one transaction and only then answers:
two hundred votes that arrive together cost one wait for the disk, and what was answered is on it.
"""

from __future__ import annotations

import queue
import secrets
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import pandas

Result = TypeVar("Result")
VERSION = 1
MARK = 0x41524E41  # "ARNA" in the file's header: this file is an arena's
MOST_AT_ONCE = 500  # writes in one transaction
SCHEMA = """
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE battles (                -- shown; a vote needs one
    number INTEGER PRIMARY KEY,       -- from 0, in the order of showing
    id TEXT NOT NULL UNIQUE,          -- random: what a vote names, and what nobody can guess
    voter TEXT NOT NULL,              -- to whom it was shown
    question TEXT NOT NULL,
    text TEXT NOT NULL,
    category TEXT NOT NULL,
    domain TEXT NOT NULL,
    model_a TEXT NOT NULL,            -- on the left
    model_b TEXT NOT NULL CHECK (model_b <> model_a),
    answer_a TEXT NOT NULL,
    answer_b TEXT NOT NULL,
    shown_at REAL NOT NULL            -- seconds since 1970, UTC
) STRICT;
CREATE INDEX battles_of_a_voter ON battles (voter, number, question);
CREATE TABLE votes (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    battle TEXT NOT NULL REFERENCES battles (id),
    voter TEXT NOT NULL,
    winner TEXT NOT NULL CHECK (winner IN ('model_a', 'model_b', 'tie', 'tie (bothbad)')),
    key TEXT NOT NULL,                -- of the request: the same again is the same vote
    anony INTEGER NOT NULL DEFAULT 1 CHECK (anony IN (0, 1)),  -- 0: the names had been seen before
    voted_at REAL NOT NULL,
    UNIQUE (battle),                  -- one vote per shown battle, and a battle is shown to one voter
    UNIQUE (voter, key)
) STRICT;
CREATE INDEX votes_of_a_voter ON votes (voter, voted_at);
"""
JOINED = """
SELECT votes.number, battles.id, battles.question, battles.text, battles.model_a, battles.model_b,
       votes.winner, votes.voter, battles.category, battles.domain, votes.voted_at AS timestamp, votes.anony,
       battles.answer_a, battles.answer_b, battles.shown_at
FROM votes JOIN battles ON battles.id = votes.battle WHERE votes.number > ? ORDER BY votes.number
"""
COLUMNS = [
    "model_a", "model_b", "winner", "question", "voter", "category", "domain", "timestamp", "anony",
    "length_a", "length_b",
]  # fmt: skip


class VoteStore:
    """The votes of one arena in the file `path`; None: a temporary one, gone at `close`.

    Raises ValueError if the file is something else or was written by another version of the schema.
    """

    def __init__(self, path: str | Path | None = None):
        self._temporary = None
        if path is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="arena-")
            path = Path(self._temporary.name, "votes.db")
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(connected(self.path)) as connection:
            _prepare(connection, self.path)
        self._waiting: queue.SimpleQueue[tuple[Callable[..., Any], Future] | None] = queue.SimpleQueue()
        self._closed = False
        self._writer = threading.Thread(target=self._write_all, name="votes", daemon=True)
        self._writer.start()

    def write(self, work: Callable[[sqlite3.Connection], Result]) -> Future[Result]:
        """Run work(connection) inside the next transaction; the future is done when that is on the disk.

        An exception of `work` undoes what it wrote, nothing else, and comes out of the future. Raises
        RuntimeError after `close`.
        """
        if self._closed:
            raise RuntimeError(f"The votes in {self.path} are closed; open the arena again.")
        future: Future[Result] = Future()
        self._waiting.put((work, future))
        return future

    def close(self) -> None:
        """Write what waits, then stop. Closing twice is no mistake."""
        if not self._closed:
            self._closed = True
            self._waiting.put(None)
            self._writer.join()
            if self._temporary:
                self._temporary.cleanup()

    def setting(self, name: str, value: str) -> str:
        """What is kept under a name; `value` is kept if nothing is there yet."""

        def kept(connection: sqlite3.Connection) -> str:
            connection.execute("INSERT OR IGNORE INTO settings VALUES (?, ?)", (name, value))
            return connection.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()[0]

        return self.write(kept).result()

    def _write_all(self) -> None:
        with closing(connected(self.path)) as connection:
            going = True
            while going:
                batch = [self._waiting.get()]
                while len(batch) < MOST_AT_ONCE:
                    try:
                        batch.append(self._waiting.get_nowait())
                    except queue.Empty:
                        break
                going = None not in batch
                _transaction(connection, [entry for entry in batch if entry is not None])


def _transaction(
    connection: sqlite3.Connection, batch: Sequence[tuple[Callable[[sqlite3.Connection], Any], Future]]
) -> None:
    """Do all of a batch or, if the disk fails, nothing; then tell everyone who waits."""
    done: list[tuple[Future, Any, BaseException | None]] = []
    try:
        connection.execute("BEGIN IMMEDIATE")
        for work, future in batch:
            if not future.set_running_or_notify_cancel():
                continue
            connection.execute("SAVEPOINT one")
            try:
                done.append((future, work(connection), None))
            except Exception as error:
                connection.execute("ROLLBACK TO one")
                done.append((future, None, error))
            connection.execute("RELEASE one")
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        for _, future in batch:
            if not future.cancelled() and not future.done():
                future.set_exception(error)
        return
    for future, result, failure in done:
        future.set_exception(failure) if failure else future.set_result(result)


def connected(path: Path, read_only: bool = False) -> sqlite3.Connection:
    """A connection with the settings that durability needs; transactions are begun by hand."""
    mode = "ro" if read_only else "rwc"
    address = f"{path.resolve().as_uri()}?mode={mode}"
    connection = sqlite3.connect(address, uri=True, timeout=30, isolation_level=None)
    connection.row_factory = sqlite3.Row
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")  # a commit waits for the disk: safe from a power cut
    except sqlite3.DatabaseError as error:
        connection.close()
        raise ValueError(f"{path} is not a database of votes ({error}); name another file.") from error
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    mark = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    empty = not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if not empty and mark != MARK:
        raise ValueError(f"{path} is a database, but not one of an arena; name another file.")
    if not empty and version != VERSION:
        raise ValueError(
            f"{path} has version {version} of the schema, this library reads version {VERSION}; "
            "export it with the library that wrote it."
        )
    connection.execute("PRAGMA journal_mode = WAL")
    if empty:
        connection.executescript(
            f"BEGIN; {SCHEMA} PRAGMA application_id = {MARK}; PRAGMA user_version = {VERSION}; COMMIT;"
        )


def add_battle(connection: sqlite3.Connection, **values: Any) -> str:
    """Write a battle that is being shown; return its id. values: the columns of `battles` but the id."""
    values["id"] = secrets.token_urlsafe(12)
    names = ", ".join(values)
    marks = ", ".join("?" * len(values))
    connection.execute(f"INSERT INTO battles ({names}) VALUES ({marks})", tuple(values.values()))
    return values["id"]


def battles_table(path: str | Path, after: int = 0) -> pandas.DataFrame:
    """The votes of a file as battles, in the order in which they came; voters are arena_user_0, 1, ...

    after: only votes whose number (the index) is larger. Columns: model_a (left), model_b, winner, question,
    voter, category, domain, timestamp (seconds since 1970), anony, length_a and length_b (letters of the
    answers). Raises FileNotFoundError if there is no such file, ValueError for other databases.
    """
    import pandas

    rows = vote_rows(path, after)
    table = pandas.DataFrame.from_records(
        [{**row, "length_a": len(row["answer_a"]), "length_b": len(row["answer_b"])} for row in rows],
        index=[row["number"] for row in rows],
        columns=COLUMNS,
    )
    return table.astype({"anony": bool})


def vote_rows(path: str | Path, after: int = 0) -> list[dict[str, Any]]:
    """The votes of a file with all that was shown, as plain dicts; see `battles_table`."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no {path}; name the --db of `course arena serve`.")
    with closing(connected(path, read_only=True)) as connection:
        if connection.execute("PRAGMA application_id").fetchone()[0] != MARK:
            raise ValueError(f"{path} is not a database of votes; name the --db of `course arena serve`.")
        first_votes = connection.execute("SELECT voter FROM votes GROUP BY voter ORDER BY min(number)")
        names = {row["voter"]: f"arena_user_{place}" for place, row in enumerate(first_votes)}
        return [
            dict(row) | {"voter": names[row["voter"]], "anony": bool(row["anony"])}
            for row in connection.execute(JOINED, (after,))
        ]
