"""What the screens get from a trace: rows, selections, searches and what belongs together."""

from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contrace import filters
from contrace.errors import UsageError
from contrace.output.lines import facts
from contrace.output.summary import summarise
from contrace.records import Exec, Identity, Syscall, TaskStart
from contrace.trace.reader import TraceReader
from contrace.trace.writer import TraceWriter
from contrace.tui.feed import Choice, Feed, Row, Selection, Sort
from tests.unit import scene, strategies
from tests.unit.tui.feeds import BIRTH, filled, opened, shown, take_all, write


def only(feed: Feed, text: str) -> Row:
    (row,) = [row for row in shown(feed) if row.text.startswith(text)]
    return row


def test_the_rows_are_what_happened_by_time(feed):
    rows = shown(feed)
    assert [row.text.split("(")[0].split(",")[0] for row in rows] == [
        "command started",
        "execve",
        "clone",
        "process started by 10 ",
        "unshare",
        "chroot",
        "LOST 3 records between 0.000000 s and 0.011000 s: the ring was full",
        "+++ exited with 0 +++",
        "--- SIGCHLD ---",
        "prctl",
        "warning: something is odd",
        "detach: let go",
    ]
    assert [row.position for row in rows] == list(range(12))
    assert rows[0].delta_ns is None
    assert rows[1].delta_ns == 1_000_000
    assert feed.known == feed.total == len(BIRTH)


def test_a_row_knows_whose_it_is(feed):
    row = only(feed, "unshare")
    assert (row.task.tid, row.task.comm, row.task.nspids, row.task.depth, row.task.parent_pid) == (
        *(11, b"sh", (11, 1), 1, 10),
    )
    assert row.call is not None
    assert row.call.result == "0"
    assert feed.row(row.id).text == row.text


def test_the_file_that_an_execve_names_is_not_told_twice(tmp_path):
    other = [
        scene.execve(1, b"/a/script"),
        scene.executed(2, b"/bin/sh"),
        scene.execve(3, b"/x"),
        scene.executed(4, b"/x"),
    ]
    with opened(write(tmp_path / "a.ctrace", other)) as feed:
        assert [type(row.record) for row in shown(feed)] == [Syscall, Exec, Syscall]


def test_threads_starts_and_ends_are_left_to_the_calls(tmp_path):
    records = [scene.start(1, 10, 0), scene.start(2, 12, 10, pid=10), scene.ended(3, 12, pid=10), scene.ended(4, 10)]
    with opened(write(tmp_path / "a.ctrace", records)) as feed:
        assert [row.record.tid for row in shown(feed)] == [10, 10]


@pytest.mark.parametrize("words", [("call:fork",), ("failed", "call:fork"), ("nowhere",)])
def test_losses_and_warnings_are_shown_whatever_is_chosen(feed, words):
    always = ["LOST", "warning:"]
    assert [row.text.split(" ")[0] for row in shown(feed, Choice(words))] == always
    assert [row.text.split(" ")[0] for row in shown(feed, Choice(pids=frozenset((999,))))] == always


def test_a_selection_narrows_to_processes(feed):
    assert {row.record.pid for row in shown(feed, Choice(pids=frozenset((11,))))} == {11, 0}


def test_a_wrong_filter_is_shown_with_a_mark(feed):
    with pytest.raises(UsageError, match=r"did you mean unshare"):
        feed.select(Choice(("call:unshar",)))


def test_sorting(feed):
    took = shown(feed, Choice(("call:*",), sort=Sort.TOOK))
    assert took[0].text.startswith("chroot")
    names = [row.call.name for row in shown(feed, Choice(("call:*",), sort=Sort.CALL)) if row.call]
    assert names == sorted(names)
    pids = [row.record.pid for row in shown(feed, Choice(sort=Sort.PROCESS))]
    assert pids == sorted(pids)


# --- any trace, any choice --------------------------------------------------------------------------------

_CHOICES = st.builds(
    Choice,
    st.sampled_from(
        [(), ("failed",), ("call:fork",), ("-call:fork",), ("comm:task1",), ("text:exited",), ("-CLONE", "-failed")]
    ),
    st.sampled_from([None, frozenset((1, 2))]),
    st.sampled_from(Sort),
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(capture=strategies.CAPTURES, choice=_CHOICES)
def test_positions_are_the_same_both_ways_and_growing_gives_the_same_rows(tmp_path, capture, choice):
    batches = [batch for batch in capture.batches(cut=True) if batch]
    path = tmp_path / "a.ctrace"
    path.unlink(missing_ok=True)
    writer = TraceWriter(path, scene.META)
    writer.place()
    with closing(Feed(path)) as growing:
        grown = growing.select(choice)
        for batch in batches:
            writer.write(batch)
            take_all(growing)
            while growing.scan(grown):
                pass
        writer.finish({"reason": "over"})
        texts = [row.text for row in growing.rows(grown, 0, grown.count)]
        with opened(path) as feed:
            rows = shown(feed, choice)
            assert [row.text for row in rows] == texts
            selection = filled(feed, choice)
            assert [selection.position_of(row.id) for row in rows] == list(range(len(rows)))
            chosen = filters.parse(choice.words)
            everything = shown(feed)
            expected = [
                row.id
                for row in everything
                if (told := facts(row.record, row.task, row.call, row.text)).always
                or ((choice.pids is None or row.record.pid in choice.pids) and chosen.matches(told))
            ]
            assert sorted(row.id for row in rows) == sorted(expected)
            if choice.sort is Sort.TIME:
                assert [row.id for row in rows] == expected
                times = [row.record.time_ns for row in rows]
                assert times == sorted(times)


# --- looking for something --------------------------------------------------------------------------------


def found(feed: Feed, selection: Selection, word: str, start: int, step: int) -> int | None:
    *progress, last = [None, *feed.find(selection, (word,), start, step)]
    assert all(isinstance(done, float) for done in progress[1:])
    return last if isinstance(last, int) else None


@pytest.mark.parametrize("word", ["call:clone", "CLONE_NEWPID"])
def test_a_search_goes_both_ways_and_on_at_the_other_end(feed, word):
    everything = filled(feed, Choice())
    at = everything.position_of(only(feed, "clone").id)
    assert [found(feed, everything, word, start, 1) for start in (0, at - 1, at, 11)] == [at] * 4
    assert [found(feed, everything, word, start, -1) for start in (0, at, at + 1, 11)] == [at] * 4
    assert found(feed, everything, "nowhere", 3, 1) is None
    assert found(feed, everything, "nowhere", 3, -1) is None


def test_a_search_stops_at_the_nearest(feed):
    everything = filled(feed, Choice())
    failed = [row.position for row in shown(feed) if row.call and row.call.errno]
    assert len(failed) == 2
    assert found(feed, everything, "failed", failed[0], 1) == failed[1]
    assert found(feed, everything, "failed", failed[1], 1) == failed[0]
    assert found(feed, everything, "failed", failed[0], -1) == failed[1]


@pytest.mark.parametrize("sort", Sort)
def test_the_next_and_previous_error(feed, sort):
    selection = filled(feed, Choice(sort=sort))
    rows = feed.rows(selection, 0, selection.count)
    first, second = [row.position for row in rows if row.call and row.call.errno]
    assert feed.near(selection, 0, 1) == (first or second)
    assert feed.near(selection, first, 1) == second
    assert feed.near(selection, second, 1) is None
    assert feed.near(selection, second, -1) == first
    assert feed.near(selection, first, -1) is None


def test_errors_that_are_not_chosen_are_passed_over(feed):
    selection = filled(feed, Choice(("call:prctl,fork",)))
    assert feed.near(selection, 0, 1) == 1
    assert feed.near(selection, 1, -1) is None


# --- what belongs together --------------------------------------------------------------------------------


def test_who_a_task_was_before_and_after_a_call(feed):
    row = only(feed, "unshare")
    before, after = feed.before(11, row.id), feed.after(11, row.id)
    assert isinstance(before, Identity)
    assert isinstance(after, Identity)
    assert (before.namespaces["uts"], after.namespaces["uts"]) == (5, 99)
    assert feed.after(11, only(feed, "chroot").id) is None


def test_a_new_task_was_who_its_parent_was(tmp_path):
    records = [
        scene.start(1, 10, 0, how="run"),
        scene.identity(1.1, 10, why="run", namespaces={"uts": 7}),
        scene.start(2, 11, 10),
        scene.call(3, "unshare", 0, tid=11),
    ]
    with opened(write(tmp_path / "a.ctrace", records)) as feed:
        before = feed.before(11, 4)
        assert before is not None
        assert before.namespaces == {"uts": 7}


def test_parent_and_children(feed):
    clone = only(feed, "clone")
    (child,) = feed.children_of(clone)
    assert isinstance(feed.row(child).record, TaskStart)
    assert feed.parent_call(only(feed, "unshare")) == clone.id
    assert feed.parent_call(feed.row(child)) == clone.id
    assert feed.parent_call(clone) is None
    assert feed.children_of(only(feed, "unshare")) == []


def test_the_last_execve_of_a_process(feed):
    execve = only(feed, "execve")
    last = feed.exec_of(10, only(feed, "clone").id)
    assert last is not None
    assert last.id == execve.id
    assert feed.exec_of(11, 9) is None


def test_who_existed(feed):
    assert set(feed.world(only(feed, "unshare").id).processes) == {10, 11}
    assert set(feed.world(len(BIRTH)).processes) == {10}
    assert set(feed.world(1).processes) == {10}
    assert [key.pid for key in feed.tree.roots] == [10]


def test_the_figures_are_those_of_the_summary(feed):
    figures = feed.statistics(Choice())
    with closing(TraceReader(feed.path)) as reader:
        summary = summarise(reader)
    assert (figures.calls, figures.errors, figures.processes, figures.threads, figures.lost, figures.uncounted) == (
        *(summary.calls, summary.errors, summary.processes, summary.threads, summary.lost, summary.uncounted),
    )
    assert {(figure.key, figure.count, figure.errors) for figure in figures.by_call} == {
        *{("execve", 1, 0), ("clone", 1, 0), ("unshare", 1, 0), ("chroot", 1, 1), ("prctl", 1, 1)}
    }
    assert [(figure.pid, figure.count) for figure in figures.by_process] == [(11, 2), (10, 3)]
    narrow = feed.statistics(Choice(("failed",), frozenset((11,))))
    assert (narrow.calls, narrow.errors, narrow.lost) == (1, 1, 3)
    assert [figure.key for figure in feed.statistics(Choice(("CLONE_NEWPID",))).by_call] == ["clone"]


def test_what_could_only_be_copied_in_part_is_counted(tmp_path):
    whole, part = (scene.Text(arg=0, address=1, data=b"/", broken=broken) for broken in (False, True))
    records = [scene.call(1, "chroot", 1, memory=(whole,)), scene.call(2, "chroot", 1, memory=(whole, part))]
    with opened(write(tmp_path / "a.ctrace", records)) as feed:
        assert feed.statistics(Choice()).truncated == 1
