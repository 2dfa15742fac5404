"""The picture of a shell under ``contrace run --tui``, made with a real shell and a real recorder.

Its pids and times are others each time, so nobody can compare its text with that of an older one: it is made anew by
whoever makes all pictures, and ``SHOWS`` is what each of them has to show.
"""

import asyncio
import os
from contextlib import closing
from pathlib import Path

from contrace.capture.recorder import Request
from contrace.capture.recording import start
from contrace.cli import options
from contrace.cli.signals import Signals
from contrace.cli.tui import LiveCapture, Terminal
from contrace.tui.feed import Feed
from contrace.tui.live import LiveApp
from tests.tui.session import Session

NAME = "shell"
SHOWS = ("FOLLOWING  RECORDING", 'sethostname("inside", 6) = 0', "bash --norc · F6 or Ctrl+] leaves", "\ninside")
"""Texts in it; a newline stands for the border of a pane."""

_COMMAND = ("bash", "--norc")
_LINE = 'unshare -ru sh -c "hostname inside; hostname"'
_ENVIRONMENT = {"PS1": "$ ", "PROMPT_COMMAND": "", "HISTFILE": ""}
_SIZE = (120, 40)


def drawn() -> str:
    """The picture, as SVG. Works in the working directory, and leaves a trace file there."""
    request = Request(
        verb="run",
        command=_COMMAND,
        scope="all",
        calls=options.calls("%birth"),
        backend="ptrace",
        output=Path("shell.ctrace"),
    )
    terminal = Terminal()
    os.environ.update(_ENVIRONMENT)
    with Signals() as signals, closing(start(request, signals.before, (terminal.master, terminal.slave))) as recording:
        terminal.hand_over()
        signals.listen()
        capture = LiveCapture(request, recording, signals, terminal)
        try:
            return _browsed(LiveApp(Feed(recording.path), (), capture))
        finally:
            capture.finish()


def _browsed(app: LiveApp) -> str:
    async def run() -> str:
        async with app.run_test(size=_SIZE, notifications=True) as pilot:
            user = Session(pilot, app)
            app.animation_level = "none"
            await user.sees("RECORDING", "$ ")
            await user.type(_LINE)
            await user.press("enter")
            await user.sees("exited with 0", 'sethostname("inside", 6) = 0', "┃inside")
            app.clear_notifications()
            await user.until(lambda: not app._notifications)
            return app.export_screenshot(title="contrace", simplify=True)

    try:
        return asyncio.run(run())
    finally:
        app.close()
