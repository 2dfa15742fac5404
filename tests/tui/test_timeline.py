"""The timeline, key by key, over recorded traces."""

import json

import pytest

from contrace.records import Syscall, TaskStart
from tests.tui.session import session


def test_a_newcomer_finds_unshare_what_it_changed_and_the_containers_pid_on_both_sides(docker_trace):
    """In at most 8 key presses from the start."""
    pressed = []

    async def steps(user):
        async def press(*keys):
            pressed.extend(keys)
            await user.press(*keys)

        await press("right_square_bracket")
        await user.at("unshare(CLONE_NEWNS")
        await user.until(lambda: "Namespaces, before → after" in user.details.text)
        changed = user.details.text
        assert all(each in changed for each in ("mnt", "net", "ipc", "uts", "pid_for_children"))
        await press("j")
        await user.at("clone(")
        await press("c")
        await user.at("pid 1 inside")
        child = user.calls.row.record
        assert isinstance(child, TaskStart)
        await user.until(lambda: f"{child.pid} on the host, 1 inside" in user.details.text)

    session(docker_trace, steps)
    assert len(pressed) <= 8


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (250, 70)])
def test_all_panes_are_there_at_every_size(unshare_trace, size):
    async def steps(user):
        text = await user.sees("processes", "calls", "details", "unshare")
        assert all(len(line) <= size[0] for line in text.split("\n"))
        for pane in (user.tree, user.calls, user.details):
            assert pane.size.width > 15
            assert pane.size.height > 3

    session(unshare_trace, steps, size=size)


def test_arrows_pages_and_vim_keys_move_the_cursor(docker_trace):
    async def steps(user):
        last = user.calls.count_lines() - 1
        page = None
        for key, place in (
            ("down", 1),
            ("j", 2),
            ("up", 1),
            ("k", 0),
            ("end", last),
            ("home", 0),
            ("G", last),
            ("g", 0),
        ):
            await user.press(key)
            assert user.calls.cursor == place, key
        for down, up in (("pagedown", "pageup"), ("ctrl+d", "ctrl+u")):
            await user.press(down)
            page = page or user.calls.cursor
            assert user.calls.cursor == page > 5
            await user.press(up)
            assert user.calls.cursor == 0

    session(docker_trace, steps)


def test_slash_searches_and_n_goes_on_round_and_back(docker_trace):
    async def steps(user):
        await user.press("slash")
        await user.type("pivot_root")
        await user.press("enter")
        await user.at("pivot_root")
        first = user.calls.cursor
        await user.press("slash")
        await user.type("call:execve")
        await user.press("enter")
        await user.until(lambda: user.calls.cursor != first)
        await user.at("execve(")
        places = [user.calls.cursor]
        await user.press("n")
        await user.until(lambda: user.calls.cursor != places[0])
        await user.press("N")
        await user.until(lambda: user.calls.cursor == places[0])

    session(docker_trace, steps)


def test_a_search_that_finds_nothing_says_so(unshare_trace):
    async def steps(user):
        await user.press("slash")
        await user.type("nowhere_at_all")
        await user.press("enter")
        await user.told("there is no line with nowhere_at_all")
        assert user.calls.cursor == 0

    session(unshare_trace, steps)


def test_n_without_a_search_begins_one(unshare_trace):
    async def steps(user):
        await user.press("n")
        await user.until(lambda: user.bar.is_open)
        await user.sees("search")

    session(unshare_trace, steps)


def test_brackets_go_to_what_changed_namespaces(unshare_trace):
    async def steps(user):
        await user.press("right_square_bracket")
        await user.at("unshare(CLONE_NEW")
        await user.press("G")
        await user.press("left_square_bracket")
        await user.until(lambda: user.calls.cursor < user.calls.count_lines() - 1)
        assert "CLONE_NEW" in user.calls.row.text or "namespaces" in user.details.text.lower()

    session(unshare_trace, steps)


def test_e_goes_to_the_next_error_and_back(docker_trace):
    async def steps(user):
        await user.press("e")
        first = user.calls.cursor
        assert user.calls.row.call.errno is not None
        await user.sees("!")
        await user.press("e")
        assert user.calls.cursor > first
        await user.press("E")
        assert user.calls.cursor == first
        await user.press("E")
        await user.told("no call failed above")

    session(docker_trace, steps)


def test_u_and_c_go_to_the_parent_call_and_to_the_children(docker_trace):
    async def steps(user):
        await user.press("right_square_bracket")
        await user.at("unshare(")
        made, pid = user.calls.row.task.pid, None
        await user.press("u")
        await user.at("clone(")
        assert user.calls.row.record.result == made
        await user.press("c")
        await user.at("process started by")
        pid = user.calls.row.record.pid
        assert pid == made

    session(docker_trace, steps)


def test_c_of_a_call_that_started_nobody_says_so(unshare_trace):
    async def steps(user):
        await user.press("right_square_bracket")
        await user.at("unshare(")
        await user.press("c")
        await user.told("started no process")

    session(unshare_trace, steps)


def test_c_takes_a_filter_away_that_hides_the_child(docker_trace):
    async def steps(user):
        await user.press("c")
        await user.at("process started by")
        await user.told("all lines are shown now")

    session(docker_trace, steps, words=("call:clone",))


@pytest.mark.parametrize(
    ("key", "wanted"),
    [("c", 'execve("/usr/bin/'), ("l", "hostname inside"), ("a", "hostname\ninside"), ("e", "HOME=")],
)
def test_y_copies(unshare_trace, key, wanted):
    async def steps(user):
        await user.press("slash")
        await user.type("hostname call:execve -failed comm:sh")
        await user.press("enter")
        await user.at("execve(")
        await user.press("y")
        await user.sees("Copy what?", "the call, as strace writes it")
        await user.press(key)
        await user.until(lambda: wanted in user.app.clipboard)
        await user.told("copied")

    session(unshare_trace, steps)


def test_bookmarks_are_marked_and_visited(unshare_trace):
    async def steps(user):
        await user.press("apostrophe")
        await user.told("there is no bookmark")
        await user.press("j", "m", "G", "m", "g")
        await user.sees("*")
        await user.press("apostrophe")
        assert user.calls.cursor == 1
        await user.press("apostrophe")
        assert user.calls.cursor == user.calls.count_lines() - 1
        await user.press("apostrophe", "m", "apostrophe", "m")
        assert not user.calls.bookmarks

    session(unshare_trace, steps)


@pytest.mark.parametrize("number", ["1", "2", "3", "4", "5"])
def test_x_exports_what_is_filtered(unshare_trace, tmp_path, monkeypatch, number):
    monkeypatch.chdir(tmp_path)

    async def steps(user):
        await user.press("x")
        await user.sees("In which format?", "jsonl")
        await user.press(number)
        await user.sees("Write the lines that are shown")
        await user.press("enter")
        await user.told("bytes written to")

    session(unshare_trace, steps, words=("call:unshare",))
    (written,) = (path for path in tmp_path.iterdir() if ".ctrace" not in path.name)
    text = written.read_text()
    if written.suffix == ".jsonl":
        calls = [line["name"] for line in map(json.loads, text.splitlines()) if line["type"] == "syscall"]
        assert calls == ["unshare"]
    else:
        assert "unshare(" in text
        assert "sethostname(" not in text


def test_x_does_not_write_over_a_file(unshare_trace, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").write_text("mine")

    async def steps(user):
        await user.press("x", "1")
        await user.sees("Write all lines")
        await user.press("ctrl+u")
        await user.type("mine")
        await user.press("enter")
        await user.sees("there is such a file already")
        await user.press("escape")
        await user.sees_no_more("Write all lines")

    session(unshare_trace, steps)
    assert (tmp_path / "mine").read_text() == "mine"


def test_s_sorts_and_the_cursor_stays_on_its_record(docker_trace):
    async def steps(user):
        await user.press("right_square_bracket")
        await user.at("unshare(")
        await user.press("s")
        await user.sees("by duration")
        await user.at("unshare(")
        rows = [user.app.feed.row(id).record for id in user.calls.selection.ids(0, 20)]
        took = [each.end_ns - each.time_ns for each in rows if isinstance(each, Syscall)]
        assert took == sorted(took, reverse=True)
        for order in ("by call", "by process"):
            await user.press("s")
            await user.sees(order)
            await user.at("unshare(")
        await user.press("s")
        await user.sees_no_more("by process")

    session(docker_trace, steps)


def test_o_chooses_columns(unshare_trace):
    async def steps(user):
        assert "delta" not in user.calls.columns
        await user.press("o")
        await user.sees("Which columns?", "duration")
        await user.press("down", "space", "enter")
        await user.until(lambda: "delta" in user.calls.columns)
        await user.sees("delta")

    session(unshare_trace, steps)


def test_follow_and_pause_are_said(unshare_trace):
    async def steps(user):
        await user.press("F")
        await user.sees("FOLLOWING")
        assert user.calls.cursor == user.calls.count_lines() - 1
        await user.press("k")
        assert not user.calls.follow
        await user.press("space")
        await user.sees("PAUSED")
        await user.press("space")
        await user.sees_no_more("PAUSED")

    session(unshare_trace, steps)


def test_enter_on_the_tree_narrows_and_again_widens(docker_trace):
    async def steps(user):
        count = user.calls.count_lines()
        await user.press("right_square_bracket")
        await user.at("unshare(")
        await user.press("shift+tab")
        await user.until(lambda: user.tree.has_focus)
        await user.press("enter")
        await user.sees("only: runc")
        await user.until(lambda: 0 < user.calls.count_lines() < count)
        await user.at("unshare(")
        await user.press("enter")
        await user.until(lambda: user.calls.count_lines() == count)
        await user.press("enter")
        await user.sees("only: runc")
        await user.press("escape")
        await user.until(lambda: user.calls.count_lines() == count)

    session(docker_trace, steps)


def test_tab_moves_between_the_panes(unshare_trace):
    async def steps(user):
        seen = []
        for _ in range(3):
            await user.press("tab")
            seen.append(user.app.focused.id)
        assert sorted(seen) == ["calls", "details", "tree"]

    session(unshare_trace, steps)


def test_escape_takes_a_filter_away(unshare_trace):
    async def steps(user):
        await user.sees("filter: call:unshare", "1 of 1")
        await user.press("escape")
        await user.sees_no_more("filter:")
        await user.at("unshare(")

    session(unshare_trace, steps, words=("call:unshare",))


def test_details_of_an_execve_tell_everything(unshare_trace):
    async def steps(user):
        await user.press("slash")
        await user.type("call:execve comm:sh hostname")
        await user.press("enter")
        await user.at("execve(")
        await user.until(lambda: "hostname" in user.details.text)
        text = user.details.text
        for each in ("Arguments", "raw 0x", "Environment", "HOME=", "cwd", "exe", "cgroup", "uid", "2 inside"):
            assert each in text, each

    session(unshare_trace, steps, size=(250, 70))


def test_a_trace_that_is_damaged_meanwhile_is_told_and_what_is_shown_stays(docker_trace):
    async def steps(user):
        with docker_trace.open("r+b") as file:
            file.truncate(8192)
        await user.press("G")
        await user.until(lambda: user.app._notifications)
        await user.press("g")
        await user.sees("calls", "details")
        assert user.app.is_running

    session(docker_trace, steps)
