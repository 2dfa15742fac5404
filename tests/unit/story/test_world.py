"""Who existed at a moment, and as whom others see them."""

from hypothesis import given
from hypothesis import strategies as st

from contrace.records import Block, Loss, Record, Syscall, Text
from contrace.story import named
from contrace.story.alive import Membership
from contrace.story.world import KINDS, OVERFLOW_ID, World
from contrace.syscalls.abi import known_name_of
from tests.unit import strategies
from tests.unit.scene import call, ended, executed, identity, loss, ms, start

HOST = {"mnt": 1, "net": 2, "pid": 3, "pid_for_children": 3, "user": 4, "uts": 5}
INSIDE = HOST | {"mnt": 11, "pid": 13, "pid_for_children": 13, "user": 14, "uts": 15}
DEEPER = INSIDE | {"pid": 23, "pid_for_children": 23}
MAP = ((0, 1000, 1), (1, 100000, 50))


def world(*records: Record, host: str = "box") -> World:
    return World(host_name=host).after(enumerate(records, 1))


RUN = (start(0, 10, 1, how="run"), identity(0.1, 10, why="run"))
"""A command on the host."""


def container(first: int = 20, *, uid: int = 1000, namespaces=INSIDE) -> tuple[Record, ...]:
    """A process of 10 that is pid 1 in namespaces of its own."""
    return (
        start(1, first, 10, nspids=(first, 1)),
        identity(
            1.1,
            first,
            why="start",
            namespaces=namespaces,
            uids=(uid,) * 4,
            gids=(uid,) * 4,
            uid_map=MAP,
            gid_map=MAP,
            nspids=(first, 1),
        ),
    )


def hostname(at: float, name: bytes, tid: int, **more) -> Syscall:
    memory = (Block(arg=0, address=1, data=name, wanted=more.pop("wanted", len(name))),)
    return call(at, "sethostname", 1, len(name), tid=tid, memory=memory, **more)


def seen(world: World, view=None):
    return [(each.pid, each.uid, each.gid, each.started_by) for each in world.ps(view)]


# --- who is there -----------------------------------------------------------------------------------------


def test_the_living_are_there_and_the_dead_are_not():
    before = world(*RUN, start(1, 20, 10))
    assert sorted(before.processes) == [10, 20]
    assert sorted(before.after([(4, ended(2, 20))]).processes) == [10]
    assert sorted(before.processes) == [10, 20]


def test_a_process_lives_as_long_as_one_of_its_threads():
    there = world(*RUN, start(1, 11, 10, pid=10, how="clone"), ended(2, 10))
    assert there.processes[10].tids == {11}
    assert world(*RUN, start(1, 11, 10, pid=10), ended(2, 10), ended(3, 11, pid=10)).processes == {}


def test_a_thread_that_executes_takes_over():
    there = world(
        *RUN,
        start(1, 11, 10, pid=10),
        ended(2, 10, superseded_by=11),
        executed(3, b"/bin/ls", tid=10, former=11),
    )
    assert (there.processes[10].comm, there.processes[10].tids) == (b"ls", {10})
    assert there.after([(6, ended(4, 10))]).processes == {}


def test_a_process_that_was_found_has_no_command_line_and_says_so():
    there = world(start(0, 10, 1, how="attach"), start(1, 20, 10), executed(2, b"/bin/ls", tid=20))
    assert there.processes[10].argv is None
    assert there.processes[10].found
    assert there.processes[20].argv == (b"/bin/ls",)


def test_prctl_names_a_process():
    name = call(1, "prctl", 15, 1, memory=(Text(arg=1, address=1, data=b"runc:[1:CHILD]"),))
    assert world(*RUN, name).processes[10].comm == b"runc:[1:CHILD]"


def test_losses_before_the_moment_are_counted():
    there = world(*RUN, loss(1, 3), loss(2, 0))
    assert (there.lost, there.losses, there.lost_uncounted) == (3, 2, True)


# --- who sees whom ----------------------------------------------------------------------------------------


def test_the_host_sees_everybody_with_its_own_ids():
    assert seen(world(*RUN, *container())) == [(10, 0, 0, 1), (20, 1000, 1000, 10)]


def test_inside_there_are_only_inner_pids_and_users():
    there = world(
        *RUN,
        *container(),
        start(2, 30, 20, nspids=(30, 7)),
        identity(2, 30, namespaces=INSIDE, nspids=(30, 7), uids=(100004,) * 4, gids=(0,) * 4, uid_map=MAP, gid_map=MAP),
    )
    assert seen(there, 13) == [(1, 0, 0, 0), (7, 5, OVERFLOW_ID, 1)]


def test_a_user_is_unknown_where_the_map_is():
    first, _ = container()
    there = world(*RUN, first, identity(1, 20, namespaces=INSIDE, nspids=(20, 1), uid_map=None, gid_map=()))
    assert seen(there, 13) == [(1, None, OVERFLOW_ID, 0)]


def test_a_map_that_somebody_else_writes_later_is_everybodys():
    unmapped = identity(
        1.1, 20, why="start", namespaces=INSIDE, nspids=(20, 1), uids=(1000,) * 4, uid_map=(), gid_map=()
    )
    there = world(*RUN, container()[0], unmapped)
    assert there.id_maps(20) == ((), ())
    assert seen(there, 13)[0][1] == OVERFLOW_ID
    there = there.after(
        [
            (5, start(2, 30, 20, nspids=(30, 2))),
            (6, identity(2, 30, namespaces=INSIDE, nspids=(30, 2), uid_map=MAP, gid_map=MAP)),
        ]
    )
    assert there.id_maps(20) == (MAP, MAP)
    assert seen(there, 13)[0][1] == 0


def test_inside_the_starter_is_unknown_when_it_has_ended():
    """It may have been inside or outside, and its pid may be another's by now; on the host it is still who it was."""
    there = world(*RUN, *container(), start(2, 30, 20), ended(3, 10))
    assert [each.started_by for each in there.ps()] == [10, 20]
    assert seen(there, 13) == [(1, 0, 0, None)]


def test_a_namespace_inside_a_namespace():
    deeper = start(2, 30, 20, nspids=(30, 8, 1)), identity(2, 30, namespaces=DEEPER, nspids=(30, 8, 1), uid_map=MAP)
    there = world(*RUN, *container(), *deeper)
    assert [(view.inode, view.level, view.first.pid, view.count) for view in there.views()] == [
        (13, 1, 20, 2),
        (23, 2, 30, 1),
    ]
    assert [each.pid for each in there.ps(13)] == [1, 8]
    assert [each.pid for each in there.ps(23)] == [1]
    assert there.unplaced() == 0


def test_where_a_namespace_lies_is_not_guessed():
    """Its maker was not in the trace: only that it is two below the host's is known."""
    found = (
        start(0, 30, 9, how="attach", nspids=(30, 8, 1)),
        identity(0, 30, why="attach", namespaces=DEEPER, nspids=(30, 8, 1)),
    )
    there = world(*found)
    assert [view.inode for view in there.views()] == [23]
    assert there.unplaced() == 1


def test_joining_a_namespace_from_far_above_does_not_move_it():
    joined = start(2, 40, 10, nspids=(40, 9, 2)), identity(2, 40, why="start", namespaces=DEEPER, nspids=(40, 9, 2))
    assert world(*RUN, *joined).inside == {}


# --- namespaces, names ------------------------------------------------------------------------------------


def test_what_is_shared_with_the_host():
    there = world(*RUN, *container())
    assert there.memberships(20) == (
        Membership("mnt", 11, False, 1),
        Membership("net", 2, True, 2),
        Membership("pid", 13, False, 1),
        Membership("pid_for_children", 13, False, 1),
        Membership("user", 14, False, 1),
        Membership("uts", 15, False, 1),
    )
    assert there.shared(20) == (("net",), True)


def test_what_the_host_has_is_unknown_when_only_a_container_was_seen():
    there = world(
        start(0, 20, 9, how="attach", nspids=(20, 1)), identity(0, 20, why="attach", namespaces=INSIDE, nspids=(20, 1))
    )
    assert {each.shared for each in there.memberships(20)} == {None}
    assert there.hostname(20) is None


def test_a_namespace_that_could_not_be_read_is_unknown():
    there = world(*RUN, start(1, 20, 10), identity(1, 20, namespaces={"mnt": 1}))
    assert there.memberships(20)[1] == Membership("net", None, None, 0)


def test_a_new_uts_namespace_has_its_makers_name_until_it_is_named():
    there = world(*RUN, *container())
    assert (there.hostname(10), there.hostname(20)) == (b"box", b"box")
    there = there.after([(5, hostname(2, b"web", 20))])
    assert (there.hostname(10), there.hostname(20)) == (b"box", b"web")
    there = there.after([(6, hostname(3, b"no", 20, returns=-1))])
    assert there.hostname(20) == b"web"


def test_a_name_that_could_not_be_read_is_unknown():
    assert world(*RUN, *container(), hostname(2, b"we", 20, wanted=3)).hostname(20) is None


def test_a_namespace_that_was_joined_may_have_any_name():
    assert world(*RUN, identity(1, 10, why="setns", namespaces=INSIDE)).hostname(10) is None


# --- checkpoints ------------------------------------------------------------------------------------------


def _tells(record: Record) -> bool:
    if isinstance(record, Syscall):
        return known_name_of(record.abi, record.nr) in named.CALLS
    return record.kind in KINDS


@given(strategies.CAPTURES, st.integers(0, 60))
def test_a_world_from_a_checkpoint_is_the_same_as_from_the_beginning(capture, at):
    records = list(enumerate((record for batch in capture.batches(cut=True) for record in batch), 1))
    whole = World(host_name="box").after(records)
    assert World(host_name="box").after(records[:at]).after(records[at:]) == whole
    some = World(host_name="box").after(pair for pair in records if _tells(pair[1]))
    assert some.at(whole.id, whole.time_ns) == whole


@given(st.lists(strategies.ANY_RECORD, max_size=20))
def test_no_record_is_too_odd(records):
    there = world(*records)
    for view in (None, *(view.inode for view in there.views())):
        assert all(each.process.pid in there.processes for each in there.ps(view))
    for pid in there.processes:
        there.memberships(pid)
        there.id_maps(pid)
        there.hostname(pid)
    assert there.losses == sum(isinstance(record, Loss) for record in records)
    assert there.time_ns == (records[-1].time_ns if records else 0)


def test_the_moment_is_that_of_the_last_record():
    there = world(*RUN)
    assert (there.id, there.time_ns) == (2, ms(0.1))
