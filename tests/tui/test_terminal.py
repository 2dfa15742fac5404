"""The pane in which a command is used, and the emulator behind it."""

import asyncio
import fcntl
import os
import random
import struct
import subprocess
import termios
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from textual.app import App
from textual.events import Key, Paste

from contrace.tui.emulated import Emulated
from contrace.tui.widgets.terminal import TerminalPane
from tests.tui.shared_app import screen_text, wait_for

HOSTILE = [
    *(
        b"\x1b[",
        b"\x1b]",
        b"\x1bP",
        b"\x1b",
        b"\x9b",
        b"\x1b\\",
        b"\x07",
        b"\x1bc",
        b"\x1b7",
        b"\x1b8",
        b"\x1bM",
        b"\x1bD",
    ),
    *(b"?", b";", b">", b"$", b"*", b"'", b" ", b"<", b":", b"999999999", b"1049", b"25", b"3", b"1", b"52;c;aGk="),
    *(bytes([letter]) for letter in b"hlmrJKLMP@XAtncqbSTHdGIZ0xvz{|yu="),
    *(
        "😀".encode(),
        "e\u0301".encode(),
        "\u202e".encode(),
        "中".encode(),
        b"\xff",
        b"\n",
        b"\r",
        b"\t",
        b"[bold]",
        b"\x0e",
    ),
]

KEYS_SENT = r"\t 033 033 [ A 033 [ [ A 001 033 x 177 q 303 274"
"""As od(1) writes it."""


def emulated(columns: int = 20, lines: int = 4) -> tuple[Emulated, list[bytes]]:
    answers: list[bytes] = []
    return Emulated(columns, lines, answers.append), answers


@pytest.mark.parametrize("seed", range(8))
def test_whatever_a_command_prints_the_cells_hold_harmless_characters_only(seed) -> None:
    dice = random.Random(seed)
    screen, _ = emulated(80, 24)
    for _ in range(200):
        screen.feed(b"".join(dice.choice(HOSTILE) for _ in range(dice.randint(1, 40))))
        if dice.random() < 0.2:
            screen.resize(dice.randint(1, 50), dice.randint(1, 120))
        cells = [cell.data for line in screen.buffer.values() for cell in line.values()]
        assert all(cell.isprintable() and len(cell) <= 6 for cell in cells)
        assert len(screen.text.split("\n")) == screen.lines
        assert 0 <= screen.cursor.y < screen.lines


def test_marks_that_turn_text_around_are_shown_as_unknown_characters() -> None:
    screen, _ = emulated()
    screen.feed("ab\u202ecd\u200b".encode())
    assert screen.text.startswith("ab\ufffdcd\ufffd")


def test_a_character_that_is_cut_in_two_is_put_together() -> None:
    screen, _ = emulated()
    for byte in "中é".encode():
        screen.feed(bytes([byte]))
    assert screen.text.startswith("中é")


def test_a_command_that_asks_where_the_cursor_is_gets_an_answer() -> None:
    screen, answers = emulated()
    screen.feed(b"abc\r\nd\x1b[6n")
    assert answers == [b"\x1b[2;2R"]


def test_a_program_cannot_change_the_size_of_the_pane() -> None:
    screen, _ = emulated()
    screen.feed(b"\x1b[?3h\x1b[8;200;300t")
    assert (screen.columns, screen.lines) == (20, 4)


def test_a_lower_screen_keeps_the_line_of_the_cursor_and_a_wider_one_has_tab_stops() -> None:
    screen, _ = emulated()
    screen.feed(b"one\r\ntwo\r\nthree\r\n$ ")
    screen.resize(2, 40)
    assert screen.text == "three\n$"
    screen.feed(b"\r\x1b[K\t\t\t\tx")
    assert screen.text == "three\n" + " " * 32 + "x"


def test_a_lower_screen_keeps_what_is_above_the_cursor_if_that_fits() -> None:
    screen, _ = emulated()
    screen.feed(b"one\r\n$ ")
    screen.resize(2, 20)
    assert screen.text == "one\n$"


class PaneApp(App[None]):
    def __init__(self, master: int) -> None:
        super().__init__()
        self.master, self.heard = master, []

    def compose(self):
        yield TerminalPane(self.master, id="terminal")

    def on_terminal_pane_left(self) -> None:
        self.heard.append("left")

    def on_terminal_pane_hung_up(self) -> None:
        self.heard.append("hung up")


@contextmanager
def shell(*command: str) -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:
    """A command that leads a session on a terminal; its master's side."""
    master, slave = os.openpty()

    environment = os.environ | {"TERM": "linux", "PS1": "$ "}
    ends = {"stdin": slave, "stdout": slave, "stderr": slave}
    process = subprocess.Popen(["setsid", "--ctty", *command], env=environment, **ends)
    os.close(slave)
    try:
        yield master, process
    finally:
        os.close(master)
        process.kill()
        process.wait()


async def type_in(pilot, text: str) -> None:
    for letter in text:
        await pilot.press({" ": "space", "\n": "enter"}.get(letter, letter))


def test_what_is_typed_reaches_the_shell_and_its_output_comes_back() -> None:
    async def body(master: int) -> None:
        app = PaneApp(master)
        async with app.run_test(size=(80, 24)) as pilot:
            await wait_for(pilot, lambda text: "$ " in text)
            await type_in(pilot, "echo a$((20 + 3))b\n")
            await wait_for(pilot, lambda text: "a23b" in text)
            await type_in(pilot, "stty size\n")
            size = app.query_one(TerminalPane).size
            await wait_for(pilot, lambda text: f"{size.height} {size.width}" in text)

    with shell("bash", "--norc") as (master, _):
        asyncio.run(body(master))


def test_ctrl_c_interrupts_what_runs_in_the_pane() -> None:
    async def body(master: int) -> None:
        app = PaneApp(master)
        async with app.run_test() as pilot:
            await wait_for(pilot, lambda text: "$ " in text)
            await type_in(pilot, "sleep 1000\n")
            await wait_for(pilot, lambda text: "sleep 1000" in text)
            await pilot.press("ctrl+c")
            await wait_for(pilot, lambda text: "^C" in text)
            await type_in(pilot, "echo status $?\n")
            await wait_for(pilot, lambda text: "status 130" in text)

    with shell("bash", "--norc") as (master, _):
        asyncio.run(body(master))


def test_markup_and_escape_sequences_of_the_command_are_only_text() -> None:
    async def body(master: int) -> None:
        app = PaneApp(master)
        async with app.run_test() as pilot:
            text = await wait_for(pilot, lambda text: "end" in text)
            assert "[bold]x[/bold]" in text
            assert "\x1b" not in text
            assert app.title == "PaneApp"

    with shell("printf", r"\033]2;pwned\007\033]52;c;cHduZWQ=\007[bold]x[/bold]\u202e end") as (master, _):
        asyncio.run(body(master))


def test_every_key_goes_to_the_command_but_those_that_leave() -> None:
    async def body(master: int) -> None:
        app = PaneApp(master)
        async with app.run_test() as pilot:
            await wait_for(pilot, lambda text: "ready" in text)
            await pilot.press("tab", "escape", "up", "f1", "ctrl+a", "alt+x", "backspace", "q", "ü")
            await wait_for(pilot, lambda text: KEYS_SENT in " ".join(text.replace("┃", " ").split()))
            assert app.heard == []
            await pilot.press("f6")
            app.query_one(TerminalPane).focus()
            await pilot.pause()
            await pilot.press("ctrl+right_square_bracket")
            await pilot.pause()
            assert app.heard == ["left", "left"]

    script = "stty raw -echo; printf ready'\\r\\n'; head -c 16 | od -An -c; exec sleep 1000"
    with shell("sh", "-c", script) as (master, _):
        asyncio.run(body(master))


def test_pasted_text_cannot_end_the_bracket_around_it() -> None:
    async def body(master: int) -> None:
        app = PaneApp(master)
        async with app.run_test() as pilot:
            await wait_for(pilot, lambda text: "ready" in text)
            app.query_one(TerminalPane).post_message(Paste("a\x1b[201~b"))
            await wait_for(pilot, lambda text: "^[[200~a[201~b^[[201~" in text)

    with shell("sh", "-c", r"printf '\033[?2004hready\r\n'; cat") as (master, _):
        asyncio.run(body(master))


def test_a_terminal_that_hangs_up_is_said() -> None:
    async def body(master: int) -> None:
        app = PaneApp(master)
        async with app.run_test() as pilot:
            await wait_for(pilot, lambda text: "bye" in text and app.heard)
            await pilot.press("x")
            assert app.heard == ["hung up"]
            assert "bye" in screen_text(app)

    with shell("echo", "bye") as (master, _):
        asyncio.run(body(master))


def test_a_command_that_never_stops_printing_does_not_stop_the_app() -> None:
    async def body(master: int) -> None:
        app = PaneApp(master)
        async with app.run_test():
            await until(lambda: "yes yes" in screen_text(app), 10)
            app.query_one(TerminalPane).post_message(Key("f6", None))  # a pilot would wait until nothing happens
            await until(lambda: app.heard == ["left"], 1)

    async def until(holds, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while not holds():
            await asyncio.sleep(0.01)
            assert loop.time() < deadline

    with shell("yes", "yes yes") as (master, _):
        asyncio.run(body(master))


def test_the_size_of_the_terminal_is_that_of_the_pane() -> None:
    async def body(master: int) -> None:
        app = PaneApp(master)
        async with app.run_test(size=(60, 20)) as pilot:
            await pilot.resize_terminal(100, 30)
            size = app.query_one(TerminalPane).size
            await pilot.pause()
            lines, columns, _, _ = struct.unpack("HHHH", fcntl.ioctl(master, termios.TIOCGWINSZ, bytes(8)))
            assert (lines, columns) == (size.height, size.width)
            assert columns == 98

    with shell("cat") as (master, _):
        asyncio.run(body(master))
