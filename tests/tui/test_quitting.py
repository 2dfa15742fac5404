"""What `q` asks while a capture goes on, what follows from each answer, and when nothing is asked."""

import asyncio
import os
from pathlib import Path

import pytest

from contrace.tui.feed import Feed
from contrace.tui.live import LiveApp
from tests.tui.session import Session


class Pretended:
    """A capture as the app sees it."""

    headline = "attached to containerd"
    title = ""
    terminal = None

    def __init__(self, *ways: str) -> None:
        self.ways = [(way, f"meaning of {way}") for way in ways]
        self.recording, self.over = True, False
        self.done: list[str] = []
        self.texts: list[str] = []
        self.read, self.write = os.pipe()

    def filenos(self):
        return (self.read,)

    def news(self):
        os.read(self.read, 1)
        texts, self.texts = self.texts, []
        return texts

    def stop(self):
        self.done.append("stop")

    def leave(self):
        self.done.append("leave")

    def tell(self, text: str = "", *, recording: bool = True, over: bool = False) -> None:
        self.recording, self.over = recording, over
        self.texts = [text] if text else []
        os.write(self.write, b"!")


def live(trace: Path, capture: Pretended, steps) -> LiveApp:
    app = LiveApp(Feed(trace), (), capture)

    async def run() -> None:
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            user = Session(pilot, app)
            await user.until(lambda: user.calls.count_lines() > 0)
            await steps(user)

    try:
        asyncio.run(run())
    finally:
        app.close()
    os.close(capture.read)
    os.close(capture.write)
    return app


@pytest.mark.parametrize(("answer", "done"), [("s", ["stop"]), ("l", ["leave"])])
def test_q_asks_what_to_do_about_the_capture(docker_trace, answer, done) -> None:
    capture = Pretended("s", "l")

    async def steps(user: Session) -> None:
        await user.press("q")
        await user.sees("The capture goes on", "meaning of s", "meaning of l", "stay here")
        await user.press(answer)
        await user.until(lambda: not user.app.is_running or capture.done)

    live(docker_trace, capture, steps)
    assert capture.done == done


@pytest.mark.parametrize("key", ["c", "escape"])
def test_the_user_may_stay(docker_trace, key) -> None:
    capture = Pretended("s", "l")

    async def steps(user: Session) -> None:
        await user.press("q")
        await user.sees("The capture goes on")
        await user.press(key)
        await user.sees_no_more("The capture goes on")
        assert user.app.is_running

    live(docker_trace, capture, steps)
    assert capture.done == []


def test_what_cannot_be_left_is_not_offered(docker_trace) -> None:
    async def steps(user: Session) -> None:
        await user.press("q")
        text = await user.sees("The capture goes on", "meaning of s")
        assert "meaning of l" not in text

    live(docker_trace, Pretended("s"), steps)


def test_a_capture_that_has_ended_is_told_and_not_asked_about(docker_trace) -> None:
    capture = Pretended("s", "l")

    async def steps(user: Session) -> None:
        capture.tell("the command [bold]ended\x1b[2J", recording=False)
        await user.told("the command [bold]ended\\x1b[2J")
        await user.press("q")
        await user.until(lambda: not user.app.is_running or user.app._exit)

    live(docker_trace, capture, steps)
    assert capture.done == []


def test_a_signal_ends_the_app(docker_trace) -> None:
    capture = Pretended("s", "l")

    async def steps(user: Session) -> None:
        capture.tell(over=True)
        await user.until(lambda: not user.app.is_running or user.app._exit)

    live(docker_trace, capture, steps)
    assert capture.done == []
