"""contrace with ``--tui`` in a terminal of tmux's, and which of the host's processes it is."""

import os
from pathlib import Path

from tests.harness import CONTRACE
from tests.tui.tmux import Screen, screen

RECORDING = "RECORDING"
ROOT = Path(__file__).parent.parent.parent


def contrace_in(folder: Path, *words: str | Path, **more):
    settings = {
        "PYTHONPATH": str(ROOT),
        "XDG_STATE_HOME": str(folder / "state"),
        "TMPDIR": str(folder),  # a killed contrace leaves its index there
        **more.pop("environment", {}),
    }
    return screen(*CONTRACE, *words, folder=folder, environment=settings, **more)


def leave_the_pane_and_quit(user: Screen) -> None:
    """From the terminal pane of ``run --tui`` to the question what to do about the capture."""
    user.press("F6")
    user.awaits("━ calls")
    user.press("q")
    user.awaits("The capture goes on")


def command_line(folder: Path) -> int:
    """The contrace that writes into this folder: pid of the command line's process."""
    trace = str(folder / "t.ctrace").encode()
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                words = Path(f"/proc/{entry.name}/cmdline").read_bytes().split(b"\0")
                parent = Path(f"/proc/{entry.name}/stat").read_bytes().rsplit(b")", 1)[1].split()[1]
            except (FileNotFoundError, ProcessLookupError):
                continue
            if trace in words and b"contrace" in words:
                found.append((int(entry.name), int(parent)))
    pids = {pid for pid, _ in found}
    [first] = [pid for pid, parent in found if parent not in pids]
    return first
