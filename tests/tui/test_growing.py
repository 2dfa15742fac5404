"""Traces that change while they are shown: they grow, vanish, are cut off, or another one is opened."""

import os
import time

import pytest

from contrace.trace.writer import TraceWriter
from tests.tui.session import session
from tests.tui.shared_app import write_trace
from tests.unit.scene import META, call, ended, executed, execve, loss, start

NEWNS = 0x20000
ENDED = {"reason": "the command ended", "records": 9, "lost": 0}


def _growing(path) -> TraceWriter:
    writer = TraceWriter(path, META)
    writer.write([start(0, 10, 1, how="run"), execve(1, b"/bin/sh", b"sh"), executed(1.5, b"/bin/sh")])
    writer.place()
    return writer


def test_a_trace_that_grows_is_shown_and_followed(tmp_path):
    writer = _growing(tmp_path / "live.ctrace")

    async def steps(user):
        await user.sees("RECORDING")
        before = user.calls.count_lines()
        writer.write([call(2, "unshare", NEWNS)])
        await user.until(lambda: user.calls.count_lines() == before + 1)
        assert user.calls.cursor == 0
        await user.press("F")
        await user.sees("FOLLOWING")
        await user.at("unshare(")
        writer.write([call(3, "setns", 3, 0)])
        await user.at("setns(")
        await user.press("up")
        await user.sees_no_more("FOLLOWING")
        writer.write([ended(4)])
        writer.finish(ENDED)
        await user.sees_no_more("RECORDING")
        await user.at("unshare(")

    session(tmp_path / "live.ctrace", steps)


def test_details_of_what_is_followed_change_once_a_second(tmp_path):
    writer = _growing(tmp_path / "live.ctrace")

    async def steps(user):
        await user.press("F")
        await user.sees("FOLLOWING")
        told, show = [], user.details.show
        user.details.show = lambda feed, row: (told.append(row.id), show(feed, row))
        began_s = time.monotonic()
        for each in range(8):
            writer.write([call(2 + each, "setns", each, 0)])
            await user.at(f"setns({each}, ")
        assert len(told) < time.monotonic() - began_s + 2
        await user.until(lambda: told[-1:] == [user.calls.row.id])
        writer.finish(ENDED)

    session(tmp_path / "live.ctrace", steps)


def test_a_paused_list_stands_still_until_it_goes_on(tmp_path):
    writer = _growing(tmp_path / "live.ctrace")

    async def steps(user):
        await user.press("space")
        await user.sees("PAUSED")
        known = user.app.feed.known
        writer.write([call(2, "unshare", NEWNS)])
        await user.until(lambda: user.app.feed.known > known)
        assert "unshare(" not in await user.sees("PAUSED")
        await user.press("space")
        await user.sees("unshare(")
        await user.sees_no_more("PAUSED")
        writer.finish(ENDED)

    session(tmp_path / "live.ctrace", steps)


def test_a_narrowed_list_takes_in_what_its_process_starts_later(tmp_path):
    writer = _growing(tmp_path / "live.ctrace")

    async def steps(user):
        user.tree.focus()
        await user.press("enter")
        await user.sees("only: sh[10]")
        writer.write([start(2, 11, 10), call(3, "unshare", NEWNS, tid=11)])
        await user.sees("unshare(")
        writer.finish(ENDED)

    session(tmp_path / "live.ctrace", steps)


def test_a_loss_is_shown_whatever_is_filtered(tmp_path):
    trace = write_trace(tmp_path / "lost.ctrace", start(0, 10, 1, how="run"), call(1, "setns", 3, 0), loss(2))

    async def steps(user):
        await user.sees("LOST 3")

    session(trace, steps, words=("call:unshare",))


@pytest.mark.parametrize("harm", [os.unlink, lambda path: os.truncate(path, 5000)], ids=["vanishes", "is cut off"])
def test_a_trace_that_breaks_is_said_and_what_is_shown_stays(docker_trace, harm):
    async def steps(user):
        await user.press("right_square_bracket")
        await user.at("unshare(")
        harm(docker_trace)
        await user.press("G", "e", "s", "f")
        await user.until(lambda: any(each.severity == "error" for each in user.app._notifications))
        await user.sees("processes", "details")

    session(docker_trace, steps)


def test_another_trace_takes_the_place_of_the_first_with_nothing_left_of_it(docker_trace, unshare_trace):
    async def steps(user):
        await user.press("j", "m", "F")
        await user.app.open(docker_trace)
        await user.sees("docker-run.ctrace")
        await user.until(lambda: user.calls.cursor == 0 and not user.calls.bookmarks and not user.calls.follow)
        await user.press("right_square_bracket")
        await user.at("CLONE_NEWNET")

    session(unshare_trace, steps)


def test_one_that_cannot_be_opened_is_said_and_the_other_stays(unshare_trace, tmp_path):
    (tmp_path / "random.ctrace").write_bytes(b"no trace at all")

    async def steps(user):
        await user.app.open(tmp_path / "random.ctrace")
        await user.told("random.ctrace")
        await user.press("j")
        await user.at("execve(")

    session(unshare_trace, steps)


def test_the_moment_is_shared_with_the_processes(docker_trace):
    async def steps(user):
        await user.press("right_square_bracket")
        await user.at("unshare(")
        was = user.app.selected_id
        await user.press("2")
        await user.sees("unshare(CLONE_NEWNS")
        await user.press("greater_than_sign", "greater_than_sign")
        await user.until(lambda: user.app.selected_id != was)
        moved_to = user.app.selected_id
        await user.press("1")
        await user.sees("details")
        await user.until(lambda: user.calls.row is not None and user.calls.row.id >= moved_to)

    session(docker_trace, steps)


def test_a_long_search_shows_its_progress_and_escape_gives_it_up(unshare_trace, monkeypatch):
    async def steps(user):
        looked = []

        def find(selection, words, first, step):
            while len(looked) < 100_000:
                looked.append(first)
                time.sleep(0.001)  # as long as a look into the trace takes
                yield 0.5

        monkeypatch.setattr(user.app.feed, "find", find)
        await user.press("slash")
        await user.type("unshare")
        await user.press("enter")
        await user.sees("searching 50%, Esc cancels")
        await user.press("escape")
        await user.told("given up")
        await user.sees_no_more("searching")
        assert len(looked) < 100_000

    session(unshare_trace, steps)


class Demos:
    """Demos that write their trace when they are told to."""

    names = {"birth": "a container", "broken": "what fails"}  # noqa: RUF012

    def __init__(self, path, failed: str | None = None) -> None:
        self.path, self.failed, self.started = path, failed, []

    def start(self, name):
        self.started.append(name)
        if self.failed is None:
            write_trace(self.path, start(0, 10, 1, how="run"), call(1, "unshare", NEWNS))
        return self.path

    def failure(self) -> str | None:
        return self.failed


def test_d_in_the_list_of_traces_runs_a_demo_and_shows_it(tmp_path):
    demos = Demos(tmp_path / "demo.ctrace")

    async def steps(user):
        await user.sees("d runs a demo")
        await user.press("d")
        await user.sees("birth: a container", "broken: what fails")
        await user.press("a")
        await user.sees("unshare(CLONE_NEWNS)", "demo.ctrace")

    session(None, steps, demos=demos)
    assert demos.started == ["birth"]


def test_a_demo_that_fails_says_why(tmp_path):
    async def steps(user):
        await user.sees("d runs a demo")
        await user.press("d", "b")
        await user.told("no privilege for it")

    session(None, steps, demos=Demos(tmp_path / "none", "no privilege for it"))
