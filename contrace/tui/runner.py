"""Runs the long work of a screen in a thread, one piece at a time: a new one takes the place of the one before.

The thread only posts messages. Whoever owns the runner hands the three of them on to it, and is then called with what
came out; what a piece that was given up has still to say is not listened to.
"""

import time
from collections.abc import Callable, Generator, Iterator
from typing import Any

from textual.screen import Screen
from textual.worker import Worker, get_current_worker

from contrace.errors import ContraceError
from contrace.tui.messages import Failed, Finished, Progressed

_FRAME_S = 0.05  # between two messages about how far it is

Steps = Iterator[float | int]
"""How far it is, as floats 0..1; the result, as an int, at last."""


class Runner:
    """The long work of one screen."""

    def __init__(self, screen: Screen[Any]) -> None:
        self._screen = screen
        self._job = 0
        self._worker: Worker[None] | None = None
        self._done: Callable[[int | None], None] | None = None
        self.what = ""
        """What is being done; "": nothing."""
        self.progress = 0.0

    def start(self, what: str, steps: Steps, done: Callable[[int | None], None]) -> None:
        """Begin. ``done`` is called with the result, None if there is none."""
        self.cancel()
        self._job += 1
        self.what, self.progress, self._done = what, 0.0, done
        job = self._job
        self._worker = self._screen.run_worker(
            lambda: self._run(job, steps), thread=True, group="long work", exit_on_error=True
        )

    def cancel(self) -> bool:
        """Give up what is being done; whether there was something."""
        was = bool(self.what)
        if self._worker is not None:
            self._worker.cancel()
        self._worker, self.what, self._done = None, "", None
        return was

    def handle(self, message: Progressed | Finished | Failed) -> None:
        """What the thread says."""
        if message.job != self._job or not self.what:
            return
        if isinstance(message, Progressed):
            self.progress = message.done
            return
        done, self.what, self._worker, self._done = self._done, "", None, None
        if isinstance(message, Finished) and done is not None:
            done(message.result)

    def _run(self, job: int, steps: Steps) -> None:
        worker, post = get_current_worker(), self._screen.post_message
        result: int | None = None
        told_s = time.monotonic()
        try:
            for each in steps:
                if worker.is_cancelled:
                    return
                if isinstance(each, int):
                    result = each
                elif time.monotonic() - told_s >= _FRAME_S:
                    told_s = time.monotonic()
                    post(Progressed(job, each))
        except ContraceError as error:
            post(Failed(str(error), job))
        else:
            post(Finished(job, result))
        finally:
            if isinstance(steps, Generator):
                steps.close()  # here, so that what it cleans up is cleaned up before the thread ends
