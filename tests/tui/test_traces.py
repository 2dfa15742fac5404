"""The list of traces: what there is, what it is of, and why something cannot be opened."""

import asyncio
import os
from pathlib import Path

import msgspec

from contrace.tui.screens.traces import TracesScreen, length, size
from contrace.tui.widgets.table import Table
from tests.tui.shared_app import TinyApp, wait_for, write_trace
from tests.unit.scene import META, start


def shown(where: Path, scenario, *, dimensions=(120, 30)) -> None:
    """Run ``scenario(pilot, app)`` on the list of that directory."""

    async def run() -> None:
        app = TinyApp(TracesScreen((where,)))
        async with app.run_test(size=dimensions, notifications=True) as pilot:
            await scenario(pilot, app)

    asyncio.run(run())


def made(path: Path, *command: str, age_s: int = 0) -> Path:
    write_trace(path, start(0, 10, 1), start(2500, 11, 10), meta=msgspec.structs.replace(META, command=command))
    then = 1_700_000_000 - age_s
    os.utime(path, (then, then))
    return path


def files(app) -> list[str]:
    return [line.found.path.name for line in app.screen.query_one("#traces", Table).items]


def test_traces_newest_first_with_target_length_and_size(tmp_path):
    made(tmp_path / "old.ctrace", "docker", "run", age_s=60)
    made(tmp_path / "new.ctrace", "sh", "-c", "\x1b[31m[bold]")
    (tmp_path / "other.txt").write_text("no trace")

    async def look(pilot, app):
        text = await wait_for(pilot, lambda text: "docker run" in text and "sh -c" in text)
        assert files(app) == ["new.ctrace", "old.ctrace"]
        assert r"sh -c \x1b[31m[bold]" in text
        assert "\x1b" not in text
        assert f"{size((tmp_path / 'new.ctrace').stat().st_size)} " in text
        assert "2 traces in" in text

    for dimensions in ((80, 24), (250, 70)):
        shown(tmp_path, look, dimensions=dimensions)


def test_enter_opens_and_d_runs_a_demo(tmp_path):
    made(tmp_path / "old.ctrace", "docker", "run", age_s=60)
    made(tmp_path / "new.ctrace", "sh")

    async def choose(pilot, app):
        await wait_for(pilot, lambda text: "docker run" in text)
        await pilot.press("down", "enter", "d")
        await pilot.pause()
        assert app.asked == [tmp_path / "old.ctrace", "demo"]

    shown(tmp_path, choose)


def test_what_cannot_be_read_is_listed_with_the_reason(tmp_path):
    (tmp_path / "junk.ctrace").write_bytes(b"\x1b[31mjunk" * 100)

    async def choose(pilot, app):
        text = await wait_for(pilot, lambda text: "CANNOT BE READ" in text)
        assert "is not a trace of contrace" in text
        await pilot.press("enter")
        await pilot.pause()
        assert app.asked == []

    shown(tmp_path, choose, dimensions=(250, 30))


def test_a_directory_without_traces_says_what_to_do(tmp_path):
    async def look(pilot, app):
        text = await wait_for(pilot, lambda text: "There is no trace in" in text)
        assert "d runs a demo" in text
        await pilot.press("enter", "down", "d")
        await pilot.pause()
        assert app.asked == ["demo"]

    shown(tmp_path, look)


def test_looking_again_finds_what_came_and_keeps_the_cursor(tmp_path):
    made(tmp_path / "a.ctrace", "first", age_s=9)
    made(tmp_path / "b.ctrace", "second", age_s=10)

    async def look(pilot, app):
        await wait_for(pilot, lambda text: "second" in text)
        await pilot.press("down")
        made(tmp_path / "c.ctrace", "third")
        await pilot.press("r")
        await wait_for(pilot, lambda text: "third" in text)
        assert files(app) == ["c.ctrace", "a.ctrace", "b.ctrace"]
        assert app.screen.query_one("#traces", Table).current.found.path.name == "b.ctrace"

    shown(tmp_path, look)


def test_a_mouse_opens_as_well(tmp_path):
    made(tmp_path / "a.ctrace", "first", age_s=9)
    made(tmp_path / "b.ctrace", "second", age_s=10)

    async def click(pilot, app):
        await wait_for(pilot, lambda text: "second" in text)
        await pilot.click("#traces", offset=(5, 2))
        assert app.screen.query_one("#traces", Table).cursor == 1
        assert app.asked == []
        await pilot.click("#traces", offset=(5, 2))
        await pilot.pause()
        assert app.asked == [tmp_path / "b.ctrace"]

    shown(tmp_path, click)


def test_sizes_and_lengths_for_people():
    assert [size(count) for count in (0, 1023, 1024, 15 << 20, 3 << 40)] == [
        "0 B",
        "1023 B",
        "1.0 kB",
        "15 MB",
        "3072 GB",
    ]
    assert [length(ns) for ns in (None, 5_000_000, 2_500_000_000, 125 * 10**9, 3725 * 10**9)] == [
        "?",
        "5 ms",
        "2.5 s",
        "2:05 min",
        "1:02:05 h",
    ]
