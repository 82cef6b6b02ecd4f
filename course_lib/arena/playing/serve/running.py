"""Starts the web server."""

from __future__ import annotations

import socket

from course_lib.arena.playing.session import Arena


def serve(arena: Arena, host: str = "127.0.0.1", port: int = 8765) -> None:
    """Serve an arena until it is stopped; says where, once it answers. port: 0 takes a free one.

    Raises OSError in a sentence if the port is taken.
    """
    import uvicorn

    from course_lib.arena.playing.serve.app import application

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as place:  # bound now, to fail early; listening only when the arena is ready
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            place.bind((host, port))
        except OSError as error:
            raise OSError(
                f"port {port} of {host} cannot be used ({error.strerror}); choose another --port."
            ) from error
        here = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)
        address = f"http://{here}:{place.getsockname()[1]}"

        class Server(uvicorn.Server):
            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                print(f"course arena: vote at {address}/ , standings at {address}/standings", flush=True)

        # what a proxy says of the sender is not believed: anyone can say it
        settings = uvicorn.Config(
            application(arena), log_level="warning", access_log=False, proxy_headers=False,
            server_header=False, timeout_keep_alive=75, timeout_graceful_shutdown=5, backlog=512,
        )  # fmt: skip
        Server(settings).run(sockets=[place])
