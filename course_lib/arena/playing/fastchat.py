"""Votes in the format of FastChat's cleaned battles, out and in again.

One record per vote, as fastchat/serve/monitor/clean_battle_data.py of lm-sys/FastChat writes them and its
elo_analysis.py reads them: question_id, model_a, model_b, winner, judge, conversation_a, conversation_b,
turn, anony, language, tstamp. Two more, category and domain, come from here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib.arena.playing.votes import battles_table, vote_rows
from course_lib.files import write_whole

if TYPE_CHECKING:
    import pandas

NEEDED = ("model_a", "model_b", "winner")
# FastChat's name -> the column of a battles table
RENAMED = {"question_id": "question", "judge": "voter", "tstamp": "timestamp"}


def records(path: str | Path) -> list[dict[str, Any]]:
    """The votes of a database in FastChat's format, in the order in which they came."""
    return [
        {
            "question_id": row["question"],
            "model_a": row["model_a"],
            "model_b": row["model_b"],
            "winner": row["winner"],
            "judge": row["voter"],
            "conversation_a": _conversation(row["text"], row["answer_a"]),
            "conversation_b": _conversation(row["text"], row["answer_b"]),
            "turn": 1,
            "anony": row["anony"],
            "language": "English",
            "tstamp": row["timestamp"],
            "category": row["category"],
            "domain": row["domain"],
        }
        for row in vote_rows(path)
    ]


def _conversation(question: str, answer: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def export(database: str | Path, into: str | Path) -> int:
    """Write the votes of a database; return how many. into: .jsonl (a record a line), .json (a list, what
    FastChat's own script reads) or .csv (the battles table). Raises ValueError for other endings and for a
    file that is there already.
    """
    into = Path(into)
    if into.suffix not in (".jsonl", ".json", ".csv"):
        raise ValueError(f"{into} ends with none of .jsonl, .json, .csv; the ending chooses the format.")
    if into.exists():
        raise ValueError(f"{into} is there already; name another file, nothing is overwritten.")
    if into.suffix == ".csv":
        table = battles_table(database)
        write_whole(into, table.to_csv(index=False))
        return len(table)
    found = records(database)
    if into.suffix == ".json":
        write_whole(into, json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    else:
        write_whole(into, "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in found))
    return len(found)


def read(path: str | Path) -> pandas.DataFrame:
    """Battles of a file in FastChat's format, .json (a list) or lines of records, as a battles table.

    Columns: model_a, model_b, winner, and where the file has them question, voter, timestamp, anony, turn,
    language, category, domain, length_a, length_b (letters of the answers). Raises ValueError, naming the
    record, for a file that is not of that format or a record without model_a, model_b and winner.
    """
    import pandas

    text = Path(path).read_text("utf-8")
    try:
        if text.lstrip().startswith("["):
            found = json.loads(text)
        else:
            found = [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError as error:
        raise ValueError(f"{path} is not JSON, nor lines of JSON: {error}") from error
    rows = []
    for number, record in enumerate(found, start=1):
        missing = [name for name in NEEDED if not isinstance(record, dict) or name not in record]
        if missing:
            raise ValueError(
                f"{path}: record {number} has no {', '.join(missing)}; this is not FastChat's format."
            )
        row = {RENAMED.get(name, name): value for name, value in record.items()}
        for side in "ab":
            talk = row.pop(f"conversation_{side}", None)
            if talk:
                row[f"length_{side}"] = sum(len(t["content"]) for t in talk if t["role"] == "assistant")
        rows.append(row)
    return pandas.DataFrame(rows, columns=None if rows else list(NEEDED))


def battles_of(path: str | Path) -> pandas.DataFrame:
    """Battles of a database of votes, of a .csv that `export` wrote, or of a file in FastChat's format."""
    import pandas

    path = Path(path)
    if path.suffix in (".json", ".jsonl"):
        return read(path)
    return pandas.read_csv(path) if path.suffix == ".csv" else battles_table(path)
