"""Starts the web server."""

from __future__ import annotations

import socket

from course_lib.arena.playing.session import Arena

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # hosts that serve other machines too: how this one asks


def serve(arena: Arena, host: str = "127.0.0.1", port: int = 8765) -> None:
    """Serve an arena until it is stopped; says where, once it answers. port: 0 takes a free one.

    Raises OSError in a sentence if the port is taken.
    """
    import uvicorn

    from course_lib.arena.playing.serve.app import application

    with bound(host, port) as place:  # now, to fail early; it listens when the arena is ready
        here = EVERYWHERE.get(host, host)
        address = f"http://{here}:{place.getsockname()[1]}"

        class Server(uvicorn.Server):
            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                print(f"course arena: vote at {address}/ , standings at {address}/standings", flush=True)
                if host in EVERYWHERE:
                    port = place.getsockname()[1]
                    print(f"course arena: from other machines: http://{own_address()}:{port}/", flush=True)

        # what a proxy says of the sender is not believed: anyone can say it
        settings = uvicorn.Config(
            application(arena), log_level="warning", access_log=False, proxy_headers=False,
            server_header=False, timeout_keep_alive=75, timeout_graceful_shutdown=5, backlog=512,
        )  # fmt: skip
        Server(settings).run(sockets=[place])


def own_address() -> str:
    """The address under which other machines of the network find this one; its name, where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as question:
        try:
            question.connect(
                ("192.0.2.1", 9)
            )  # chooses the network card; a datagram socket sends nothing yet
        except OSError:
            return socket.gethostname()
        return question.getsockname()[0]


def bound(host: str, port: int) -> socket.socket:
    """A socket at that address. Raises OSError in a sentence if the port is taken."""
    # asyncio sends small answers at once (TCP_NODELAY) only on sockets whose protocol is named; on others a
    # second question on the same connection waits 40 ms for its answer
    place = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, proto=socket.IPPROTO_TCP)
    place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        place.bind((host, port))
    except OSError as error:
        place.close()
        raise OSError(
            f"port {port} of {host} cannot be used ({error.strerror}); choose another --port."
        ) from error
    return place
