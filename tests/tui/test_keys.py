"""The table of keys: it is what is bound, and the footer and the command palette are made from it."""

from itertools import groupby

import pytest
from textual.screen import Screen

from contrace.tui import keys
from contrace.tui.app import SCREENS, ContraceApp
from contrace.tui.screens.command import CommandScreen
from contrace.tui.screens.timeline import TimelineScreen
from contrace.tui.widgets.calls import CallList
from contrace.tui.widgets.details import Details
from contrace.tui.widgets.filterbar import FilterBar
from contrace.tui.widgets.terminal import LEAVING
from contrace.tui.widgets.tree import ProcessTreeView
from tests.tui.session import session

BOUND_BY = {
    keys.Where.LIST: (CallList, ProcessTreeView, Details),
    keys.Where.TREE: (ProcessTreeView,),
}
"""Whose own bindings the rows of a place explain; all keys are bound in each of them."""
OWNERS = {
    keys.Where.EVERYWHERE: ContraceApp,
    keys.Where.BAR: FilterBar,
    keys.Where.COMMAND: CommandScreen,
}
"""Who binds the rows of a place, where it is not the timeline."""


def _bound(of: type) -> set[str]:
    return {
        key
        for cls in of.__mro__
        for binding in cls.__dict__.get("BINDINGS", ())
        for key in (binding[0] if isinstance(binding, tuple) else binding.key).split(",")
    }


def test_no_key_means_two_things_at_one_place():
    ordered = sorted(keys.KEYS, key=lambda key: list(keys.Where).index(key.where))
    for where, rows in groupby(ordered, key=lambda key: key.where):
        pressed = [each for row in rows for each in row.keys]
        assert len(pressed) == len(set(pressed)), where
    everywhere = {each for row in keys.of(keys.Where.EVERYWHERE) for each in row.keys}
    timeline = {each for row in keys.of(keys.Where.TIMELINE) for each in row.keys}
    assert not everywhere & timeline


@pytest.mark.parametrize("row", [row for row in keys.KEYS if row.bound], ids=lambda row: row.display)
def test_what_a_row_binds_has_an_action(row):
    owner = OWNERS.get(row.where, TimelineScreen)
    assert hasattr(owner, f"action_{row.action.partition('(')[0]}")
    assert _bound(owner) >= set(row.keys)


@pytest.mark.parametrize("where", BOUND_BY)
def test_what_a_widget_binds_itself_is_explained_as_it_is(where):
    for row in keys.of(where):
        for widget in BOUND_BY[where]:
            # Tab is bound by textual's screen.
            assert (_bound(widget) | _bound(Screen)) >= set(row.keys), (widget, row)


def test_the_keys_of_the_other_screens_are_those_that_they_bind():
    for place in SCREENS:
        if place.where is keys.Where.TIMELINE:
            continue
        explained = {each for row in keys.of(place.where) for each in row.keys} - {"enter"}
        assert explained <= _bound(place.make), place.mode


def test_the_keys_of_the_terminal_are_those_that_leave_it():
    assert {each for row in keys.of(keys.Where.COMMAND) for each in row.keys} == set(LEAVING)


def test_the_bar_has_its_keys():
    explained = {each for row in keys.of(keys.Where.BAR) for each in row.keys}
    assert {"escape", "up", "down"} <= explained & _bound(FilterBar)


def test_the_footer_shows_the_important_ones(unshare_trace):
    async def steps(user):
        await user.sees("f Filter", "/ Search", "? Help")

    session(unshare_trace, steps, size=(200, 50))


def test_the_palette_has_every_key_that_does_something_here(unshare_trace):
    async def steps(user):
        titles = {command.title for command in user.app.get_system_commands(user.app.screen)}
        for row in keys.KEYS:
            if row.bound and row.where in (keys.Where.EVERYWHERE, keys.Where.TIMELINE):
                assert any(title.startswith(row.short) for title in titles), row

    session(unshare_trace, steps)


def test_a_command_of_the_palette_does_what_its_key_does(unshare_trace):
    async def steps(user):
        await user.press("ctrl+p")
        await user.sees("Search for commands")
        await user.type("Next ns")
        await user.sees("Next ns (])")
        await user.press("enter", "enter")
        await user.at("unshare(")

    session(unshare_trace, steps)


@pytest.mark.parametrize("key", ["1", "2", "3", "4", "f1", "f2", "f3", "f4"])
def test_digits_and_function_keys_change_the_screen(unshare_trace, key):
    seen = {"1": "details", "2": "on the host", "3": "nothing lost", "4": "CHANGED"}[key[-1]]

    async def steps(user):
        await user.press(key)
        await user.sees(seen)
        await user.press("1")
        await user.sees("details")

    session(unshare_trace, steps)


def test_q_quits_at_once_when_nothing_is_recorded(unshare_trace):
    async def steps(user):
        await user.press("q")
        await user.until(lambda: not user.app.is_running or user.app._exit)

    assert session(unshare_trace, steps).return_code == 0
