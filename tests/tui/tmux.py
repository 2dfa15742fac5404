"""A command in a terminal of tmux's, as a user sits before it: keys go in, the screen comes out as text."""

import os
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.managers.fixtures import need
from tests.managers.host import is_alive, wait_until

_OUTER = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "COLORTERM", "TMUX")
"""Of the terminal of the tests."""
_MARK = "CONTRACE_SCREEN"
"""In the environment of what runs in a window: which."""
ENDED = "it has ended with status"


class Screen:
    """One window."""

    def __init__(self, socket: Path) -> None:
        self._tmux = ("tmux", "-S", str(socket), "-f", "/dev/null")

    def __call__(self, *words: str) -> str:
        kept = {name: value for name, value in os.environ.items() if name not in _OUTER}
        done = subprocess.run([*self._tmux, *words], env=kept, capture_output=True, text=True, check=True, timeout=20)
        return done.stdout

    @property
    def text(self) -> str:
        """What is to be seen."""
        return self("capture-pane", "-p")

    @property
    def raw(self) -> str:
        """The same with the escape sequences that it takes."""
        return self("capture-pane", "-p", "-e")

    def awaits(self, *texts: str, seconds: float = 30.0) -> str:
        """Wait until all of this is on the screen; returns it."""
        seen = ""

        def there() -> bool:
            nonlocal seen
            seen = self.text
            return all(text in seen for text in texts)

        try:
            wait_until(there, f"{texts} on the screen", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}:\n{seen}") from None
        return seen

    def type(self, text: str) -> None:
        """Letters, as they are."""
        self("send-keys", "-l", text)

    def press(self, *keys: str) -> None:
        """Keys by tmux's names: Enter, C-c, F6."""
        self("send-keys", *keys)

    def resize(self, columns: int, lines: int) -> None:
        self("resize-window", "-x", str(columns), "-y", str(lines))

    def ended(self) -> int:
        """Wait for the end of the command; its exit status as a shell gives it."""
        text = self.awaits(ENDED)
        return int(text.split(ENDED, 1)[1].split()[0])


@contextmanager
def screen(
    *command: str | Path,
    folder: Path,
    size: tuple[int, int] = (140, 44),
    environment: Mapping[str, str] | None = None,
) -> Iterator[Screen]:
    """The command in a window of (columns, lines), in that directory; afterwards both are gone."""
    need("tmux")
    found = Screen(folder / "tmux.socket")
    line = f"{shlex.join(map(str, command))}; status=$?; echo; echo {shlex.quote(ENDED)} $status; exec cat"
    marked = {_MARK: str(folder), **(environment or {})}
    settings = [word for name, value in marked.items() for word in ("-e", f"{name}={value}")]
    columns, lines = map(str, size)
    found("new-session", "-d", "-x", columns, "-y", lines, "-c", str(folder), *settings, line)
    try:
        yield found
    finally:
        found("kill-server")
        wait_until(lambda: not _in_window(folder), f"what ran in the window ends: {_in_window(folder)}")


def _in_window(folder: Path) -> list[int]:
    mark, found = f"{_MARK}={folder}".encode(), []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            if mark in Path(f"/proc/{entry}/environ").read_bytes().split(b"\0") and is_alive(int(entry)):
                found.append(int(entry))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found
