"""A program in a pseudo terminal: keys are pressed, and what it paints is looked at, with the time at which it came."""

import fcntl
import os
import queue
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pyte

COLUMNS, LINES = 120, 40
_PATIENCE_S = 30.0
_SWITCH_S = 0.0005  # what is read gets its time at once, whatever is being parsed

KEYS: Mapping[str, bytes] = {
    "Enter": b"\r",
    "Escape": b"\x1b",
    "PageUp": b"\x1b[5~",
    "PageDown": b"\x1b[6~",
    "Home": b"\x1b[H",
    "End": b"\x1b[F",
}
"""What an xterm sends; other keys are the letters that they are."""


class Terminal:
    """The program and its screen."""

    def __init__(self, command: Sequence[str]) -> None:
        """Start it."""
        sys.setswitchinterval(_SWITCH_S)
        self._screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self._screen)
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        environment = os.environ | {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self.began = time.perf_counter()
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - started before the thread
        )
        os.close(slave)
        self._came: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._master, 1 << 16)
            except OSError:  # EIO: nobody has the other side open any more
                return
            self._came.put((time.perf_counter(), data))

    def line(self, y: int) -> str:
        """What stands in a line."""
        cells = self._screen.buffer[y]
        return "".join(cells[x].data for x in range(COLUMNS))

    def is_cursor(self, x: int, y: int) -> bool:
        """Whether a cell has the colours of the one left of it the other way round, as a cursor behind a text has."""
        cells = self._screen.buffer[y]
        return bool(cells[x].reverse or cells[x].bg == cells[x - 1].fg)

    def press(self, key: str) -> float:
        """Press a key, or type a text at once; when."""
        data = KEYS.get(key, key.encode())
        at = time.perf_counter()
        os.write(self._master, data)
        return at

    def until(self, what: Callable[[], bool], patience_s: float = _PATIENCE_S) -> float:
        """Wait until something is true of the screen; when the last piece of what made it true came."""
        latest = time.perf_counter()
        give_up = latest + patience_s
        while not what():
            try:
                latest, data = self._came.get(timeout=max(0.001, give_up - time.perf_counter()))
            except queue.Empty:
                raise TimeoutError("\n".join(map(self.line, range(LINES)))) from None
            self._stream.feed(data)
        return latest

    def calm(self, silence_s: float) -> None:
        """Take in what still comes, until nothing has come for so long."""
        while True:
            try:
                _, data = self._came.get(timeout=silence_s)
            except queue.Empty:
                return
            self._stream.feed(data)

    def memory(self) -> tuple[float, float]:
        """MiB resident now and at most (VmRSS, VmHWM), of the program and its children together."""
        found = [_memory(pid) for pid in [self.process.pid, *_children(self.process.pid)]]
        return sum(now for now, _ in found), sum(most for _, most in found)

    def close(self) -> None:
        """End it, if it still runs."""
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait()
        os.close(self._master)


def _children(pid: int) -> list[int]:
    direct = [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]
    return [*direct, *(below for child in direct for below in _children(child))]


def _memory(pid: int) -> tuple[float, float]:
    facts = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return tuple(int(facts.get(name, "0 kB").split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
