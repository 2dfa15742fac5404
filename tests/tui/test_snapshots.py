"""What the screens look like over recorded traces, at two sizes and in both themes.

After a wanted change: ``pytest tests/tui/test_snapshots.py --snapshot-update``, and look at the pictures.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contrace.tui.app import ContraceApp
from contrace.tui.feed import Feed
from contrace.tui.widgets.calls import CallList
from contrace.tui.widgets.details import Details
from tests.tui.shared_app import wait_for

SIZES = ((80, 24), (200, 50))
THEMES = ("textual-dark", "textual-light")


@pytest.fixture
def opened() -> Iterator[Callable[..., ContraceApp]]:
    """Makes the app of a trace, and closes it at the end."""
    apps: list[ContraceApp] = []

    def make(trace: Path, *words: str) -> ContraceApp:
        apps.append(ContraceApp(Feed(trace), words))
        return apps[-1]

    yield make
    for app in apps:
        app.close()


def _prepared(theme: str, *keys: str, until: str):
    async def run_before(pilot) -> None:
        app = pilot.app
        app.theme = theme
        app.animation_level = "none"
        await wait_for(pilot, lambda _: app.feed.known == app.feed.total > 0 and app.screen.query(CallList))
        await wait_for(pilot, lambda _: app.screen.query_one(CallList).count_lines() > 0)
        # What lies behind a dialog is in the picture, too: the first row's details are drawn a paint later.
        await wait_for(pilot, lambda _: "Process" in app.screen.query_one(Details).text)
        for key in keys:
            await pilot.press(key)
            await wait_for(pilot, lambda _: True)
        await wait_for(
            pilot,
            lambda shown: until in shown or any(until in each.text for each in app.screen.query(Details)),
        )
        app.clear_notifications()
        await wait_for(pilot, lambda _: True)

    return run_before


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_timeline_at_the_unshare_of_a_docker_run(snap_compare, opened, docker_trace, size, theme):
    app = opened(docker_trace)
    ready = _prepared(theme, "right_square_bracket", until="Namespaces, before → after")
    assert snap_compare(app, terminal_size=size, run_before=ready)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_failed_calls_of_a_docker_run(snap_compare, opened, docker_trace, size, theme):
    app = opened(docker_trace, "failed")
    ready = _prepared(theme, until="EINVAL")
    assert snap_compare(app, terminal_size=size, run_before=ready)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_help(snap_compare, opened, unshare_trace, size, theme):
    app = opened(unshare_trace)
    ready = _prepared(theme, "question_mark", until="contrace: keys")
    assert snap_compare(app, terminal_size=size, run_before=ready)
