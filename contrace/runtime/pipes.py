"""Messages between the processes that make a container."""

import os
from typing import Any

import msgspec


class Pipe:
    """A pipe in packet mode (pipe2(2), O_DIRECT): what is written at once is read at once.

    Every process closes the end that is not its own: only then does reading end when the last one who could write has
    died. Both ends are close-on-exec, so the payload has none.
    """

    def __init__(self) -> None:
        self._read, self._write = os.pipe2(os.O_CLOEXEC | os.O_DIRECT)

    def only_hear(self) -> None:
        """This process reads."""
        self._write = _close(self._write)

    def only_say(self) -> None:
        """This process writes."""
        self._read = _close(self._read)

    def close(self) -> None:
        """This process has no part in it."""
        self._read, self._write = _close(self._read), _close(self._write)

    def say(self, kind: str, value: object = None) -> None:
        """Write one message, at most 4096 bytes (PIPE_BUF). BrokenPipeError: nobody reads any more."""
        os.write(self._write, msgspec.msgpack.encode((kind, value)))

    def hear(self) -> tuple[str, Any]:
        """Wait for one message; ("", None): nobody can write any more."""
        packet = os.read(self._read, 4096)
        if not packet:
            return "", None
        kind, value = msgspec.msgpack.decode(packet)
        return kind, value

    def fileno(self) -> int:
        """The reading end, to wait for it with others."""
        return self._read


def _close(descriptor: int) -> int:
    if descriptor >= 0:
        os.close(descriptor)
    return -1
