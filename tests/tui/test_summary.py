"""The Summary screen: figures, what is missing, and how the trace was taken."""

import asyncio
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from contrace.tui.choice import Figure, Statistics
from contrace.tui.screens.summary import SummaryScreen
from contrace.tui.widgets.table import Table
from tests.tui.shared_app import PlainFeed, TinyApp, wait_for, write_trace
from tests.unit.scene import META, call, loss, note, start

STATISTICS = Statistics(
    calls=1234,
    errors=5,
    processes=3,
    threads=1,
    lost=0,
    uncounted=False,
    truncated=0,
    by_call=(
        Figure("mount", 0, 30, 1, 2_000_000_000),
        Figure("execve", 0, 20, 4, 500_000_000),
        Figure("clone", 0, 10, 0, 9_000_000_000),
    ),
    by_process=(Figure("runc", 7, 50, 0, 1), Figure("[red]", 9, 10, 5, 1)),
)


def shown(path: Path, scenario, statistics=STATISTICS, *, size=(100, 40), refusal: str = "") -> None:
    """Run ``scenario(pilot, app)`` on the screen over a trace with these figures."""

    async def run() -> None:
        feed = PlainFeed(path)
        feed.statistics_answer, feed.refusal = statistics, refusal
        app = TinyApp(SummaryScreen(), feed)
        async with app.run_test(size=size, notifications=True) as pilot:
            await scenario(pilot, app)

    asyncio.run(run())


@pytest.fixture
def trace(tmp_path) -> Path:
    meta = msgspec.structs.replace(
        META, version="9.9", host="box", kernel="6.18", machine="x86_64", mode="ptrace, scope all: 2 calls",
        command=("sh", "-c", "\x1b[31m[b]"), calls=("mount", "execve"),
    )  # fmt: skip
    records = (start(0, 10, 1), note(0, "attach", "sh[10] is watched"), call(1, "mount"))
    return write_trace(tmp_path / "t.ctrace", *records, meta=meta)


def names(app, which: str) -> list[str]:
    return [figure.key for figure in app.screen.query_one(which, Table).items]


@pytest.mark.parametrize("size", [(80, 24), (250, 70)])
def test_figures_by_call_and_by_process(trace, size):
    async def look(pilot, app):
        text = await wait_for(pilot, lambda text: "1,234 calls" in text)
        assert "1,234 calls, 5 errors, 3 processes, 1 more thread" in text
        assert "nothing lost; nothing truncated" in text
        assert "30   2.000 s       1 mount" in text
        assert "10   9.000 s       - clone" in text
        assert "runc[7]" in text
        assert "[red][9]" in text

    shown(trace, look, size=size)


def test_s_sorts_by_calls_time_errors_and_name(trace):
    async def sort(pilot, app):
        await wait_for(pilot, lambda text: "CALLS↓" in text and "mount" in text)
        seen = [names(app, "#by-call")]
        for title in ("TIME↓", "ERRORS↓", "CALL↓"):
            await pilot.press("s")
            await wait_for(pilot, lambda text: title in text)  # noqa: B023
            seen.append(names(app, "#by-call"))
        assert seen == [
            ["mount", "execve", "clone"],
            ["clone", "mount", "execve"],
            ["execve", "mount", "clone"],
            ["clone", "execve", "mount"],
        ]
        assert names(app, "#by-process") == ["[red]", "runc"]

    shown(trace, sort)


def test_how_the_trace_was_taken(trace):
    async def look(pilot, app):
        text = await wait_for(pilot, lambda text: "target" in text)
        for line in (
            r"target    sh -c \x1b[31m[b]",
            "mode      ptrace, scope all: 2 calls",
            "calls     mount, execve",
            "started   2023-11-14 22:13:20 UTC",
            ": the command ended",
            "host      box, Linux 6.18, x86_64",
            "contrace  9.9",
            "records   3 written",
            "attach: sh[10] is watched",
        ):
            assert line in text
        assert "\x1b" not in text

    shown(trace, look, size=(100, 60))


def test_losses_and_truncations_are_said_in_words(tmp_path):
    path = write_trace(tmp_path / "t.ctrace", loss(1, 3))
    statistics = replace(STATISTICS, lost=3, uncounted=True, truncated=2)

    async def look(pilot, app):
        text = await wait_for(pilot, lambda text: "LOST at least 3 records; TRUNCATED memory of 2 calls" in text)
        assert "the ring was full" in text

    shown(path, look, statistics, size=(100, 60))


def test_what_could_not_be_written_counts_as_lost(tmp_path):
    path = write_trace(tmp_path / "t.ctrace", start(0, 10, 1), end={"reason": "full", "records": 1, "lost": 7})

    async def look(pilot, app):
        await wait_for(pilot, lambda text: "LOST 7 records; nothing truncated" in text)

    shown(path, look)


def test_a_trace_that_cannot_be_read_is_said(trace):
    async def look(pilot, app):
        await wait_for(pilot, lambda text: "it was cut off [/x]" in text)

    shown(trace, look, refusal="it was cut off [/x]")


def test_without_a_trace_it_says_so():
    async def run():
        app = TinyApp(SummaryScreen())
        async with app.run_test() as pilot:
            await wait_for(pilot, lambda text: "no trace is open" in text)
            await pilot.press("s", "down")

    asyncio.run(run())
