"""Listen to a kernel that may say anything: sizes are looked at first, content only where it is needed.

jupyter_client keeps and decodes every message, whatever its size. Here messages come in as raw frames; a
message above the largest size ends the connection before it is in memory, and of the rest only the headers,
ends, errors and documents of values are decoded. Signatures are not checked: the student's code has the key.
"""

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import zmq
from zmq.utils.monitor import recv_monitor_message

LARGEST = 8_000_000  # bytes of one part of a message; the connection is closed at a larger one
WAITING = 20  # messages that may wait before the kernel is made to wait
LONGEST_HEADER = 20_000
DELIMITER = b"<IDS|MSG>"


class Cut(Exception):
    """The connection ended, because the kernel is gone or because it sent too large a message."""


class Unreadable(Exception):
    """A message that is not what the protocol says."""


@dataclass(frozen=True)
class Message:
    """kind: "status", "stream" ...; parent: the id of the request that it answers; size in bytes."""

    channel: str
    kind: str
    parent: str
    size: int
    frame: bytes

    def content(self) -> dict[str, Any]:
        """The content, decoded now. Raises Unreadable."""
        return _object(self.frame)


def context() -> zmq.Context:
    """A context whose sockets hold little and refuse what is too large."""
    made = zmq.Context()
    for option, value in (
        (zmq.MAXMSGSIZE, LARGEST), (zmq.RCVHWM, WAITING), (zmq.RECONNECT_IVL, 20), (zmq.LINGER, 0),
    ):  # fmt: skip
        made.setsockopt(option, value)
    return made


class Wire:
    """The shell and iopub sockets of a started client."""

    def __init__(self, client: Any):
        self._sockets = {"shell": client.shell_channel.socket, "iopub": client.iopub_channel.socket}
        self._monitors = [one.get_monitor_socket(zmq.EVENT_DISCONNECTED) for one in self._sockets.values()]
        self._poller = zmq.Poller()
        for socket in [*self._sockets.values(), *self._monitors]:
            self._poller.register(socket, zmq.POLLIN)

    def close(self) -> None:
        """Stop watching the connections."""
        for socket in self._sockets.values():
            with suppress(zmq.ZMQError):
                socket.disable_monitor()

    def receive(self, seconds: float) -> Message | None:
        """The next message, None if none came in time. Raises Cut and Unreadable."""
        ready = dict(self._poller.poll(int(seconds * 1000)))
        for channel, socket in self._sockets.items():
            if socket in ready:
                return _message(channel, socket.recv_multipart(zmq.NOBLOCK))
        for monitor in self._monitors:
            if monitor in ready:
                recv_monitor_message(monitor)
                raise Cut
        return None


def _message(channel: str, frames: list[bytes]) -> Message:
    size = sum(map(len, frames))
    try:
        start = frames.index(DELIMITER) + 2  # after the signature: header, parent, metadata, content
        header, parent, _, content = frames[start : start + 4]
    except ValueError:
        raise Unreadable("it has no header") from None
    if max(len(header), len(parent)) > LONGEST_HEADER:
        raise Unreadable("its header is too long")
    kind, answers = _object(header).get("msg_type"), _object(parent).get("msg_id")
    return Message(channel, str(kind), str(answers), size, content)


def _object(frame: bytes) -> dict[str, Any]:
    try:
        found = json.loads(frame)
    except (ValueError, RecursionError, MemoryError) as error:
        raise Unreadable(type(error).__name__) from None
    if not isinstance(found, dict):
        raise Unreadable("it is not an object")
    return found
