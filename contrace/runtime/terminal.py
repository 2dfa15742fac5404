"""A terminal for the container: a pseudo-terminal of its own devpts, whose other side stays with the runtime."""

import array
import fcntl
import os
import socket
import struct
import sys
import termios
import tty
from types import TracebackType
from typing import Self

from contrace.runtime import libc
from contrace.runtime.attempt import attempt
from contrace.runtime.gate import connect
from contrace.runtime.spec import ConsoleSize

# include/uapi/asm-generic/ioctls.h
_TIOCSPTLCK = 0x40045431
_TIOCGPTN = 0x80045430


class Sender:
    """The container's side: a socket that INIT has inherited, through which its terminal's master goes out."""

    def __init__(self, through: socket.socket) -> None:
        self._through = through

    def open_inside(self, size: ConsoleSize | None) -> None:
        """In the container, after pivot_root: make a pseudo-terminal, send its master out, make it ours (pty(7)).

        It is also bound to /dev/console, where the specification wants it.
        """
        _open_inside(size, self._through)
        self.close()

    def close(self) -> None:
        """This process has no part in it."""
        self._through.close()


def _open_inside(size: ConsoleSize | None, through: socket.socket) -> None:
    with attempt("make a terminal in the container", "does it have /dev/pts, of type devpts, and /dev/ptmx?"):
        master = os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY)
        fcntl.ioctl(master, _TIOCSPTLCK, struct.pack("i", 0))
        [number] = struct.unpack("i", fcntl.ioctl(master, _TIOCGPTN, struct.pack("i", 0)))
        slave_path = f"/dev/pts/{number}"
        slave = os.open(slave_path, os.O_RDWR | os.O_NOCTTY)
        if size is not None:
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size.height, size.width, 0, 0))
        os.close(os.open("/dev/console", os.O_CREAT | os.O_RDONLY | os.O_NOCTTY, 0o666))
        libc.mount(slave_path, "/dev/console", None, libc.MS_BIND)
        _send_descriptor(through, master, slave_path)
        os.close(master)
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for standard in (0, 1, 2):
            os.dup2(slave, standard)
        os.close(slave)


def _send_descriptor(through: socket.socket, descriptor: int, name: str) -> None:
    """Pass an open file to another process (unix(7), SCM_RIGHTS), as runc passes a console."""
    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))
    through.sendmsg([name.encode()], [rights])


def receive_descriptor(through: socket.socket) -> int:
    """The file that was passed."""
    _, [(_, _, data)], _, _ = through.recvmsg(4096, socket.CMSG_SPACE(4))
    return int.from_bytes(data[:4], sys.byteorder)


def pair() -> tuple[socket.socket, Sender]:
    """Where the master comes in, and what sends it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    return ours, Sender(theirs)


def sender(path: str) -> Sender:
    """What sends the master to a socket of the file system, as runc's --console-socket does."""
    return Sender(connect(path, socket.SOCK_STREAM, f"the console socket {path}"))


class Console:
    """Our own terminal, while entered in raw mode, joined to the container's."""

    def __init__(self, master: int) -> None:
        self.master = master
        self._ours = 0 if os.isatty(0) else None

    def __enter__(self) -> Self:
        if self._ours is not None:
            self._before = termios.tcgetattr(self._ours)
            tty.setraw(self._ours)
            self.resize()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._ours is not None:
            termios.tcsetattr(self._ours, termios.TCSADRAIN, self._before)
        os.close(self.master)

    def resize(self) -> None:
        """Make the container's as large as ours."""
        if self._ours is not None:
            size = fcntl.ioctl(self._ours, termios.TIOCGWINSZ, bytes(8))
            fcntl.ioctl(self.master, termios.TIOCSWINSZ, size)

    def from_container(self) -> bool:
        """Show what the container has written; False when no process of it has the terminal any more."""
        try:
            data = os.read(self.master, 65536)
        except OSError:  # EIO: the last one has closed it
            return False
        while data:
            data = data[os.write(1, data) :]
        return True

    def to_container(self) -> bool:
        """Hand on what was typed; False at its end."""
        data = os.read(0, 4096)
        if not data and self._ours is None:
            os.write(self.master, b"\x04")  # what a terminal makes of the end of input
        while data:
            data = data[os.write(self.master, data) :]
        return bool(data)
