"""Demos for somebody who looks at traces: each runs as ``contrace demo`` beside the view, which shows its trace.

So the view traces nothing itself, and a demo that fails takes nothing with it. One that still runs when the view ends
goes on to its own end, which is a matter of seconds.
"""

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from contrace.cli import options
from contrace.errors import ContraceError
from contrace.output.escape import printable
from contrace.runtime.demos import DEMOS

_MOST = 2000  # characters of what a demo said that are shown


class DemoRuns:
    """See ``contrace.tui.host.Demos``."""

    names: Mapping[str, str] = DEMOS

    def __init__(self) -> None:
        self._running: subprocess.Popen[bytes] | None = None
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the demo may say something

    def start(self, name: str) -> Path:
        """Run one; its trace is going to be in the working directory. Raises ContraceError."""
        path = options.output_path(None)
        assert path is not None
        self._said.seek(0)
        self._said.truncate()
        command = [sys.executable, "-m", "contrace", "demo", name, "--quiet", "-o", str(path)]
        try:
            self._running = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self._said, start_new_session=True
            )
        except OSError as error:
            raise ContraceError(f"cannot start {name}: {error.strerror}") from error
        return path

    def failure(self) -> str | None:
        """What the one that was started last said before it failed; None: it has not."""
        if self._running is None or not self._running.poll():
            return None
        self._said.seek(0)
        said = self._said.read(_MOST).decode("utf-8", "backslashreplace")
        return "\n".join(map(printable, said.splitlines())) or f"the demo ended with {self._running.returncode}"
