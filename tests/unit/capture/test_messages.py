"""Two processes understand each other, however the pipe cuts their messages."""

import os

from hypothesis import given
from hypothesis import strategies as st

from contrace.capture.messages import Began, Event, Frames, HangUp, Kill, Leave, Order, Pass, Progress, Stop, frame

PLAIN = (Stop(), Leave(), HangUp(), Kill())
ORDERS = st.lists(st.one_of(st.sampled_from(PLAIN), st.builds(Pass, st.integers(1, 64))), max_size=20)


@given(ORDERS, st.integers(1, 9))
def test_messages_arrive_whole_and_in_order(orders: list[Order], size: int) -> None:
    read, write = os.pipe()
    try:
        frames = Frames(read)
        data = b"".join(map(frame, orders))
        got = []
        for start in range(0, len(data), size):
            os.write(write, data[start : start + size])
            got += frames.read(Order)
        assert got == orders
        assert not frames.closed
        os.close(write)
        assert frames.read(Order) == []
        assert frames.closed
    finally:
        os.close(read)


def test_what_is_not_read_yet_comes_first() -> None:
    read, write = os.pipe()
    frames = Frames(read)
    os.write(write, frame(Began("how")) + frame(Progress()))
    began, *rest = frames.read(Event)
    frames.unread(rest)
    assert began == Began("how")
    assert frames.read(Event) == [Progress()]
    os.close(read)
    os.close(write)
