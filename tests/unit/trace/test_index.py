"""The index answers as the records themselves would: filters, order and figures; a filter of SQL is the same filter."""

from collections.abc import Sequence
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contrace import filters
from contrace.decode.call import decode
from contrace.decode.notation import Notation
from contrace.errors import TraceFileError
from contrace.output.lines import facts
from contrace.records import Entered, Record, Syscall
from contrace.story.processes import Task
from contrace.trace.index import Index
from contrace.trace.order import Order
from contrace.trace.reader import TraceReader
from contrace.trace.writer import TraceWriter
from contrace.tui.intake import Intake
from contrace.tui.turns import Turns
from tests.unit import scene, strategies

_CALLS = st.one_of(
    st.builds(
        scene.call,
        at=st.integers(1, 50),
        name=st.sampled_from(["unshare", "fork", "prctl", "mount"]),
        tid=st.integers(1, 4),
        pid=st.integers(1, 4),
        took=st.sampled_from([0.0, 0.0001, 1, 5, 7]),
        returns=st.sampled_from([None, 0, 7, -1, -2, -13, -58, -512, -530, -5000]),
        comm=st.sampled_from([b"sh", b"runc", b"runc:[1:CHILD]", b"\x1b[31m"]),
    ),
    st.builds(scene.entered, at=st.integers(51, 99), name=st.sampled_from(["fork", "setns"]), tid=st.integers(5, 9)),
    strategies.RECORDS[Syscall],
)
_WORDS = st.lists(
    st.tuples(
        st.sampled_from(["", "-", "!"]),
        st.sampled_from(
            [
                *(
                    "call:fork",
                    "call:un*,prctl",
                    "call:%birth",
                    "call:syscall_0x1ff",
                    "pid:1,3",
                    "pid:99999999999999999999",
                ),
                *(
                    "comm:runc*",
                    "comm:sh",
                    "comm:*31m",
                    "failed",
                    "errno:EPERM",
                    "errno:ENOENT,EACCES",
                    "errno:ERESTARTSYS",
                ),
                *("took:>5ms", "took:>=5ms", "took:<=100ns", "took:<0.5µs", "took:<1s", "took:>9999999999s"),
            ]
        ),
    ).map("".join),
    max_size=3,
)


def told(path, records: Sequence[Record]) -> Intake:
    """What an intake knows of a trace that holds these records."""
    path.unlink(missing_ok=True)
    writer = TraceWriter(path, scene.META)
    writer.write(records)
    writer.finish({"reason": "over"})
    intake = Intake(TraceReader(path), Turns())
    while intake.step():
        pass
    return intake


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=st.lists(_CALLS, min_size=1, max_size=12, unique_by=lambda r: (r.tid, r.time_ns)), words=_WORDS)
def test_a_filter_asked_of_the_columns_is_the_filter_asked_of_the_records(tmp_path, records, words):
    chosen = filters.parse(words)
    intake = told(tmp_path / "a.ctrace", records)
    try:
        found = {id for _, id in intake.index.matching(intake.index.condition(chosen.terms), 0, len(records))}
    finally:
        intake.close()
    assert found == {id for id, record in enumerate(records, 1) if chosen.matches(_facts(record))}


def _facts(record: Syscall | Entered) -> filters.Facts:
    return facts(record, Task(record.tid, record.pid, record.comm), decode(record, Notation()))


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 10**9)), max_size=90), max_size=6),
    st.integers(0, 50),
)
def test_rows_stand_by_time_whenever_they_come(pieces, first):
    order, expected = Order(), []
    for piece in pieces:
        order.add(piece)
        expected = sorted(expected + sorted(piece, key=lambda row: row[0]), key=lambda row: row[0])
    assert order.stamped(0, len(order)) == expected
    assert order.ids(first, 5) == [id for _, id in expected[first : first + 5]]
    for time_ns, id in expected[:20]:
        assert order.stamped(order.position(time_ns, id), 1) == [(time_ns, id)]
    order.remove(expected[::2])
    assert len(order) == len(expected) - len(expected[::2])


def test_a_row_that_is_not_there_has_the_next_one_as_its_place():
    order = Order()
    order.add([(10, 1), (30, 3)])
    assert order.position(20, 2) == 1
    assert order.position(40, 4) is None
    assert not order.holds(30, 2)


def test_without_room_for_it_the_message_says_what_to_do(monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", "/nowhere/at/all")
    with pytest.raises(TraceFileError, match="set TMPDIR"):
        Index()


def test_words_about_the_text_are_left_to_whoever_can_decode():
    with closing(Index()) as index:
        condition = index.condition(filters.parse(["failed", "-overlay"]).terms)
    assert [(term.negated, term.value) for term in condition.rest] == [(True, "overlay")]
