"""Who a task is while the trace is told."""

from contrace.story.processes import Processes
from tests.unit.scene import call, ended, executed, identity, signalled, start


def told(*records) -> Processes:
    processes = Processes()
    for record in records:
        processes.apply(record)
    return processes


def depths(processes: Processes) -> dict[int, int]:
    return {tid: task.depth for tid, task in processes.tasks.items()}


def test_children_stand_below_their_parents_and_threads_beside_their_leader():
    processes = told(
        start(0, 10, 1, how="attach"),
        start(1, 20, 10),
        start(2, 21, 20, pid=20, how="clone"),
        start(3, 30, 21, parent_pid=20),
        start(4, 31, 30, pid=30, how="clone"),
    )
    assert depths(processes) == {10: 0, 20: 1, 21: 1, 30: 2, 31: 2}


def test_a_process_found_at_attach_stands_below_a_parent_that_was_found_too():
    assert depths(told(start(0, 10, 1, how="attach"), start(0, 20, 10, how="attach"))) == {10: 0, 20: 1}


def test_a_process_keeps_its_place_when_its_parent_has_ended():
    processes = told(start(0, 10, 1), start(1, 20, 10), ended(2, 10), start(3, 30, 20))
    assert depths(processes) == {20: 1, 30: 2}


def test_a_task_is_called_what_it_is_called_at_that_moment():
    processes = told(start(0, 10, 1, comm=b"sh"), executed(1, b"/usr/bin/runc"))
    assert processes.tasks[10].comm == b"runc"
    processes.apply(call(2, "prctl", 15, comm=b"runc:[2:INIT]"))
    assert processes.tasks[10].comm == b"runc:[2:INIT]"


def test_a_thread_that_executes_takes_the_place_of_its_leader():
    processes = told(
        start(0, 10, 1),
        identity(0, 10),
        start(1, 11, 10, pid=10, how="clone"),
        ended(2, 10, superseded_by=11),
        executed(3, b"/bin/true", tid=10, former=11),
    )
    assert depths(processes) == {10: 0}
    assert processes.tasks[10].comm == b"true"


def test_a_new_process_is_compared_with_who_started_it():
    processes = told(start(0, 10, 1), identity(0, 10), start(1, 20, 10))
    _, before = processes.tell(identity(1, 20, why="start"))
    assert before == identity(0, 10)


def test_what_is_told_later_is_compared_with_what_was_told_last():
    processes = told(start(0, 10, 1), identity(0, 10, capabilities=(0, 7, 7, 7, 0)))
    dropped = identity(1, 10, why="prctl", capabilities=(0, 7, 7, 3, 0))
    processes.apply(dropped)
    assert processes.tasks[10].identity == dropped
    processes.apply(start(2, 20, 10))
    _, before = processes.tell(identity(2, 20, why="start", capabilities=(0, 7, 7, 3, 0)))
    assert before == dropped  # a child has it from its birth
    _, before = processes.tell(identity(3, 10, why="capset", capabilities=(0, 3, 3, 3, 0)))
    assert before == identity(0, 10, capabilities=(0, 7, 7, 7, 0))
    _, before = processes.tell(identity(4, 10, why="exec", capabilities=(0, 3, 3, 3, 0)))
    assert before == identity(3, 10, why="capset", capabilities=(0, 3, 3, 3, 0))


def test_a_process_that_is_found_is_compared_with_nothing():
    processes = told(start(0, 10, 1, how="attach"), identity(0, 10), start(0, 20, 10, how="attach"))
    assert processes.tell(identity(1, 20, why="attach"))[1] is None


def test_a_task_that_was_not_heard_of_is_known_by_its_ids():
    task, before = Processes().tell(signalled(1, 15, tid=77))
    assert (task.tid, task.pid, task.comm, task.depth, before) == (77, 77, b"", 0, None)


def test_an_exit_is_told_of_the_task_that_was():
    processes = told(start(0, 10, 1, comm=b"worker"))
    task, _ = processes.tell(ended(1, 10))
    assert task.comm == b"worker"
    assert processes.tasks == {}


def test_what_has_ended_takes_no_memory():
    processes = Processes()
    for tid in range(100, 1100):
        for record in (start(0, tid, 10), identity(0, tid), ended(1, tid)):
            processes.apply(record)
    assert processes.tasks == {}
