"""Every process that was ever in a trace."""

import pytest
from hypothesis import given

from contrace.records import Syscall, TaskStart, Text
from contrace.story.tree import Key, ProcessTree
from tests.unit import strategies
from tests.unit.scene import call, ended, executed, identity, ms, start


def grown(*records) -> ProcessTree:
    tree = ProcessTree()
    for id, record in enumerate(records, 1):
        tree.feed(id, record)
    return tree


def named(at: float, comm: bytes, tid: int = 10, **more) -> Syscall:
    return call(at, "prctl", 15, 1, tid=tid, memory=(Text(arg=1, address=1, data=comm),), **more)


def test_children_stand_below_who_started_them_also_when_all_have_ended():
    tree = grown(start(0, 10, 1, how="run"), start(1, 20, 10), start(2, 30, 20), ended(3, 30), ended(4, 20, signal=9))
    assert list(tree.roots) == [Key(10, 0)]
    assert list(tree.node(Key(10, 0)).children) == [Key(20, 0)]
    assert list(tree.node(Key(20, 0)).children) == [Key(30, 0)]
    killed, over, alive = (tree.node(Key(pid, 0)) for pid in (20, 30, 10))
    assert (killed.end_ns, killed.status, killed.signal) == (ms(4), None, 9)
    assert (over.end_ns, over.status, over.signal) == (ms(3), 0, None)
    assert (alive.end_ns, alive.started_id, alive.parent_pid, alive.found) == (None, 1, 1, False)


def test_threads_are_no_nodes():
    tree = grown(start(0, 10, 1), start(1, 11, 10, pid=10, how="clone"), ended(2, 11, pid=10))
    assert len(tree) == 1
    assert tree.node(Key(10, 0)).end_ns is None


def test_a_pid_that_is_used_again_is_another_process():
    tree = grown(start(0, 10, 1), start(1, 20, 10, comm=b"old"), ended(2, 20), start(5, 20, 10, comm=b"new"))
    assert [tree.node(key).comm for key in tree.node(Key(10, 0)).children] == [b"old", b"new"]
    assert [tree.of(20, ms(at)).comm for at in (0, 1, 4, 5, 9)] == [b"old", b"old", b"old", b"new", b"new"]
    assert tree.of(99, 0) is None


def test_a_child_has_its_parents_command_line_until_it_executes():
    tree = grown(start(0, 10, 1), executed(1, b"/bin/sh", argv=(b"sh", b"-c")), start(2, 20, 10), start(3, 30, 10))
    tree.feed(9, executed(4, b"/bin/ls", tid=30))
    assert [tree.node(Key(pid, 0)).argv for pid in (20, 30)] == [(b"sh", b"-c"), (b"/bin/ls",)]


def test_the_last_name_is_what_prctl_or_execve_gave():
    tree = grown(start(0, 10, 1), named(1, b"runc:[2:INIT]"))
    assert tree.node(Key(10, 0)).comm == b"runc:[2:INIT]"
    tree.feed(3, named(2, b"no", returns=-14))
    tree.feed(4, named(2, b"of a thread", tid=11, pid=10))
    assert tree.node(Key(10, 0)).comm == b"runc:[2:INIT]"
    tree.feed(5, executed(3, b"/bin/ls"))
    assert tree.node(Key(10, 0)).comm == b"ls"


def test_a_thread_that_executes_goes_on_as_the_process():
    tree = grown(
        start(0, 10, 1),
        start(1, 11, 10, pid=10),
        ended(2, 10, superseded_by=11),
        executed(3, b"/bin/true", tid=10, former=11),
    )
    assert tree.node(Key(10, 0)).end_ns is None
    assert tree.node(Key(10, 0)).comm == b"true"


def test_a_process_whose_start_was_not_seen_is_there():
    tree = grown(executed(3, b"/bin/true", tid=10))
    node = tree.of(10, ms(3))
    assert (node.comm, node.started_id, node.found, node.parent) == (b"true", 0, True, None)


def test_pids_of_a_subtree():
    tree = grown(start(0, 10, 1), start(1, 20, 10), start(2, 30, 20), start(3, 40, 10))
    assert tree.subtree(Key(20, 0)) == {20, 30}
    assert tree.subtree(Key(10, 0)) == {10, 20, 30, 40}
    with pytest.raises(KeyError):
        tree.subtree(Key(99, 0))


def test_turns_are_where_something_about_processes_changed():
    tree = grown(
        start(0, 10, 1),  # 1
        identity(0.1, 10, why="run"),  # 2: first seen
        call(1, "mount", 0, 0, 0, 0, 0),  # 3
        identity(2, 10),  # 4: as before
        identity(3, 10, uids=(5, 5, 5, 5)),  # 5
        named(4, b"x"),  # 6
        ended(5, 10),  # 7
    )
    assert [tree.turn(id, 1) for id in range(8)] == [1, 2, 5, 5, 5, 6, 7, None]
    assert [tree.turn(id, -1) for id in range(1, 9)] == [None, 1, 2, 2, 2, 5, 6, 7]


def test_dropping_capabilities_one_by_one_is_no_turn():
    drops = [identity(at, 10, why="prctl", capabilities=(0, 7, 7, 7 >> at, 0)) for at in (1, 2, 3)]
    tree = grown(start(0, 10, 1), identity(0, 10, why="run", capabilities=(0, 7, 7, 7, 0)), *drops)
    assert tree.turn(2, 1) is None


def test_a_reader_keeps_what_it_has_while_the_tree_grows():
    tree = grown(start(0, 10, 1))
    before, version = tree.node(Key(10, 0)), tree.version
    tree.feed(2, executed(1, b"/bin/ls"))
    assert (before.comm, tree.node(Key(10, 0)).comm) == (b"sh", b"ls")
    assert tree.version != version


@given(strategies.CAPTURES)
def test_every_process_that_started_is_found_from_the_roots(capture):
    records = [record for batch in capture.batches(cut=True) for record in batch]
    tree = grown(*records)
    reached, waiting = [], list(tree.roots)
    while waiting:
        key = waiting.pop()
        reached.append(key)
        waiting += tree.node(key).children
    assert len(reached) == len(set(reached)) == len(tree)
    for record in records:
        if isinstance(record, TaskStart):
            assert tree.of(record.pid, record.time_ns).start_ns == record.time_ns


@given(strategies.st.lists(strategies.ANY_RECORD, max_size=20))
def test_no_record_is_too_odd(records):
    tree = grown(*records)
    for key in tree.roots:
        tree.subtree(key)
