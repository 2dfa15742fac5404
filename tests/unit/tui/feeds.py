"""A feed over a trace file of some records, and what a selection of its rows holds."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from contrace.records import Record
from contrace.trace.writer import TraceWriter
from contrace.tui.feed import Choice, Feed, Row, Selection
from tests.unit import scene

BIRTH = [
    scene.start(1, 10, 0, how="run"),
    scene.identity(1.1, 10, why="run"),
    scene.execve(2, b"/bin/sh", b"sh", b"-c", b"true", comm=b"contrace"),
    scene.executed(2.6, b"/bin/sh"),
    scene.start(3.1, 11, 10, how="clone", nspids=(11, 1)),
    scene.call(3, "clone", 0x20000011, 0, 0, 0, 0, returns=11),
    scene.identity(3.2, 11, why="start"),
    scene.call(5, "unshare", scene.CLONE_NEWUTS, tid=11),
    scene.identity(5.6, 11, namespaces={"mnt": 1, "uts": 99}),
    scene.call(7, "chroot", tid=11, returns=-2, took=3),
    scene.loss(11),
    scene.ended(12, 11),
    scene.signalled(13, 17),
    scene.call(14, "prctl", 15, tid=10, returns=-22),
    scene.note(15, "warning", "something is odd"),
    scene.note(16, "detach", "let go"),
]


def write(path: Path, *batches: Sequence[Record]) -> Path:
    writer = TraceWriter(path, scene.META)
    for batch in batches:
        writer.write(batch)
    writer.finish({"reason": "over"})
    return path


@contextmanager
def opened(path: Path) -> Iterator[Feed]:
    with closing(Feed(path)) as feed:
        take_all(feed)
        yield feed


def take_all(feed: Feed) -> None:
    while feed.take_in():
        pass


def filled(feed: Feed, choice: Choice) -> Selection:
    selection = feed.select(choice)
    while feed.scan(selection):
        pass
    assert selection.complete
    return selection


def shown(feed: Feed, choice: Choice | None = None) -> list[Row]:
    selection = filled(feed, choice or Choice())
    return feed.rows(selection, 0, selection.count)
