"""The order in which things are told."""

from hypothesis import given

from contrace.records import Entered, Syscall
from contrace.story.moments import Moments
from tests.unit import scene, strategies
from tests.unit.scene import call, ended, entered, identity, ms, signalled, start


def told(*batches):
    moments = Moments()
    return [(moment.is_entry, moment.record) for batch in batches for moment in moments.of(batch)]


def test_a_call_has_an_entry_and_a_return():
    fork = call(1, "fork")
    assert told([fork]) == [(True, fork), (False, fork)]


def test_calls_of_two_tasks_meet_in_time():
    """A backend reports a call when it is over."""
    long, short = call(1, "fork", tid=10, took=10), call(2, "fork", tid=11)
    assert told([short, long]) == [(True, long), (True, short), (False, short), (False, long)]


def test_a_call_that_is_open_at_a_batchs_end_is_told_once():
    open_, over = entered(1, "fork"), call(1, "fork", took=9)
    assert told([open_], [open_, signalled(5, 17)], [over]) == [
        (True, open_),
        (False, signalled(5, 17)),
        (False, over),
    ]


def test_the_same_task_may_make_the_same_call_again():
    first, second = call(1, "fork"), call(2, "fork")
    assert [record for _, record in told([entered(1, "fork")], [first, entered(2, "fork")], [second])] == [
        entered(1, "fork"),
        first,
        entered(2, "fork"),
        second,
    ]


def test_an_identity_that_was_read_before_its_start_is_told_behind_it():
    born, who = start(2, 20, 10), identity(1.9, 20, why="start")
    other = signalled(1.95, 17)
    assert told([other, born, who]) == [(False, other), (False, born), (False, who)]


def test_a_call_that_ended_before_it_began_ends_with_its_entry():
    odd = call(5, "fork", took=-3)
    assert told([ended(6, 11), odd]) == [(True, odd), (False, odd), (False, ended(6, 11))]


def test_a_call_that_is_reported_twice_is_told_once():
    again = call(1, "fork")
    assert told([again, again]) == [(True, again), (False, again)]


@given(strategies.CAPTURES)
def test_every_return_has_its_entry_and_time_goes_on(capture):
    open_, moments, last = set(), Moments(), 0
    for batch in capture.batches(cut=True):
        for time_ns, is_entry, record in moments.of(batch):
            assert time_ns >= last or time_ns < ms(0)
            last = max(last, time_ns)
            if isinstance(record, (Syscall, Entered)):
                key = record.tid, record.time_ns
                if is_entry:
                    assert key not in open_
                    open_.add(key)
                else:
                    open_.remove(key)


def test_an_identity_that_a_call_changed_is_told_at_its_own_time_also_right_behind_an_exec():
    executed, changed = scene.executed(1, b"/bin/x"), scene.identity(2, why="unshare")
    [_, alone] = Moments().of([executed, changed])
    split = Moments()
    split.of([executed])
    assert split.of([changed]) == [alone]
    assert alone.time_ns == changed.time_ns
    [_, taken] = Moments().of([executed, scene.identity(2, why="exec")])
    assert taken.time_ns == executed.time_ns
