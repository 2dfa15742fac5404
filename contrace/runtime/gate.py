"""Where a created container waits for `start`: a socket in its state directory."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from contrace.errors import ContraceError


class Gate:
    """The container's side: a socket that INIT has inherited."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with _address(path) as address:
            self._socket.bind(address)
        self._socket.listen(1)

    def wait(self) -> Callable[[str, int], None]:
        """Wait for `start`; returns how to tell it that the payload could not begin, with the exit code for it.

        Nothing is told when it could: the connection is close-on-exec, and its end is the good news.
        """
        connection, _ = self._socket.accept()
        self._socket.close()

        def reply(message: str, code: int) -> None:
            connection.send(f"{code} {message}".encode())

        return reply

    def close(self) -> None:
        """This process has no part in it."""
        self._socket.close()


def pass_through(path: str, container_id: str) -> tuple[int, str]:
    """`start`'s side: let the payload begin, once; returns exit code and message, (0, "") when it runs."""
    with connect(path, socket.SOCK_SEQPACKET, f"the container {container_id!r}") as connection:
        os.unlink(path)
        answer = connection.recv(4096).decode(errors="replace")
    code, _, message = answer.partition(" ")
    return (int(code), message) if answer else (0, "")


def connect(path: str, kind: socket.SocketKind, what: str) -> socket.socket:
    """A connection to a socket of the file system."""
    connection = socket.socket(socket.AF_UNIX, kind)
    try:
        with _address(path) as address:
            connection.connect(address)
    except OSError as error:
        connection.close()
        raise ContraceError(f"cannot connect to {what}: {error.strerror}") from error
    return connection


@contextmanager
def _address(path: str) -> Iterator[str]:
    """The same file by a path that fits into a socket's address, which has 107 bytes (unix(7))."""
    directory = os.open(os.path.dirname(os.path.abspath(path)), os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{os.path.basename(path)}"
    finally:
        os.close(directory)
