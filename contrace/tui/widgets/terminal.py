"""The terminal of a command, in a pane: paints what the emulator holds, and sends what is typed.

The pane has the master's side of a pseudo terminal; the command has the other as its controlling terminal. Nothing that
the command prints reaches our own terminal but as the emulator's cells, and every key but `LEAVING` goes to the
command, Ctrl-C as well: it is the pseudo terminal that makes a signal of it.
"""

import asyncio
import fcntl
import os
import struct
import termios
from typing import ClassVar

from pyte.screens import Char
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.events import Key, Paste
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from contrace.tui.emulated import BRACKETED_PASTE, Emulated

LEAVING = ("f6", "ctrl+right_square_bracket")
"""The keys that leave the pane, as textual names them."""
LEAVING_SHOWN = "F6 or Ctrl+]"

_CHUNK = 16384  # read in one go: takes pyte about 15 ms

# terminfo(5), linux
_KEYS = {
    "enter": "\r",
    "tab": "\t",
    "shift+tab": "\x1b\t",
    "escape": "\x1b",
    "backspace": "\x7f",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "home": "\x1b[1~",
    "insert": "\x1b[2~",
    "delete": "\x1b[3~",
    "end": "\x1b[4~",
    "pageup": "\x1b[5~",
    "pagedown": "\x1b[6~",
    "ctrl+@": "\0",
    "ctrl+backslash": "\x1c",
    "ctrl+underscore": "\x1f",
    **{f"ctrl+{letter}": chr(ord(letter) & 0x1F) for letter in "abcdefghijklmnopqrstuvwxyz"},
    **{f"f{number}": f"\x1b[[{letter}" for number, letter in enumerate("ABCDE", 1)},
    **{f"f{number}": f"\x1b[{code}~" for number, code in enumerate((17, 18, 19, 20, 21, 23, 24), 6)},
}

_NAMES = ("black", "red", "green", "brown", "blue", "magenta", "cyan", "white")
_COLOURS = {name: Color.from_ansi(number) for number, name in enumerate(_NAMES)} | {
    f"bright{name}": Color.from_ansi(number) for number, name in enumerate(_NAMES, 8)
}
_COLOURS["bfightmagenta"] = _COLOURS["brightmagenta"]  # as pyte 0.8.2 spells it for backgrounds


class TerminalPane(Widget, can_focus=True):
    """See the module."""

    DEFAULT_CSS: ClassVar[str] = """
    TerminalPane { height: 45%; border: round $border-blurred; background: black; color: ansi_white; }
    TerminalPane:focus { border: heavy $border; border-title-style: bold reverse; }
    """

    class Left(Message):
        """The user wants to go elsewhere."""

    class HungUp(Message):
        """Nobody has the other side any more: the command and what it started have ended, or closed it."""

    def __init__(self, master: int, *, id: str | None = None) -> None:
        """``master``: stays the caller's to close, after the widget was removed; it is made non-blocking."""
        super().__init__(id=id)
        self._master = master
        self._unsent = bytearray()
        self._emulated = Emulated(80, 24, self._send)
        self._cursor_line = 0
        self._hung_up = False
        self._rest: asyncio.TimerHandle | None = None

    @property
    def text(self) -> str:
        """What is on its screen."""
        return self._emulated.text

    def on_mount(self) -> None:
        """Listen."""
        os.set_blocking(self._master, False)
        self._listen()

    def on_unmount(self) -> None:
        """Listen no more."""
        self._forget()

    # --- the command's side -------------------------------------------------------------------------------

    def _listen(self) -> None:
        asyncio.get_running_loop().add_reader(self._master, self._readable)

    def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        try:
            data = os.read(self._master, _CHUNK)
        except BlockingIOError:
            return
        except OSError:  # EIO
            data = b""
        if not data:
            self._forget()
            self._hung_up = True
            self._cursor_moved()
            self.post_message(self.HungUp())
            return
        self._emulated.feed(data)
        self._draw()
        # Half of the time belongs to everybody else, however much a command prints.
        loop.remove_reader(self._master)
        self._rest = loop.call_later(loop.time() - began_s, self._listen)

    def _send(self, data: bytes) -> None:
        """To the command; what it does not take yet waits."""
        if self._hung_up:
            return
        self._unsent += data
        self._writable()

    def _writable(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            sent = os.write(self._master, self._unsent)
        except BlockingIOError:
            sent = 0
        except OSError:  # EIO: it hung up, which reading tells
            sent = len(self._unsent)
        del self._unsent[:sent]
        if self._unsent:
            loop.add_writer(self._master, self._writable)
        else:
            loop.remove_writer(self._master)

    def _forget(self) -> None:
        loop = asyncio.get_running_loop()
        if self._rest is not None:
            self._rest.cancel()
        loop.remove_reader(self._master)
        loop.remove_writer(self._master)

    # --- the user's side ----------------------------------------------------------------------------------

    def on_key(self, event: Key) -> None:
        """Everything goes to the command, but the keys that leave."""
        event.stop()
        event.prevent_default()
        if event.key in LEAVING:
            self.screen.set_focus(None)  # at once: the next key is not for the command any more
            self.post_message(self.Left())
            return
        key, prefix = event.key, ""
        if key.startswith("alt+"):
            key, prefix = key.removeprefix("alt+"), "\x1b"
        text = _KEYS.get(key) or event.character or (key if len(key) == 1 else "")
        if text:
            self._send((prefix + text).encode())

    def on_paste(self, event: Paste) -> None:
        """Text from the user's clipboard, marked as pasted where the command asked for it."""
        event.stop()
        event.prevent_default()
        text = event.text.replace("\x1b", "")  # it must not end the bracket
        if BRACKETED_PASTE in self._emulated.mode:
            text = f"\x1b[200~{text}\x1b[201~"
        self._send(text.encode())

    def on_resize(self) -> None:
        """The command learns of it by SIGWINCH (TIOCSWINSZ in ioctl_tty(2))."""
        columns, lines = self.size  # what the border leaves; the event has the size with it
        if not columns or not lines:
            return
        self._emulated.resize(lines, columns)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.refresh()

    def on_focus(self) -> None:
        """Shows the cursor."""
        self._cursor_moved()

    def on_blur(self) -> None:
        """Hides it."""
        self._cursor_moved()

    # --- painting -----------------------------------------------------------------------------------------

    def _cursor_moved(self) -> None:
        self._emulated.dirty.add(self._emulated.cursor.y)
        self._draw()

    def _draw(self) -> None:
        dirty, self._emulated.dirty = self._emulated.dirty, set()
        dirty |= {self._cursor_line, self._emulated.cursor.y}
        self._cursor_line = self._emulated.cursor.y
        self.refresh(*(Region(0, line, self.size.width, 1) for line in dirty if line < self.size.height))

    def render_line(self, y: int) -> Strip:
        """One line of the emulator's screen."""
        screen, base = self._emulated, self.rich_style
        if y >= screen.lines:
            return Strip.blank(self.size.width, base)
        cursor = screen.cursor
        at = min(cursor.x, screen.columns - 1) if y == cursor.y and self._shows_cursor() else -1
        line = screen.buffer[y]
        segments = []
        for column in range(screen.columns):
            cell = line[column]
            style = base + _style(cell)
            segments.append(Segment(cell.data, style + Style(reverse=not cell.reverse) if column == at else style))
        return Strip(segments).simplify().adjust_cell_length(self.size.width, base)

    def _shows_cursor(self) -> bool:
        return self.has_focus and not self._emulated.cursor.hidden and not self._hung_up


def _style(cell: Char) -> Style:
    return Style(
        color=_colour(cell.fg),
        bgcolor=_colour(cell.bg),
        bold=cell.bold or None,
        italic=cell.italics or None,
        underline=cell.underscore or None,
        strike=cell.strikethrough or None,
        reverse=cell.reverse or None,
    )


def _colour(name: str) -> Color | None:
    """pyte's name of a colour, or six hexadecimal digits; None for the default."""
    if name == "default":
        return None
    return _COLOURS[name] if name in _COLOURS else Color.parse(f"#{name}")
