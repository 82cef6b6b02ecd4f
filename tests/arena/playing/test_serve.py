"""The served arena: what it answers, what it refuses, and what is left when the process is killed."""

import asyncio
import json
import threading
import time
from collections import Counter
from contextlib import closing
from socket import IPPROTO_TCP, TCP_NODELAY

import pytest

from course_lib.arena.playing.questions import DOMAINS, FAMILIES
from course_lib.arena.playing.serve import app as serving
from course_lib.arena.playing.serve.app import application
from course_lib.arena.playing.serve.running import bound, own_address
from course_lib.arena.playing.serve.standings import Newsroom, standings
from course_lib.arena.playing.serve.voters import Voters
from course_lib.arena.playing.session import WINNERS
from course_lib.arena.playing.votes import connected

from ..arenas import Browser, play_at_once, server, small


@pytest.fixture
def client(tmp_path):
    """A client of the application in this process; `client.arena` is the arena behind it."""
    from starlette.testclient import TestClient

    clock = type("Clock", (), {"now": 1e9, "__call__": lambda self: self.now})()
    arena = small(tmp_path / "votes.db", clock=clock)
    with TestClient(application(arena, least=0.0, rest=0.0)) as one:
        one.arena, one.clock = arena, clock
        yield one


def test_other_machines_are_told_where_the_arena_is(tmp_path):
    with server(tmp_path / "votes.db", "--host", "0.0.0.0") as (process, address):
        port = address.rpartition(":")[2]
        assert address.startswith("http://127.0.0.1:")
        told = process.stdout.readline().strip()
        assert told == f"course arena: from other machines: http://{own_address()}:{port}/"


def begin(client):
    assert client.get("/").status_code == 200
    return client.post("/api/next", json={}).json()


def test_a_pair_a_vote_and_the_names(client):
    shown = begin(client)
    assert set(shown) == {"battle", "question", "left", "right", "image", "alt", "seconds_left"}
    names = {name for pair in client.arena.matchmaker.pairs for name in pair}
    assert not any(name in str(shown) for name in names)
    assert client.get(shown["image"]).content.startswith(b"\x89PNG")
    answer = client.post("/api/vote", json={"battle": shown["battle"], "winner": "right", "key": "k"})
    assert answer.status_code == 200
    told = answer.json()
    assert told["counted"]
    assert not told["again"]
    assert {told["left"], told["right"]} <= names
    [row] = client.arena.battles().to_dict("records")
    assert (row["model_a"], row["model_b"], row["winner"]) == (told["left"], told["right"], "model_b")
    again = client.post("/api/vote", json={"battle": shown["battle"], "winner": "right", "key": "k"})
    assert (again.status_code, again.json()["again"]) == (200, True)
    assert len(client.arena.battles()) == 1


def test_each_refusal_has_its_status_and_its_sentence(client):
    shown = begin(client)
    good = {"battle": shown["battle"], "winner": "left", "key": "k"}

    def refused(status, reason, sent=None, **options):
        answer = client.post("/api/vote", **({"json": sent} | options))
        found = answer.json()
        assert (answer.status_code, found["reason"], found["counted"]) == (status, reason, False)
        assert found["sentence"].endswith((".", "!"))
        return answer

    for broken in ({}, [], 5, good | {"winner": "up"}, good | {"key": ""}, {"battle": shown["battle"]}):
        refused(400, "malformed", broken)
    refused(400, "malformed", content=b"{", headers={"content-type": "application/json"})
    refused(415, "not JSON", data=good)
    refused(413, "too large", good | {"key": "k" * 5000})
    refused(404, "never shown", good | {"battle": "x" * 16})
    from starlette.testclient import TestClient

    other = TestClient(client.app)
    assert other.post("/api/vote", json=good).status_code == 401
    *kept, last = client.cookies["voter"]
    other.cookies.set("voter", "".join([*kept, "0" if last != "0" else "1"]))
    assert other.post("/api/next", json={}).json()["reason"] == "no cookie"
    other.cookies.clear()
    begin(other)
    assert other.post("/api/vote", json=good).status_code == 403
    assert client.arena.votes == 0
    assert client.post("/api/vote", json=good).status_code == 200
    refused(409, "repeated", good | {"key": "another"})
    refused(422, "reused key", good | {"winner": "tie"})
    late = client.post("/api/next", json={}).json()
    client.clock.now += 1801
    refused(410, "late", {"battle": late["battle"], "winner": "left", "key": "k2"})
    assert client.arena.votes == 1


def test_who_is_too_fast_is_told_when_to_come_again(tmp_path):
    from starlette.testclient import TestClient

    from course_lib.arena.playing.hygiene import Limits

    arena = small(tmp_path / "votes.db", limits=Limits(per_minute=1, burst=1))
    with TestClient(application(arena)) as client:
        for expected in (200, 429):
            shown = begin(client)
            content = {"battle": shown["battle"], "winner": "left", "key": f"k{expected}"}
            answer = client.post("/api/vote", json=content)
            assert answer.status_code == expected
        assert 1 <= int(answer.headers["retry-after"]) <= 60


def test_new_voters_from_one_address_are_limited(client, monkeypatch):
    monkeypatch.setattr(serving, "NEWCOMERS", serving.Limits(per_minute=1e-6, burst=2))
    from starlette.testclient import TestClient

    page = application(client.arena)
    statuses = [TestClient(page).get("/").status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


def test_every_answer_keeps_other_hosts_out(client):
    begin(client)
    for path in ("/", "/standings", "/static/vote.js", "/static/page.css", "/nothing", "/api/standings"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "http" not in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
    cookie = client.get("/", headers={"cookie": ""}).headers.get("set-cookie", "")
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    for name in ("vote.html", "standings.html", "vote.js", "standings.js", "page.css"):
        text = (serving.FOLDER / name).read_text()
        assert "http:" not in text.replace("http://name-of-the-laptop", "")
        assert "https:" not in text
        assert "innerHTML" not in text


def test_there_is_nothing_else_to_fetch(client):
    for path in ("/static/app.py", "/static/..%2fapp.py", "/image/none.png", "/static/nothing.css"):
        assert client.get(path).status_code == 404
    assert client.get("/api/vote").status_code == 405


def test_a_disk_that_fails_is_no_counted_vote(client, monkeypatch):
    import sqlite3

    shown = begin(client)

    def full(*_arguments):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(client.arena, "_vote", full)
    content = {"battle": shown["battle"], "winner": "left", "key": "k"}
    answer = client.post("/api/vote", json=content)
    assert (answer.status_code, answer.json()["counted"]) == (503, False)
    monkeypatch.undo()
    assert client.post("/api/vote", json=content).json()["again"] is False


# ---- standings ----


def test_standings_are_those_of_the_library(client):
    from course_lib.arena.ratings.bradley_terry import bradley_terry
    from course_lib.arena.ratings.elo import online_elo
    from course_lib.arena.ratings.matrices import count_matrix, win_fraction
    from course_lib.arena.ratings.scale import elo_scale

    empty = client.get("/api/standings").json()
    assert (empty["votes"], empty["models"]) == (0, [])
    for number in range(30):
        play_at_once(client.arena, 28, voter=f"voter {number}", care=0.7)
    battles, found = client.arena.battles(), empty
    while found["votes"] < 840:  # who asks gets what is there, and the newer ones a moment later
        found = client.get("/api/standings").json()
    assert found["votes"] == len(battles) == 840
    assert found["voters"] == 30
    names = [model["name"] for model in found["models"]]
    ratings, online = elo_scale(bradley_terry(battles)), online_elo(battles)
    for model in found["models"]:
        assert model["rating"] == pytest.approx(ratings[model["name"]])
        assert model["elo"] == pytest.approx(online[model["name"]])
    assert [model["rating"] for model in found["models"]] == sorted(ratings, reverse=True)
    assert found["counts"] == count_matrix(battles, order=names).to_numpy().tolist()
    expected = win_fraction(battles, order=names).to_numpy()
    for row, values in zip(found["wins"], expected, strict=True):
        assert [x for x in row if x is not None] == pytest.approx([x for x in values if x == x])
    assert sum(found["families"].values()) == sum(found["domains"].values()) == 840
    assert found["families"] == {f: int((battles["category"] == f).sum()) for f in FAMILIES}
    assert set(found["domains"]) == set(DOMAINS)
    assert found["winners"] == {w: int((battles["winner"] == w).sum()) for w in WINNERS.values()}


def test_intervals_come_with_enough_questions(tmp_path):
    from course_lib.arena.playing.questions import pool

    arena = small(tmp_path / "votes.db", questions=pool(60))
    for number in range(30):
        play_at_once(arena, 28, voter=f"voter {number}", care=0.7)
    found = standings(arena.battles())
    assert found["note"] == ""
    for model in found["models"]:
        assert model["low"] < model["rating"] < model["high"]
    assert found["models"][0]["rank"] == 1
    few = standings(arena.battles().head(5))
    assert "held together by a penalty" in few["note"]
    assert all("low" not in model for model in few["models"])
    arena.store.close()


def test_however_many_ask_it_is_computed_once_for_a_count(tmp_path):
    votes, running, most, calls = 5, 0, 0, Counter()
    gate = threading.Event()

    class Counting(Newsroom):
        def _edition(self):
            nonlocal running, most
            running += 1
            most = max(most, running)
            calls[votes] += 1
            assert gate.wait(10)
            running -= 1
            return serving_edition(votes)

    def serving_edition(count):
        from course_lib.arena.playing.serve.standings import Edition

        return Edition(count, json.dumps({"votes": count}).encode(), f'"{count}"')

    async def crowd():
        nonlocal votes
        news = Counting(tmp_path / "none.db", lambda: votes, rest=0.0, least=0.0)
        asking = [asyncio.create_task(news.latest()) for _ in range(200)]
        await asyncio.sleep(0)
        gate.set()
        assert {edition.votes for edition in await asyncio.gather(*asking)} == {5}
        gate.clear()
        votes = 6
        assert {(await news.latest()).votes for _ in range(200)} == {5}  # nobody waits for the newer one
        gate.set()
        await news._running
        assert (await news.latest()).votes == 6
        assert (await news.latest()).votes == 6

    asyncio.run(crowd())
    assert most == 1
    assert calls == {5: 1, 6: 1}


def test_after_a_computation_there_is_a_rest(tmp_path):
    async def look():
        arena = small(tmp_path / "votes.db")
        news = Newsroom(arena.store.path, lambda: arena.votes, rest=0.0, least=3600.0)
        assert (await news.latest()).votes == 0
        play_at_once(arena, 3)
        assert (await news.latest()).votes == 0
        assert news._running is None, "it rests, whoever asks"
        news._not_before = 0.0
        await news.latest()
        await news._running
        assert (await news.latest()).votes == 3
        arena.store.close()

    asyncio.run(look())


def test_a_computation_that_fails_leaves_the_older_standings(tmp_path, caplog):
    from course_lib.arena.playing.serve.standings import Edition

    class Failing(Newsroom):
        broken = False

        def _edition(self):
            if self.broken:
                raise RuntimeError("no memory")
            return Edition(votes, b"{}", '"a"')

    async def look():
        nonlocal votes
        news = Failing(tmp_path / "none.db", lambda: votes, rest=0.0, least=0.0)
        await news.open()
        news.broken, votes = True, 2
        await news.latest()
        await news._running
        assert (await news.latest()).votes == 1
        assert news._running is None  # it rests before it tries again
        news.broken, news._not_before = False, 0.0
        await news.latest()
        await news._running
        assert (await news.latest()).votes == 2

    votes = 1
    asyncio.run(look())
    assert "could not be computed" in caplog.text


def test_standings_that_did_not_change_are_not_sent_again(client):
    first = client.get("/api/standings")
    again = client.get("/api/standings", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_cookies_cannot_be_made_up():
    voters = Voters("secret")
    name, cookie = voters.new()
    assert voters.name(cookie) == name
    assert Voters("secret").name(cookie) == name
    assert Voters("other").name(cookie) is None
    for wrong in (None, "", ".", "x", name, cookie + "0", "0" + cookie, f"{name}.", "é.é"):
        assert voters.name(wrong) is None


# ---- a real server ----


@pytest.mark.slow
def test_votes_that_were_counted_outlive_a_killed_server(tmp_path):
    """24 voters at once; the server is killed in the middle (SIGKILL) and started again on the same file."""
    database, options = tmp_path / "votes.db", ("--questions", "12", "--per-minute", "100000")
    counted, problems, killed = [], [], threading.Event()
    enough, each, until = threading.Event(), 12, time.monotonic() + 120

    def voter(number):
        try:
            browser = Browser(address)
            assert browser.patiently("/", None, until)[0] == 200
            for vote in range(each):
                status, shown = browser.patiently("/api/next", {}, until)
                assert status == 200, shown
                winner = list(WINNERS)[(number + vote) % 4]
                content = {"battle": shown["battle"], "winner": winner, "key": f"{number}-{vote}"}
                status, told = browser.patiently("/api/vote", content, until)
                assert (status, told["counted"]) == (200, True), told
                counted.append((shown["battle"], winner))
                if len(counted) >= 24 * each // 3:
                    enough.set()
        except BaseException as error:
            problems.append(error)
            enough.set()

    with server(database, *options) as (process, address):
        threads = [threading.Thread(target=voter, args=(number,)) for number in range(24)]
        for thread in threads:
            thread.start()
        enough.wait(60)
        process.kill()
        process.wait()
        killed.set()
        before = len(counted)
    with server(database, *options, port=int(address.rsplit(":", 1)[1])):
        for thread in threads:
            thread.join()
    assert not problems, problems[0]
    assert 24 * each // 3 <= before < 24 * each, "the server was to be killed while people vote"
    with closing(connected(database, read_only=True)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        kept = Counter(tuple(row) for row in connection.execute("SELECT battle, winner FROM votes"))
    assert kept == Counter((battle, WINNERS[winner]) for battle, winner in counted)
    assert set(kept.values()) == {1}
    assert sum(kept.values()) == 24 * each


def test_a_small_answer_is_sent_at_once():
    """Without TCP_NODELAY the second answer on a connection waits 40 ms for an acknowledgement."""

    async def accepted_socket():
        found = asyncio.get_running_loop().create_future()

        def arrived(reader, writer):
            found.set_result(writer.get_extra_info("socket").getsockopt(IPPROTO_TCP, TCP_NODELAY))
            writer.close()

        async with await asyncio.start_server(arrived, sock=bound("127.0.0.1", 0)) as server:
            _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            option = await found
            writer.close()
        return option

    assert asyncio.run(accepted_socket())
