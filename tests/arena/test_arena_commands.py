"""`course arena`: what is printed, what is written, and mistakes in sentences."""

import json

import pytest

from course_lib import cli

from .arenas import Browser, play_at_once, server, small


def run(*words):
    arguments = cli.parser().parse_args(["arena", *map(str, words)])
    return arguments.function(arguments)


@pytest.fixture
def database(tmp_path):
    arena = small(tmp_path / "votes.db")
    for number in range(20):
        play_at_once(arena, 28, voter=f"voter {number}", care=0.7)
    arena.store.close()
    return tmp_path / "votes.db"


def table(text):
    lines = text.strip().splitlines()
    first = next(number for number, line in enumerate(lines) if "Bradley-Terry" in line)
    rows = [line.split() for line in lines[first + 1 :]]
    return [row for row in rows if len(row) == 4]


def test_ratings_of_a_database_and_of_its_export_are_the_same(database, tmp_path, capsys):
    assert run("ratings", database) == 0
    printed = capsys.readouterr().out
    rows = table(printed)
    assert len(rows) == 8
    assert rows[-1][0] == "Dice"
    assert sum(int(row[3]) for row in rows) == 2 * 560
    ratings = [float(row[1]) for row in rows]
    assert ratings == sorted(ratings, reverse=True)
    for ending in ("jsonl", "json", "csv"):
        assert run("export", database, "--into", tmp_path / f"b.{ending}") == 0
        assert "560 votes" in capsys.readouterr().out
        assert run("ratings", tmp_path / f"b.{ending}") == 0
        assert capsys.readouterr().out == printed
    assert len((tmp_path / "b.jsonl").read_text().splitlines()) == 560
    assert len(json.loads((tmp_path / "b.json").read_text())) == 560


def test_cleaning_says_what_it_leaves_out(database, capsys):
    assert run("ratings", database, "--clean") == 0
    text = capsys.readouterr().out
    assert "Left out: repeated 0, over the cap 0, outliers" in text
    assert len(table(text)) == 8


def test_mistakes_are_sentences(database, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no .*none\.db"):
        run("ratings", tmp_path / "none.db")
    with pytest.raises(ValueError, match="was begun with seed 0"):
        run("serve", "--db", database, "--seed", "3", "--port", "0")
    with pytest.raises(ValueError, match=r"per_minute is 0\.0; give a number above 0"):
        run("serve", "--db", database, "--per-minute", "0")
    with pytest.raises(SystemExit):
        run("serve", "--policy", "best")
    with pytest.raises(SystemExit):
        run()


@pytest.mark.slow
def test_a_port_that_is_taken_is_said(tmp_path):
    with server(tmp_path / "votes.db", "--questions", "12") as (_, address):
        assert Browser(address).ask("/standings")[0] == 200
        with pytest.raises(OSError, match=r"port \d+ of 127.0.0.1 cannot be used"):
            run("serve", "--db", tmp_path / "other.db", "--port", address.rsplit(":", 1)[1])
