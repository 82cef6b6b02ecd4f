"""Small arenas and a real server for the tests of the arena."""

import http.client
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

from course_lib.arena.playing.answerers import drawn_from, preference
from course_lib.arena.playing.questions import pool
from course_lib.arena.playing.session import Arena
from course_lib.arena.playing.votes import VoteStore


def small(path=None, **options):
    """An arena without limits on 12 questions, in a temporary file or in `path`."""
    return Arena(VoteStore(path), **{"questions": pool(12), "limits": None} | options)


def play(arena, votes, voter="v", **taste):
    """A simulated voter votes `votes` times, waiting for the disk each time; returns what was counted."""
    counted = []
    for number in range(votes):
        shown = arena.next_battle(voter).result()
        winner = chosen(arena, shown, voter, **taste)
        counted.append(arena.vote(voter, shown.battle, winner, f"key{number}").result())
    return counted


def play_at_once(arena, votes, voter="v", **taste):
    """The same in one transaction, for tests that need many votes."""

    def all_of_them(connection):
        for number in range(votes):
            shown = arena._next(connection, voter)
            winner = chosen(arena, shown, voter, **taste)
            arena._vote(connection, voter, shown.battle, winner, f"key{number}", True)

    arena.store.write(all_of_them).result()


def chosen(arena, shown, voter, **taste):
    """What a simulated voter says of what is shown; taste: options of `preference`."""
    truth = arena.questions[arena.place[shown.image]].question.answer
    return preference(shown.left, shown.right, truth, drawn_from(voter, shown.number), **taste)


@contextmanager
def server(database, *options, port=0, log=None):
    """`course arena serve` as a process of its own, by itself on a free port: yields (process, address)."""
    command = [sys.executable, "-m", "course_lib.cli", "arena", "serve", "--db", str(database)]
    command += ["--port", str(port), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        line = process.stdout.readline()  # it says where it listens, then it can be asked
        assert "vote at http://" in line, line
        yield process, line.split("vote at ")[1].split("/ ,")[0]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class Browser:
    """Keeps a voter's cookie and asks the server, with nothing but the standard library."""

    def __init__(self, address, cookie=None):
        self.address, self.cookie = address, cookie

    def ask(self, path, content=None, kind="application/json"):
        """(status, parsed answer); content is sent as JSON, bytes as they are; None is a GET."""
        headers = {"Cookie": self.cookie} if self.cookie else {}
        data = None
        if content is not None:
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            headers["Content-Type"] = kind
        request = urllib.request.Request(self.address + path, data, headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return self._read(answer)
        except urllib.error.HTTPError as error:
            with error:
                return self._read(error)

    def _read(self, answer):
        if given := answer.headers.get("Set-Cookie"):
            self.cookie = given.split(";")[0]
        content = answer.read()
        json_kind = answer.headers.get_content_type() == "application/json"
        return answer.status, json.loads(content) if json_kind else content

    def patiently(self, path, content, until):
        """`ask` until there is an answer, as the page does; AssertionError after `until` (monotonic)."""
        while True:
            try:
                return self.ask(path, content)
            except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError):
                assert time.monotonic() < until, "the server did not come back"
