"""The whole app over a trace, as somebody at a terminal uses it."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from textual.pilot import Pilot

from contrace.tui.app import ContraceApp
from contrace.tui.feed import Feed
from contrace.tui.widgets.calls import CallList
from contrace.tui.widgets.details import Details
from contrace.tui.widgets.filterbar import FilterBar
from contrace.tui.widgets.tree import ProcessTreeView
from tests.tui.shared_app import wait_for

Steps = Callable[["Session"], Awaitable[None]]


class Session:
    """What a user does and sees."""

    def __init__(self, pilot: Pilot[None], app: ContraceApp) -> None:
        self.pilot, self.app = pilot, app

    @property
    def calls(self) -> CallList:
        return self.app.screen.query_one(CallList)

    @property
    def tree(self) -> ProcessTreeView:
        return self.app.screen.query_one(ProcessTreeView)

    @property
    def details(self) -> Details:
        return self.app.screen.query_one(Details)

    @property
    def bar(self) -> FilterBar:
        return self.app.screen.query_one(FilterBar)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        """A line, letter by letter."""
        await self.pilot.press(*text)

    async def sees(self, *texts: str) -> str:
        """Wait until all of them are on the screen; the screen's text."""
        return await wait_for(self.pilot, lambda shown: all(text in shown for text in texts))

    async def sees_no_more(self, text: str) -> str:
        """Wait until it is gone."""
        return await wait_for(self.pilot, lambda shown: text not in shown)

    async def told(self, text: str) -> None:
        """Wait until a message says it: toasts come and go, messages stay known."""
        await self.until(lambda: any(text in str(each.message) for each in self.app._notifications))

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait for a state, with a deadline."""
        await wait_for(self.pilot, lambda _: holds())

    async def at(self, text: str) -> None:
        """Wait until the cursor stands on a line with this text, and the details show it."""
        await self.until(lambda: self.calls.row is not None and text in self.calls.row.text)


def session(
    trace: Path | None, steps: Steps, *, size: tuple[int, int] = (120, 40), words: tuple[str, ...] = (), **more
) -> ContraceApp:
    """Open a trace, wait until it is read, do the steps, and quit."""
    app = ContraceApp(Feed(trace) if trace is not None else None, words, **more)

    async def run() -> None:
        async with app.run_test(size=size, notifications=True) as pilot:
            user = Session(pilot, app)
            if trace is not None:
                feed = app.feed
                await user.until(lambda: feed.known == feed.total > 0 and user.calls.count_lines() > 0)
            await steps(user)

    try:
        asyncio.run(run())
    finally:
        app.close()
    return app
