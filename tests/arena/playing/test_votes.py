"""What counts, what is refused and why, and what is still there after the process is gone."""

import json
import sqlite3
import threading
from collections import Counter
from contextlib import closing

import pandas as pd
import pytest

from course_lib.arena.playing.answerers import default_answerers
from course_lib.arena.playing.fastchat import battles_of, export, read, records
from course_lib.arena.playing.hygiene import DAY, Limits
from course_lib.arena.playing.session import WINNERS, Refused
from course_lib.arena.playing.votes import VoteStore, battles_table, connected
from course_lib.arena.ratings.bradley_terry import bradley_terry
from course_lib.arena.ratings.elo import online_elo

from ..arenas import play, play_at_once, small


@pytest.fixture
def arena(tmp_path):
    one = small(tmp_path / "votes.db")
    yield one
    one.store.close()


class Clock:
    def __init__(self, now=10 * DAY):
        self.now = now

    def __call__(self):
        return self.now


def refused(future, reason):
    with pytest.raises(Refused) as caught:
        future.result()
    assert caught.value.reason == reason
    return str(caught.value)


def test_a_vote_counts_and_tells_the_names(arena):
    shown = arena.next_battle("v").result()
    counted = arena.vote("v", shown.battle, "both bad", "k").result()
    assert (counted.winner, counted.again) == ("both bad", False)
    [row] = arena.battles().to_dict("records")
    assert (row["model_a"], row["model_b"]) == (counted.left, counted.right)
    assert row["winner"] == "tie (bothbad)"
    assert row["question"] == shown.image
    assert (row["length_a"], row["length_b"]) == (len(shown.left), len(shown.right))
    assert row["anony"] is True
    assert arena.votes == 1


def test_what_is_shown_holds_no_name(arena):
    shown = arena.next_battle("v").result()
    names = {name for pair in arena.matchmaker.pairs for name in pair}
    assert not any(name in str(shown) for name in names)


def test_a_page_that_is_loaded_again_shows_the_same_pair(arena):
    first = arena.next_battle("v").result()
    again = arena.next_battle("v").result()
    assert again.battle == first.battle
    assert arena.next_battle("w").result().battle != first.battle
    arena.vote("v", first.battle, "left", "k").result()
    assert arena.next_battle("v").result().battle != first.battle


def test_the_same_request_again_is_the_same_vote(arena):
    shown = arena.next_battle("v").result()
    first = arena.vote("v", shown.battle, "left", "k").result()
    again = arena.vote("v", shown.battle, "left", "k").result()
    assert again.again
    assert (again.left, again.right, again.winner) == (first.left, first.right, first.winner)
    assert len(arena.battles()) == arena.votes == 1


def test_what_does_not_count_is_refused_with_a_reason(arena):
    shown = arena.next_battle("v").result()
    assert "shown to someone else" in refused(arena.vote("w", shown.battle, "left", "k"), "not yours")
    assert "never shown" in refused(arena.vote("v", "made-up", "left", "k"), "never shown")
    for battle, winner, key in (
        (shown.battle, "up", "k"), (shown.battle, "model_a", "k"), (shown.battle, None, "k"),
        (None, "left", "k"), (["x"], "left", "k"), (shown.battle, ["left"], "k"), (shown.battle, "left", ""),
        (shown.battle, "left", None), (shown.battle, "left", "k" * 101), (shown.battle, "left", 5),
    ):  # fmt: skip
        assert "A vote needs" in refused(arena.vote("v", battle, winner, key), "malformed")
    arena.vote("v", shown.battle, "left", "k").result()
    assert "the first vote counts" in refused(arena.vote("v", shown.battle, "right", "k2"), "repeated")
    assert "another vote" in refused(arena.vote("v", shown.battle, "right", "k"), "reused key")
    assert len(arena.battles()) == arena.votes == 1


def test_a_vote_that_comes_too_late_is_refused_and_the_next_pair_is_new(tmp_path):
    clock = Clock()
    arena = small(tmp_path / "votes.db", expires=600.0, clock=clock)
    shown = arena.next_battle("v").result()
    clock.now += 599
    assert arena.next_battle("v").result().battle == shown.battle
    assert arena.next_battle("v").result().seconds_left == pytest.approx(1)
    clock.now += 1
    assert "more than 10 minutes ago" in refused(arena.vote("v", shown.battle, "left", "k"), "late")
    later = arena.next_battle("v").result()
    assert later.battle != shown.battle
    arena.vote("v", later.battle, "left", "k").result()
    clock.now += 10_000  # an answer that got lost may be asked for again at any time
    assert arena.vote("v", later.battle, "left", "k").result().again
    arena.store.close()


def test_rate_and_day_are_limited_and_a_retry_is_not_a_vote(tmp_path):
    clock = Clock(10 * DAY + 5)
    arena = small(tmp_path / "votes.db", limits=Limits(per_minute=1e-6, burst=2, per_day=100), clock=clock)
    play(arena, 2)
    shown = arena.next_battle("v").result()
    assert "read both answers" in refused(arena.vote("v", shown.battle, "left", "k"), "too fast")
    assert arena.next_battle("v").result().battle == shown.battle  # it is still open
    arena.store.close()

    arena = small(tmp_path / "other.db", limits=Limits(per_minute=1e9, burst=100, per_day=3), clock=clock)
    play(arena, 3)
    shown = arena.next_battle("v").result()
    assert "3 votes of yours" in refused(arena.vote("v", shown.battle, "left", "k"), "daily cap")
    assert arena.vote("v", shown_of(arena, 0), winner_of(arena, 0), "key0").result().again
    play(arena, 1, voter="w")
    clock.now = 11 * DAY
    shown = arena.next_battle("v").result()
    assert not arena.vote("v", shown.battle, "left", "k").result().again
    arena.store.close()


def shown_of(arena, number):
    with closing(connected(arena.store.path, read_only=True)) as connection:
        return connection.execute("SELECT battle FROM votes ORDER BY number").fetchall()[number][0]


def winner_of(arena, number):
    return {word: side for side, word in WINNERS.items()}[arena.battles()["winner"].iloc[number]]


def test_a_battle_is_covered_once_before_any_twice_across_a_restart(tmp_path):
    arena = small(tmp_path / "votes.db")
    pairs = len(arena.matchmaker.pairs)
    play(arena, pairs // 2)
    arena.store.close()
    arena = small(tmp_path / "votes.db")
    assert arena.votes == pairs // 2
    play(arena, pairs - pairs // 2, voter="w")
    battles = arena.battles()
    met = Counter(tuple(sorted(pair)) for pair in zip(battles["model_a"], battles["model_b"], strict=True))
    assert set(met.values()) == {1}
    assert len(met) == pairs
    assert battles["voter"].unique().tolist() == ["arena_user_0", "arena_user_1"]
    arena.store.close()


def test_many_at_once_lose_nothing(arena):
    def vote(voter):
        for number, counted in enumerate(play(arena, 15, voter)):
            told.append((voter, number, counted.battle))

    told = []
    threads = [threading.Thread(target=vote, args=(f"voter {n}",)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with closing(connected(arena.store.path, read_only=True)) as connection:
        kept = [tuple(row) for row in connection.execute("SELECT voter, battle FROM votes")]
    assert len(told) == 300
    assert Counter((voter, battle) for voter, _, battle in told) == Counter(kept)
    assert arena.votes == 300


def test_one_mistake_in_a_transaction_undoes_itself_alone(tmp_path):
    store = VoteStore(tmp_path / "votes.db")
    gate, entered = threading.Event(), threading.Event()

    def hold(_connection):
        entered.set()
        gate.wait(10)

    def put(name, fail=False):
        def work(connection):
            connection.execute("INSERT INTO settings VALUES (?, ?)", (name, "1"))
            if fail:
                raise KeyError(name)
            return name

        return store.write(work)

    first = store.write(hold)
    entered.wait(10)
    waiting = [put("a"), put("b", fail=True), put("c")]  # these three share a transaction
    gate.set()
    first.result()
    assert waiting[0].result() == "a"
    with pytest.raises(KeyError):
        waiting[1].result()
    assert waiting[2].result() == "c"
    with closing(connected(store.path)) as connection:
        assert [row[0] for row in connection.execute("SELECT name FROM settings ORDER BY name")] == ["a", "c"]
    store.close()


def test_a_disk_that_fails_is_told_to_everyone_who_waits(tmp_path):
    store = VoteStore(tmp_path / "votes.db")

    def broken(connection):
        connection.execute("INSERT INTO settings VALUES ('half', '1')")
        connection.execute("COMMIT")  # from here on the transaction is gone, as after an error of the disk

    with pytest.raises(sqlite3.Error):
        store.write(broken).result()
    assert store.setting("later", "fine") == "fine"  # and the next one works again
    store.close()
    store.close()
    with pytest.raises(RuntimeError, match="are closed; open the arena again"):
        store.write(broken)


def test_the_schema_itself_refuses_what_must_not_be(arena):
    play(arena, 1)
    battle = arena.next_battle("v").result().battle
    row = "INSERT INTO votes (battle, voter, winner, key, voted_at) VALUES (?, ?, ?, ?, 0)"
    with closing(connected(arena.store.path)) as connection:
        for values in (
            (shown_of(arena, 0), "v", "tie", "new"),  # one vote per battle
            ("made-up", "v", "tie", "new"),  # a battle is shown before
            (battle, "v", "draw", "new"),  # no unknown words
            (battle, "v", "tie", "key0"),  # one vote per key
        ):
            with pytest.raises(sqlite3.IntegrityError):
                connection.execute(row, values)
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL


def test_other_files_are_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("not a database, and long enough to be read as a header of one" * 20)
    with pytest.raises(ValueError, match=r"notes\.txt is not a database of votes"):
        VoteStore(tmp_path / "notes.txt")
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE t (x)")
    with pytest.raises(ValueError, match="is a database, but not one of an arena"):
        VoteStore(tmp_path / "other.db")
    with pytest.raises(ValueError, match="is not a database of votes"):
        battles_table(tmp_path / "other.db")
    with pytest.raises(FileNotFoundError, match=r"there is no .*none\.db; name the --db"):
        battles_table(tmp_path / "none.db")
    VoteStore(tmp_path / "votes.db").close()
    with closing(sqlite3.connect(tmp_path / "votes.db")) as connection:
        connection.execute("PRAGMA user_version = 9")
    with pytest.raises(ValueError, match="has version 9 of the schema, this library reads version 1"):
        VoteStore(tmp_path / "votes.db")


def test_another_seed_is_refused(arena):
    from course_lib.arena.playing.session import Arena

    with pytest.raises(ValueError, match=r"seed is 5, but .*votes\.db was begun with seed 0"):
        Arena(arena.store, questions=arena.questions, seed=5)
    with pytest.raises(ValueError, match="expires is 0; give seconds above 0"):
        Arena(arena.store, questions=arena.questions, expires=0)

    class Mute:
        name = "Mute"

        def answer(self, scene, question, seed):
            return None

    with pytest.raises(TypeError, match="Mute answered None"):
        Arena(arena.store, [Mute(), *default_answerers()], arena.questions)


def test_a_temporary_store_is_gone_when_it_is_closed():
    arena = small()
    play(arena, 2)
    path = arena.store.path
    assert path.is_file()
    arena.store.close()
    assert not path.parent.exists()


# ---- FastChat's format ----


def test_records_have_fastchats_fields(arena):
    play(arena, 5)
    record = records(arena.store.path)[0]
    assert list(record)[:11] == [
        "question_id", "model_a", "model_b", "winner", "judge", "conversation_a", "conversation_b", "turn",
        "anony", "language", "tstamp",
    ]  # fmt: skip
    assert [turn["role"] for turn in record["conversation_a"]] == ["user", "assistant"]
    assert record["judge"].startswith("arena_user_")
    assert record["winner"] in WINNERS.values()
    assert (record["turn"], record["anony"], record["language"]) == (1, True, "English")
    assert isinstance(record["tstamp"], float)
    assert "v" not in {record["judge"]}  # the voter's own name stays in the database


@pytest.mark.parametrize("ending", ["jsonl", "json", "csv"])
def test_out_and_in_again_gives_the_same_ratings(arena, tmp_path, ending):
    for number in range(6):
        play_at_once(arena, 28, voter=f"voter {number}", length_bias=0.3, care=0.7)
    assert export(arena.store.path, tmp_path / f"battles.{ending}") == 168
    here, back = arena.battles(), battles_of(tmp_path / f"battles.{ending}")
    for column in ("model_a", "model_b", "winner", "question", "voter", "category", "domain", "timestamp"):
        assert back[column].tolist() == here[column].tolist(), column
    assert back["length_a"].tolist() == here["length_a"].tolist()
    pd.testing.assert_series_equal(online_elo(back), online_elo(here))
    pd.testing.assert_series_equal(bradley_terry(back, penalty=0.1), bradley_terry(here, penalty=0.1))
    if ending != "csv":  # as FastChat's elo_analysis.py opens it
        frame = pd.read_json(tmp_path / f"battles.{ending}", lines=ending == "jsonl").sort_values("tstamp")
        assert frame["anony"].all()
        assert frame["winner"].tolist() == here["winner"].tolist()


def test_files_are_not_overwritten_and_strange_ones_not_read(arena, tmp_path):
    play(arena, 2)
    export(arena.store.path, tmp_path / "b.jsonl")
    with pytest.raises(ValueError, match=r"b\.jsonl is there already"):
        export(arena.store.path, tmp_path / "b.jsonl")
    with pytest.raises(ValueError, match=r"none of \.jsonl, \.json, \.csv"):
        export(arena.store.path, tmp_path / "b.xlsx")
    (tmp_path / "odd.jsonl").write_text(
        json.dumps({"model_a": "x", "model_b": "y", "winner": "tie"}) + "\n{}"
    )
    with pytest.raises(ValueError, match="record 2 has no model_a, model_b, winner"):
        read(tmp_path / "odd.jsonl")
    (tmp_path / "odd.json").write_text("winner: x")
    with pytest.raises(ValueError, match="is not JSON"):
        read(tmp_path / "odd.json")


def test_true_order_is_found_by_voters_who_look(tmp_path):
    """Simulated voters who know the truth rank the samplers by accuracy; length bias moves a twin alone."""
    arena = small(tmp_path / "votes.db")
    for number in range(40):
        play_at_once(arena, 28, voter=f"voter {number}", length_bias=0.9)
    strengths = bradley_terry(arena.battles(), penalty=0.1)
    assert strengths.index[-1] == "Dice"
    assert strengths["Otter-Chat"] > strengths["Otter-Brief"]  # alike, but for their length
    arena.store.close()
