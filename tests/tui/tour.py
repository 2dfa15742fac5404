"""Makes the pictures of docs/tour.md and its table of keys anew: ``python -m tests.tui.tour``.

Each is what the app draws after the keys that the tour tells, over a recorded trace; nothing is painted by hand.
``test_tour.py`` makes them, too, and compares the text in them with that of the committed ones. So a picture must not
depend on who makes it: traces lie in a scratch directory with relative names, dates are fixed, time zone is UTC.
"""

import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from contrace.tui import keys
from contrace.tui.screens.traces import TracesScreen
from tests.tui import tour_live
from tests.tui.session import Session, session

ROOT = Path(__file__).parent.parent.parent
TRACES = ROOT / "tests/fixtures/traces"
PICTURES = ROOT / "docs/tour"
PAGE = ROOT / "docs/tour.md"

_CHANGED_S = 1_767_225_600  # 2026-01-01 00:00 UTC
_CELL = 12.2  # width of a cell in the SVG files that rich writes (rich.console.Console.export_svg)

Steps = Callable[[Session], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Picture:
    """A screen, and how to get there."""

    trace: str
    """Its name in ``TRACES``."""
    steps: Steps
    size: tuple[int, int]


ALL: dict[str, Picture] = {}
"""Every picture of a recorded trace, by the name of its file without the suffix."""


def picture(trace: str, size: tuple[int, int] = (120, 36)) -> Callable[[Steps], Steps]:
    """The function's steps lead to a picture of the same name."""

    def register(steps: Steps) -> Steps:
        ALL[steps.__name__] = Picture(trace, steps, size)
        return steps

    return register


# --- the pictures -------------------------------------------------------------------------------------------


async def _to_unshare(user: Session) -> None:
    await user.press("right_square_bracket")
    await user.at("unshare(")
    await user.until(lambda: "Namespaces, before → after" in user.details.text)


@picture("docker-run")
async def timeline(user: Session) -> None:
    """The first screen, at the unshare."""
    await _to_unshare(user)


@picture("docker-run", size=(80, 24))
async def small(user: Session) -> None:
    """The same in a small terminal."""
    await _to_unshare(user)


@picture("docker-run")
async def child(user: Session) -> None:
    """The container's first process, with its pids on both sides."""
    await _to_unshare(user)
    await user.press("j")
    await user.at("clone(")
    await user.press("c")
    await user.at("pid 1 inside")
    await user.until(lambda: "on the host, 1 inside" in user.details.text)


@picture("docker-run")
async def narrowed(user: Session) -> None:
    """Only one branch of the process tree."""
    await _to_unshare(user)
    await user.press("shift+tab")
    await user.until(lambda: user.tree.has_focus)
    await user.press("up", "up", "enter")
    await user.sees("only: runc[")
    await user.at("unshare(")


@picture("docker-run")
async def wrong(user: Session) -> None:
    """A filter with a mistake in it."""
    await user.press("f")
    await user.type("call:mount,umount2 took:>5parsecs")
    await user.press("enter")
    await user.sees("^")


@picture("docker-run")
async def failed(user: Session) -> None:
    """Calls that failed, and why this one did."""
    await user.press("f")
    await user.type("failed -call:prctl")
    await user.press("enter")
    await user.sees("filter: failed -call:prctl")
    await user.press("g", "j")
    await user.until(lambda: user.calls.cursor == 1 and "-1" in user.details.text)


@picture("docker-run")
async def copy(user: Session) -> None:
    """What can be copied of an execve."""
    await user.press("slash")
    await user.type("call:execve comm:containerd-shim")
    await user.press("enter")
    await user.at("execve(")
    await user.press("y")
    await user.sees("Copy what?")


@picture("docker-run")
async def processes(user: Session) -> None:
    """Who existed when the container's command had begun, as the host and as the container sees it."""
    await user.press("slash")
    await user.type("call:execve /bin/sh")
    await user.press("enter")
    await user.at('execve("/bin/sh"')
    await user.press("2")
    await user.sees("inside runc:[2:INIT]", "hostname")
    await user.press("greater_than_sign")
    await user.sees("inside sh", "hostname")


@picture("docker-run")
async def summary(user: Session) -> None:
    """Counts, and how the trace was taken."""
    await user.press("3")
    await user.sees("nothing lost", "records")


@picture("docker-run", size=(120, 12))
async def traces(user: Session) -> None:
    """The traces that there are."""
    await user.app.remove_mode("traces")
    user.app.add_mode("traces", lambda: TracesScreen((Path("traces"),)))
    await user.press("4")
    await user.sees("2 traces in traces", "unshare --user")


@picture("unshare")
async def help(user: Session) -> None:
    """The keys."""
    await user.press("question_mark")
    await user.sees("contrace: keys")


# --- making them --------------------------------------------------------------------------------------------


def make(each: str, where: Path) -> Path:
    """Make one picture in a directory; the file."""
    to = where.resolve() / f"{each}.svg"
    with _scratch():
        drawn = tour_live.drawn() if each == tour_live.NAME else _drawn(ALL[each])
    to.write_text("".join(f"{line.rstrip()}\n" for line in drawn.splitlines()))
    return to


def _drawn(wanted: Picture) -> str:
    drawn = []

    async def steps(user: Session) -> None:
        user.app.animation_level = "none"
        await wanted.steps(user)
        user.app.clear_notifications()
        await user.until(lambda: not user.app._notifications)
        drawn.append(user.app.export_screenshot(title="contrace", simplify=True))

    session(Path("traces") / f"{wanted.trace}.ctrace", steps, size=wanted.size)
    return drawn[0]


@contextmanager
def _scratch() -> Iterator[None]:
    """A directory and surroundings that are the same for whoever makes the pictures, with copies of all traces: SQLite
    puts files beside the one that it reads."""
    kept = dict(os.environ)
    with tempfile.TemporaryDirectory() as scratch, chdir(scratch):
        os.environ.update(TZ="UTC", XDG_STATE_HOME=scratch)
        time.tzset()
        try:
            Path("traces").mkdir()
            for age, path in enumerate(sorted(TRACES.glob("*.ctrace"))):
                copied = shutil.copy(path, "traces")
                changed_s = _CHANGED_S - 3600 * age
                os.utime(copied, (changed_s, changed_s))
            yield
        finally:
            os.environ.clear()
            os.environ.update(kept)
            time.tzset()


def text_of(path: Path) -> str:
    """The text that an SVG picture of a terminal shows, line by line."""
    lines: dict[float, dict[int, str]] = {}
    for group in ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}g"):
        if group.get("class", "").endswith("-matrix"):
            for part in group.iter("{http://www.w3.org/2000/svg}text"):
                at = round(float(part.get("x", "0")) / _CELL)
                lines.setdefault(float(part.get("y", "0")), {})[at] = part.text or ""
    return "\n".join(_line(lines[y]) for y in sorted(lines))


def _line(parts: dict[int, str]) -> str:
    line = ""
    for at in sorted(parts):
        line = line.ljust(at) + parts[at].replace("\xa0", " ")
    return line.rstrip()


# --- the table of keys ----------------------------------------------------------------------------------------

_HEAD = "| where | keys | what they do |\n| --- | --- | --- |\n"


def with_keys(page: str) -> str:
    """The page with the table of ``keys.KEYS`` in the place of the one in it."""
    rows = "".join(
        f"| {key.where.value} | {' '.join(f'`{each}`' for each in key.display.split())} | {key.sentence} |\n"
        for where in keys.Where
        for key in keys.of(where)
    )
    before, head, behind = page.partition(_HEAD)
    assert head, "the page has no table of keys"
    rest = re.sub(r"^(?:\|.*\n)*", "", behind)
    return f"{before}{head}{rows}{rest}"


def main() -> None:
    """All pictures, or those that are named; and the table."""
    PICTURES.mkdir(exist_ok=True)
    PAGE.write_text(with_keys(PAGE.read_text()))
    for each in sys.argv[1:] or (*ALL, tour_live.NAME):
        print(make(each, PICTURES).relative_to(ROOT))


if __name__ == "__main__":
    main()
