"""Names and arguments that traced processes chose so that they do harm: they are shown, and do none."""

import re
from pathlib import Path

import pytest

from contrace.records import Text
from tests.tui.session import session
from tests.tui.shared_app import write_trace
from tests.unit.scene import call, executed, execve, identity, start

NAMES = {
    "escape sequences": b"\x1b[31mred\x1b]0;t\x07",
    "right-to-left marks": "a\u202egnp\u202c.exe".encode(),
    "wide and combining": "日本e\u0301\u200b".encode(),
    "invalid UTF-8": b"\xff\xfe\xc3(",
    "markup": b"[red]x[/red]",
    "markup that does not close": b"[/nothing][@click=app.quit]y",
    "line ends": b"a\nb\rc\td",
}
HARMFUL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@pytest.fixture
def hostile(tmp_path, request) -> Path:
    data = request.param
    path = Text(arg=0, address=1, data=data)
    return write_trace(
        tmp_path / "hostile.ctrace",
        start(0, 10, 1, how="run", comm=data[:15]),
        identity(0.1, 10, why="run", cwd=data, exe=data, cgroup=b"0::/" + data),
        execve(1, data, data, b"--" + data, comm=data[:15]),
        executed(1.6, data, tid=10, argv=(data,), comm=data[:15]),
        call(3, "umount2", 1, 0, comm=data[:15], memory=(path,), returns=-2),
    )


@pytest.mark.parametrize("hostile", NAMES.values(), ids=NAMES.keys(), indirect=True)
def test_every_screen_shows_them_harmlessly(hostile):
    async def steps(user):
        for key in ("j", "j", "tab", "2", "3", "4", "1", "y", "escape", "f"):
            await user.press(key)
            shown = await user.sees("")
            assert not HARMFUL.search(shown), key
            assert user.app.is_running
        await user.press("escape", "e")
        await user.at("umount2(")
        assert not HARMFUL.search(user.details.text)

    session(hostile, steps, size=(200, 60))


@pytest.mark.parametrize("hostile", [NAMES["markup"]], indirect=True)
def test_markup_is_text(hostile):
    async def steps(user):
        await user.press("G")
        await user.at("umount2(")
        await user.sees('umount2("[red]x[/red]"')

    session(hostile, steps, size=(200, 60))


@pytest.mark.parametrize("hostile", [NAMES["escape sequences"]], indirect=True)
def test_what_is_copied_as_a_command_line_cannot_act_on_a_terminal(hostile):
    async def steps(user):
        await user.press("slash")
        await user.type("call:execve")
        await user.press("enter")
        await user.at("execve(")
        await user.press("y")
        await user.sees("Copy what?")
        await user.press("l")
        await user.until(lambda: user.app.clipboard)
        assert user.app.clipboard.startswith("$'\\033[31mred\\033]0;t\\007'")
        assert not HARMFUL.search(user.app.clipboard)

    session(hostile, steps, size=(200, 60))
