"""The line for filters and searches: history, completion, and the mark under what is wrong."""

import pytest

from contrace.tui.completion import completed
from contrace.tui.history import History
from contrace.tui.widgets.filterbar import complaint
from tests.tui.session import session


@pytest.mark.parametrize(
    ("line", "place", "why"),
    [
        ("cal:unshare", 0, "there is no key cal:"),
        ("failed cal:unshare", 7, "there is no key cal:"),
        ("call:unshare errno:ENOENT,EBLAH", 26, "not the name of an error"),
        ("-call:clone,unshar", 12, "there is no system call unshar"),
        ("took:5ms", 5, "longer or shorter"),
        ("failed   took:>5", 16, "a unit is missing"),
        ('"open', 5, "the closing quote is missing"),
    ],
)
def test_the_mark_stands_where_it_is_wrong(line, place, why):
    wrong = complaint(line)
    assert wrong is not None
    assert wrong.place == place
    assert why in wrong.why
    assert "\n" not in wrong.why


@pytest.mark.parametrize("line", ["", "  ", "call:unshare failed", '-comm:runc* "some text"', "took:>5ms"])
def test_nothing_is_wrong_with_what_makes_sense(line):
    assert complaint(line) is None


@pytest.mark.parametrize(
    ("line", "whole"),
    [
        ("ca", "call:"),
        ("fail", "failed"),
        ("call:unsh", "call:unshare"),
        ("call:clone,uns", "call:clone,unshare"),
        ("failed -errno:ENOEN", "failed -errno:ENOENT"),
        ("comm:ru", "comm:runc"),
        ("took:>1", "took:>1ms"),
        ("", None),
        ("call:unshare ", None),
        ('"ca', None),
        ("call:nothing_like_it", None),
    ],
)
def test_a_word_can_be_completed(line, whole):
    assert completed(line, lambda: ["runc", "dockerd"]) == whole


def test_history_goes_back_and_forth_and_is_there_next_time(tmp_path):
    first = History("filter", tmp_path)
    for entry in ("failed", "call:clone", "failed"):
        first.add(entry)
    again = History("filter", tmp_path)
    assert [again.older("typ"), again.older(""), again.older("")] == ["failed", "call:clone", None]
    assert [again.newer(), again.newer(), again.newer()] == ["failed", "typ", None]


def test_a_history_that_cannot_be_written_lasts_until_the_end(tmp_path):
    (tmp_path / "file").write_text("")
    history = History("filter", tmp_path / "file" / "below")
    history.add("failed")
    assert history.older("") == "failed"


def test_f_filters(unshare_trace):
    async def steps(user):
        await user.press("f")
        await user.type("call:unshare")
        await user.press("enter")
        await user.sees("1 of 1", "filter: call:unshare")
        assert user.calls.has_focus

    session(unshare_trace, steps)


def test_an_empty_filter_shows_everything_again(unshare_trace):
    async def steps(user):
        count = user.calls.count_lines()
        await user.press("f")
        await user.type("call:unshare")
        await user.press("enter")
        await user.sees("1 of 1")
        await user.press("f")
        await user.until(lambda: user.bar.is_open)
        await user.press("ctrl+u", "enter")
        await user.until(lambda: user.calls.count_lines() == count)

    session(unshare_trace, steps)


def test_what_is_wrong_is_marked_and_can_be_corrected(unshare_trace):
    async def steps(user):
        await user.press("f")
        await user.type("failed cal:x")
        await user.press("enter")
        text = await user.sees("there is no key cal:")
        lines = text.split("\n")
        typed = next(index for index, line in enumerate(lines) if "failed cal:x" in line)
        assert lines[typed + 1].index("^") == lines[typed].index("cal:x")
        await user.press("escape")
        await user.sees_no_more("there is no key cal:")
        assert "filter:" not in text

    session(unshare_trace, steps, size=(80, 24))


def test_right_takes_what_is_offered_and_up_brings_back_what_was_typed(unshare_trace):
    async def steps(user):
        await user.press("f")
        await user.type("call:unsh")
        await user.sees("call:unshare")
        await user.press("right", "enter")
        await user.sees("filter: call:unshare")
        await user.press("escape")
        await user.sees_no_more("filter: call:unshare")
        await user.press("f", "up")
        await user.sees("call:unshare")
        await user.press("enter")
        await user.sees("filter: call:unshare", "1 of 1")

    session(unshare_trace, steps)


def test_escape_leaves_everything_as_it_was(unshare_trace):
    async def steps(user):
        count = user.calls.count_lines()
        await user.press("f")
        await user.type("call:unshare")
        await user.press("escape")
        await user.until(lambda: not user.bar.is_open)
        assert user.calls.count_lines() == count
        assert user.calls.has_focus

    session(unshare_trace, steps)


def test_while_somebody_types_the_letters_are_no_keys(unshare_trace):
    async def steps(user):
        await user.press("slash")
        await user.type("qx?sF1")
        await user.sees("qx?sF1")
        assert not user.app._exit

    session(unshare_trace, steps)
