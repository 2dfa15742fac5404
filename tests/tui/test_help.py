"""`?`: every key of the table is explained, and so is the filter language."""

from contrace import filters
from contrace.tui import keys
from contrace.tui.screens import help
from tests.tui.session import session


def test_every_key_and_every_filter_key_is_explained():
    shown = [entry for _, entries in help.contents() for entry in entries]
    for key in keys.KEYS:
        assert (key.display, key.sentence) in shown
    for row in filters.KEYS.values():
        assert (row.example, row.help) in shown


def test_question_mark_shows_it_and_escape_closes_it(unshare_trace):
    async def steps(user):
        await user.press("question_mark")
        await user.sees("contrace: keys", "Everywhere", "Show the keys.")
        await user.press("escape")
        await user.sees_no_more("contrace: keys")

    session(unshare_trace, steps)


def test_it_can_be_scrolled_to_its_end_on_a_small_terminal(unshare_trace):
    async def steps(user):
        await user.press("question_mark")
        await user.sees("contrace: keys")
        for _ in range(20):
            await user.press("space")
        await user.sees("a leading - or !")
        await user.press("q")
        await user.sees_no_more("contrace: keys")

    session(unshare_trace, steps, size=(80, 24))


def test_it_is_there_on_every_screen(unshare_trace):
    async def steps(user):
        for key, seen in (("2", "on the host"), ("3", "nothing lost"), ("4", "CHANGED"), ("1", "processes")):
            await user.press(key)
            await user.sees(seen)
            await user.press("question_mark")
            await user.sees("contrace: keys")
            await user.press("escape")
            await user.sees_no_more("contrace: keys")

    session(unshare_trace, steps)
