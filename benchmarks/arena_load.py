"""A class of 200 votes at once on one served arena, and the server is killed in the middle.

Each simulated voter keeps one connection: asks for a pair, thinks (exponential, mean --think seconds),
votes, asks for the next; every tenth time the standings too. Half-way the server gets SIGKILL and is started
again on the same database; voters send the same request again until it is answered, as the page does.
Afterwards every vote that was answered with "counted" must be in the database exactly once, and nothing else.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

from harness import RESULTS, machine

from course_lib.files import write_whole

COURSE = [sys.executable, "-m", "course_lib.cli"]

WINNERS = {"left": "model_a", "right": "model_b", "tie": "tie", "both bad": "tie (bothbad)"}
MUST_HOLD = 200.0  # ms, p95 of all answers


def start(database: Path, port: int) -> tuple[subprocess.Popen, int]:
    """A served arena; returns its process and port when it listens."""
    limits = ["--per-minute", "1000000", "--per-day", "1000000"]
    command = [*COURSE, "arena", "serve", "--db", str(database)]
    process = subprocess.Popen([*command, "--port", str(port), *limits], stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    if "vote at http://" not in line:
        raise RuntimeError(f"the server did not start: {line}")
    return process, int(line.split("vote at http://")[1].split("/")[0].rsplit(":", 1)[1])


def busy(process: subprocess.Popen) -> float:
    """Seconds of the processor that a process has used so far."""
    import psutil

    times = psutil.Process(process.pid).cpu_times()
    return times.user + times.system


class Voter:
    """One connection with a cookie; `ask` repeats a request until it is answered."""

    def __init__(self, port: int, times: list[tuple[str, float, float, bool]]):
        self.port, self.times, self.cookie = port, times, ""
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def ask(self, kind: str, method: str, path: str, content: object = None) -> tuple[int, bytes]:
        first = True
        while True:
            began = time.perf_counter()
            try:
                answer = await asyncio.wait_for(self._once(method, path, content), 30)
                self.times.append((kind, began, time.perf_counter() - began, first))
                return answer
            except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, ValueError):
                first = False
                await self.close()
                await asyncio.sleep(0.2)

    async def _once(self, method: str, path: str, content: object) -> tuple[int, bytes]:
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        assert self.reader is not None
        body = b"" if content is None else json.dumps(content).encode()
        kind = "" if content is None else "Content-Type: application/json\r\n"
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{kind}Content-Length: {len(body)}\r\n"
        head += f"Cookie: {self.cookie}\r\n\r\n" if self.cookie else "\r\n"
        self.writer.write(head.encode() + body)
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
        for line in lines:
            if line.lower().startswith("set-cookie: "):
                self.cookie = line[12:].split(";")[0]
        return int(lines[0].split()[1]), await self.reader.readexactly(int(headers.get("content-length", 0)))

    async def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None


async def vote(voter: Voter, number: int, until: float, think: float, counted: list, refused: list) -> None:
    """One student's lesson."""
    draw, vote_number = random.Random(number), 0
    await asyncio.sleep(draw.random() * max(think, 0.5))  # a class does not click in one millisecond
    await voter.ask("page", "GET", "/")
    while time.perf_counter() < until:
        status, body = await voter.ask("next", "POST", "/api/next", {})
        shown = json.loads(body)
        await asyncio.sleep(draw.expovariate(1 / think) if think else 0)
        winner = draw.choice(list(WINNERS))
        content = {"battle": shown["battle"], "winner": winner, "key": f"{number}-{vote_number}"}
        status, body = await voter.ask("vote", "POST", "/api/vote", content)
        (counted if status == 200 else refused).append((shown["battle"], winner, body))
        vote_number += 1
        if vote_number % 10 == 0:
            await voter.ask("standings", "GET", "/api/standings")
    await voter.close()


async def lesson(database: Path, voters: int, seconds: float, think: float) -> dict:
    """Serve, vote, kill in the middle, start again, vote on; what was measured."""
    server, port = start(database, 0)
    times: list[tuple[str, float, float, bool]] = []
    counted: list = []
    refused: list = []
    began = time.perf_counter()
    until = began + seconds
    everyone = [
        asyncio.create_task(vote(Voter(port, times), number, until, think, counted, refused))
        for number in range(voters)
    ]
    try:
        idle = busy(server)
        await asyncio.sleep(seconds / 2)
        answered, worked = len(times), busy(server) - idle
        server.kill()
        server.wait()
        killed, before = time.perf_counter(), len(counted)
        server, _ = await asyncio.to_thread(start, database, port)
        back = time.perf_counter()
        await asyncio.gather(*everyone)
        ended = time.perf_counter()
    finally:
        server.kill()
        server.wait()
    with closing(sqlite3.connect(database)) as connection:
        kept = Counter(connection.execute("SELECT battle, winner FROM votes").fetchall())
        sound = connection.execute("PRAGMA integrity_check").fetchone()[0]
    told = Counter((battle, WINNERS[winner]) for battle, winner, _ in counted)
    rows = {
        kind: spread([took for k, _, took, _ in times if kind in (k, "all")])
        for kind in ("all", "vote", "next", "standings", "page")
    }
    return {
        "voters": voters, "seconds": seconds, "think_seconds": think, "requests": len(times),
        "requests_per_second": len(times) / (ended - began), "votes": len(counted),
        "votes_before_the_kill": before, "refused": len(refused),
        "sent_again": sum(not first for *_, first in times),
        "counted_again": sum(b'"again":true' in body for _, _, body in counted),
        "seconds_without_server": back - killed, "server_cpu_ms_per_request": 1000 * worked / answered,
        "lost": sum((told - kept).values()), "doubled": sum(n - 1 for n in kept.values()),
        "not_told": sum((kept - told).values()), "database": sound, "milliseconds": rows,
    }  # fmt: skip


def spread(seconds: list[float]) -> dict[str, float]:
    """Number, median, 95th and 99th percentile and the largest, in milliseconds."""
    ordered = sorted(seconds)
    if not ordered:
        return {"number": 0}
    at = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    values = {name: 1000 * ordered[min(len(ordered) - 1, int(q * len(ordered)))] for name, q in at.items()}
    return {"number": len(ordered)} | values


def markdown(report: dict) -> str:
    """The report as a page."""
    found, here = report["result"], report["machine"]
    before, after = report["load_before_and_after"]
    lines = [
        "# arena_load", "", report["note"], "",
        f"{here['processor']}, {here['cores']} cores for server and voters together, load {before:.1f} to "
        f"{after:.1f}. {found['voters']} voters for {found['seconds']:.0f} s, thinking "
        f"{found['think_seconds']:g} s on average: {found['votes']:,} votes, "
        f"{found['requests_per_second']:.0f} requests/s at {found['server_cpu_ms_per_request']:.2f} ms "
        f"of the server's processor time each. Killed after {found['votes_before_the_kill']:,} "
        f"votes, back after {found['seconds_without_server']:.1f} s; {found['sent_again']} requests were "
        f"sent again, {found['counted_again']} of them had been counted.", "",
        f"Lost: {found['lost']}. Doubled: {found['doubled']}. In the database but never told: "
        f"{found['not_told']}. Refused: {found['refused']}. Integrity: {found['database']}.", "",
        "| request | number | median | 95 % | 99 % | largest |", "|---|---:|---:|---:|---:|---:|",
    ]  # fmt: skip
    for kind, row in found["milliseconds"].items():
        if row["number"]:
            values = " | ".join(f"{row[name]:.1f} ms" for name in ("p50", "p95", "p99", "max"))
            lines.append(f"| {kind} | {row['number']:,} | {values} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--voters", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--think", type=float, default=1.0)
    parser.add_argument("--results", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="arena-load-") as folder:
        database = Path(folder) / "votes.db"
        result = asyncio.run(lesson(database, arguments.voters, arguments.seconds, arguments.think))
    report = {
        "name": "arena_load", "machine": machine(), "load_before_and_after": [before, os.getloadavg()[0]],
        "note": "From sending a request to the last byte of its answer; what was sent while the server was "
        "away counts from the sending that was answered.",
        "result": result,
    }  # fmt: skip
    write_whole(arguments.results / "arena_load.json", json.dumps(report, indent=1) + "\n")
    write_whole(arguments.results / "arena_load.md", markdown(report))
    print(markdown(report))
    exact = not (result["lost"] or result["doubled"] or result["not_told"] or result["refused"])
    return 0 if exact and result["milliseconds"]["all"]["p95"] <= MUST_HOLD else 1


if __name__ == "__main__":
    sys.exit(main())
