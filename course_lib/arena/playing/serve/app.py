"""The web application: one page to vote on, one to look at the standings, and what they ask for.

Starlette answers in one thread; writing waits in the store's thread and the standings in another, so two
hundred people at once cost no more than their own votes. Nothing on the pages comes from another host.
"""

from __future__ import annotations

import asyncio
import json
import math
import secrets
from concurrent.futures import Future
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from course_lib.arena.playing.hygiene import Limits, RateLimit
from course_lib.arena.playing.serve.standings import Newsroom
from course_lib.arena.playing.serve.voters import COOKIE, WEEKS, Voters
from course_lib.arena.playing.session import Arena, Refused

FOLDER = Path(__file__).parent
KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
ICON = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path fill="#31688e" d="M0 0h7v16H0z"/>'
    b'<path fill="#35b779" d="M9 0h7v16H9z"/></svg>'
)
STATUS = {
    "malformed": 400, "no cookie": 401, "not yours": 403, "never shown": 404, "repeated": 409, "late": 410,
    "too large": 413, "not JSON": 415, "reused key": 422, "too fast": 429, "daily cap": 429,
    "too many new voters": 429,
}  # fmt: skip
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]
LARGEST_BODY = 4096  # bytes of a vote
NEWCOMERS = Limits(per_minute=120, burst=400)  # new voters from one address: a class behind one router fits


def application(arena: Arena, **news: float) -> Starlette:
    """The arena as an ASGI application, which closes the store when it ends. news: options of Newsroom."""
    pages = _Pages(arena, Newsroom(arena.store.path, lambda: arena.votes, **news))

    @asynccontextmanager
    async def lifespan(_app: Starlette):
        await pages.news.open()
        yield
        arena.store.close()

    routes = [
        Route("/", pages.vote_page),
        Route("/standings", pages.standings_page),
        Route("/static/{name}", pages.static),
        Route("/image/{question}.png", pages.image),
        Route("/api/next", pages.next_battle, methods=["POST"]),
        Route("/api/vote", pages.vote, methods=["POST"]),
        Route("/api/standings", pages.standings),
    ]
    return Starlette(
        routes=routes, lifespan=lifespan, middleware=[Middleware(_SafeHeaders)],
        exception_handlers={Refused: _refusal},
    )  # fmt: skip


class _Pages:
    def __init__(self, arena: Arena, news: Newsroom):
        self.arena, self.news = arena, news
        self.voters = Voters(arena.store.setting("secret", secrets.token_hex(32)))
        self.newcomers = RateLimit(NEWCOMERS)
        self.files = {path.name: path.read_bytes() for path in FOLDER.iterdir() if path.suffix in KINDS}
        self.files["icon.svg"] = ICON
        self.alt = {question.id: question.alt for question in arena.questions}
        self.images: dict[str, bytes] = {}

    async def vote_page(self, request: Request) -> Response:
        response = self._file("vote.html")
        if self.voters.name(request.cookies.get(COOKIE)) is None:
            address = request.client.host if request.client else ""
            if wait := self.newcomers.wait(address):
                raise Refused(
                    "too many new voters", "Too many new voters from one address; wait a moment.", wait
                )
            self.newcomers.take(address)
            _, cookie = self.voters.new()
            response.set_cookie(COOKIE, cookie, max_age=WEEKS, httponly=True, samesite="strict")
        return response

    async def standings_page(self, request: Request) -> Response:
        return self._file("standings.html")

    async def static(self, request: Request) -> Response:
        return self._file(request.path_params["name"])

    def _file(self, name: str) -> Response:
        if name not in self.files:
            return _sentence(404, "not here", f"There is no {name:.40} here.")
        kind = KINDS[Path(name).suffix]
        return Response(self.files[name], media_type=kind, headers={"cache-control": "no-cache"})

    async def image(self, request: Request) -> Response:
        name = request.path_params["question"]
        if name not in self.arena.place:
            return _sentence(404, "not here", "There is no such picture.")
        if name not in self.images:
            question = self.arena.questions[self.arena.place[name]]
            self.images[name] = await asyncio.to_thread(question.png)
        keep = {"cache-control": "private, max-age=86400"}
        return Response(self.images[name], media_type="image/png", headers=keep)

    async def next_battle(self, request: Request) -> Response:
        shown = await _written(self.arena.next_battle(self._voter(request)))
        if isinstance(shown, Response):
            return shown
        return _json({
            "battle": shown.battle, "question": shown.question, "left": shown.left, "right": shown.right,
            "image": f"/image/{shown.image}.png", "alt": self.alt[shown.image],
            "seconds_left": round(shown.seconds_left),
        })  # fmt: skip

    async def vote(self, request: Request) -> Response:
        voter = self._voter(request)
        sent = await _body(request)
        counted = await _written(
            self.arena.vote(voter, sent.get("battle"), sent.get("winner"), sent.get("key"))
        )
        if isinstance(counted, Response):
            return counted
        return _json({
            "counted": True, "again": counted.again, "battle": counted.battle, "winner": counted.winner,
            "left": counted.left, "right": counted.right,
        })  # fmt: skip

    async def standings(self, request: Request) -> Response:
        edition = await self.news.latest()
        headers = {"etag": edition.tag, "cache-control": "no-cache"}
        if request.headers.get("if-none-match") == edition.tag:
            return Response(status_code=304, headers=headers)
        return Response(edition.body, media_type="application/json", headers=headers)

    def _voter(self, request: Request) -> str:
        name = self.voters.name(request.cookies.get(COOKIE))
        if name is None:
            raise Refused("no cookie", "Open the arena's page first, with cookies allowed.")
        return name


async def _written(future: Future) -> Any:
    """What a write gives, or the answer that the disk did not take it."""
    import sqlite3

    try:
        return await asyncio.wrap_future(future)
    except sqlite3.Error:
        return _sentence(503, "not written", "The disk did not take it; it does not count yet. Try again.")


async def _body(request: Request) -> dict[str, Any]:
    # only scripts of this page send JSON: a form on another site cannot
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Refused("not JSON", "A vote is sent as application/json.")
    content = b""
    async for part in request.stream():
        content += part
        if len(content) > LARGEST_BODY:
            raise Refused("too large", f"A vote has at most {LARGEST_BODY} bytes.")
    try:
        sent = json.loads(content)
    except ValueError:
        sent = None
    if not isinstance(sent, dict):
        raise Refused("malformed", "A vote is a JSON object with battle, winner and key.")
    return sent


def _refusal(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    response = _sentence(STATUS[error.reason], error.reason, str(error))
    if error.wait:
        response.headers["retry-after"] = str(math.ceil(error.wait))
    return response


def _sentence(status: int, reason: str, sentence: str) -> Response:
    return _json({"counted": False, "reason": reason, "sentence": sentence}, status)


def _json(content: dict[str, Any], status: int = 200) -> Response:
    return JSONResponse(content, status, headers={"cache-control": "no-store"})


class _SafeHeaders:
    """Puts the headers that keep other hosts out on every answer."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *HEADERS]
            await send(message)

        await self.app(scope, receive, with_headers)
