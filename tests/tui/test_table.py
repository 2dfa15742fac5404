"""A table of any length: the cursor, paging, and cells of any text."""

import asyncio

from textual.screen import Screen

from contrace.tui.widgets.table import Column, Table
from tests.tui.shared_app import TinyApp, screen_text, wait_for

MANY = 100_000


class Numbers(Screen[None]):
    def __init__(self, items, *, asked=lambda item: None, cell=str) -> None:
        super().__init__()
        self.items, self.table, self.chosen = items, None, []

        def text(item) -> str:
            asked(item)
            return cell(item)

        self.table = Table((Column("NUMBER", 8, text, right=True), Column("NAME", 6, text), Column("TEXT", 9, text)))

    def compose(self):
        yield self.table

    def on_mount(self) -> None:
        self.table.show(self.items)

    def on_table_chosen(self, message) -> None:
        self.chosen.append(message.table.current)


def shown(screen, scenario, size=(60, 21)) -> None:
    async def run() -> None:
        async with TinyApp(screen).run_test(size=size) as pilot:
            await wait_for(pilot, lambda text: "NUMBER" in text)
            await scenario(pilot)

    asyncio.run(run())


def test_keys_move_the_cursor_and_keep_it_in_sight():
    screen = Numbers(range(MANY))
    at = [
        ("down", 1), ("j", 2), ("up", 1), ("k", 0), ("k", 0), ("pagedown", 19), ("ctrl+d", 38), ("pageup", 19),
        ("ctrl+u", 0), ("end", MANY - 1), ("down", MANY - 1), ("home", 0), ("G", MANY - 1), ("g", 0),
    ]  # fmt: skip

    async def move(pilot):
        for key, row in at:
            await pilot.press(key)
            assert screen.table.cursor == row
            await wait_for(pilot, lambda text: f">{row:>8}" in text)  # noqa: B023
        assert screen_text(pilot.app).splitlines()[0].split() == ["NUMBER", "NAME", "TEXT"]
        await pilot.press("down", "enter")
        await pilot.pause()
        assert screen.chosen == [1]

    shown(screen, move)


def test_only_what_can_be_seen_is_made():
    asked = set()
    screen = Numbers(range(MANY), asked=asked.add)

    async def jump(pilot):
        await pilot.press("end", "home")
        await pilot.pause()
        assert len(asked) < 100

    shown(screen, jump)


def test_fewer_rows_keep_the_cursor_on_one_of_them():
    screen = Numbers(range(50))

    async def shrink(pilot):
        await pilot.press("end")
        screen.table.show(range(3))
        await wait_for(pilot, lambda text: ">       2" in text)
        screen.table.show(())
        assert screen.table.current is None
        await pilot.press("down", "enter", "end")
        await pilot.pause()
        assert screen.chosen == []

    shown(screen, shrink)


def test_long_and_wide_cells_keep_the_columns():
    screen = Numbers(["123456789", "日本語日本語", "[red]x"])

    async def look(pilot):
        text = await wait_for(pilot, lambda text: "[red]x" in text)
        lines = text.splitlines()
        assert lines[1].startswith(">1234567… 12345… 123456789")
        assert lines[2].startswith(" 日本語 … 日本 … 日本語日本語")
        assert lines[3].startswith("   [red]x [red]x [red]x")

    shown(screen, look)
