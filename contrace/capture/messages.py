"""What the recorder process and the command line's process tell each other through two pipes.

On the wire a message is 4 bytes of length (little-endian) and the msgpack of its struct.
"""

import os
from collections.abc import Iterator

import msgspec


class Progress(msgspec.Struct, frozen=True, tag=True):
    """New records are in the trace file."""


class Ended(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The capture is over and the trace file complete."""

    reason: str
    """Plain words: why it ended."""
    status: int | None
    """run: the command's exit status; None for attach, or when the command still runs."""
    signal: int | None
    """run: the signal that ended the command."""
    records: int
    lost: int
    error: str | None = None
    """What went wrong on the way; ``exit_code`` then says how contrace ends."""
    exit_code: int = 0


class Lingers(msgspec.Struct, frozen=True, tag=True):
    """run: the command ended a while ago, but what it started still runs and is watched."""


class Began(msgspec.Struct, frozen=True, tag=True):
    """Tracing has begun."""

    mode: str
    why: str = ""
    """Why with this backend, where contrace chose it."""


class Failed(msgspec.Struct, frozen=True, tag=True):
    """Tracing could not begin: a ContraceError by the name of its class."""

    kind: str
    message: str
    exit_code: int


class Stop(msgspec.Struct, frozen=True, tag=True):
    """Let go of everything and complete the file."""


class Leave(msgspec.Struct, frozen=True, tag=True):
    """Go on when the command line has ended, until nothing is left to trace or SIGTERM comes."""


class HangUp(msgspec.Struct, frozen=True, tag=True):
    """run, with a terminal of its own: hold that no longer."""


class Pass(msgspec.Struct, frozen=True, tag=True):
    """run: send this signal to the command."""

    signo: int


class Kill(msgspec.Struct, frozen=True, tag=True):
    """run: kill the command and what it started."""


Event = Progress | Lingers | Ended | Began | Failed
Order = Stop | Leave | HangUp | Pass | Kill

_ENCODER = msgspec.msgpack.Encoder()


def frame(message: Event | Order) -> bytes:
    data = _ENCODER.encode(message)
    return len(data).to_bytes(4, "little") + data


class Frames:
    """Reads messages from a pipe without blocking; ``closed`` once the writing side is."""

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self.fd = fd
        self.closed = False
        self._data = b""
        self._waiting: list[msgspec.Struct] = []

    def unread(self, messages: list[msgspec.Struct]) -> None:
        self._waiting = messages

    def read(self, kind: type[msgspec.Struct]) -> list[msgspec.Struct]:
        messages, self._waiting = self._waiting, []
        try:
            while not self.closed:
                part = os.read(self.fd, 65536)
                self.closed = not part
                self._data += part
                if os.get_blocking(self.fd) and part:
                    break
        except BlockingIOError:
            pass
        return messages + list(self._split(kind))

    def _split(self, kind: type[msgspec.Struct]) -> Iterator[msgspec.Struct]:
        while len(self._data) >= 4:
            end = 4 + int.from_bytes(self._data[:4], "little")
            if len(self._data) < end:
                return
            yield msgspec.msgpack.decode(self._data[4:end], type=kind)
            self._data = self._data[end:]
