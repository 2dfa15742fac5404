"""A terminal for the container: a pseudo-terminal of its own devpts, whose other side stays with the runtime."""

import array
import fcntl
import os
import socket
import struct
import termios
import tty
from types import TracebackType
from typing import Self

from contrace.runtime import libc
from contrace.runtime.attempt import attempt
from contrace.runtime.spec import ConsoleSize

# include/uapi/asm-generic/ioctls.h
_TIOCSPTLCK = 0x40045431
_TIOCGPTN = 0x80045430


def open_inside(size: ConsoleSize | None, console: "socket.socket") -> None:
    """In the container, after pivot_root: make a pseudo-terminal, send its master out, make it ours (pty(7)).

    It is also bound to /dev/console, where the specification wants it.
    """
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
        send_descriptor(console, master, slave_path)
        os.close(master)
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for standard in (0, 1, 2):
            os.dup2(slave, standard)
        os.close(slave)


def send_descriptor(through: "socket.socket", descriptor: int, name: str) -> None:
    """Pass an open file to another process (unix(7), SCM_RIGHTS), as runc passes a console."""
    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))
    through.sendmsg([name.encode()], [rights])


def receive_descriptor(through: "socket.socket") -> int | None:
    """The file that was passed; None: the other side has died before."""
    _, ancillary, _, _ = through.recvmsg(4096, socket.CMSG_SPACE(4))
    return struct.unpack("i", ancillary[0][2][:4])[0] if ancillary else None


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
