"""A tiny app around one screen, and a feed that answers from all records of a trace: what the screens need, no more."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from textual.app import App

from contrace.decode.call import decode
from contrace.decode.notation import Notation
from contrace.errors import TraceFileError
from contrace.output.describe import describe
from contrace.records import Entered, Exec, Identity, Record, Syscall
from contrace.story.processes import Processes
from contrace.story.tree import ProcessTree
from contrace.story.world import World
from contrace.trace.reader import TraceReader
from contrace.trace.writer import TraceWriter
from contrace.tui.choice import Row, Statistics
from tests.unit.scene import META

DEADLINE_S = 10.0


def write_trace(path: Path, *records: Record, meta=META, end: dict[str, object] | None = None) -> Path:
    """A trace file of these records, complete if ``end`` says how the capture ended."""
    writer = TraceWriter(path, meta)
    writer.write(list(records))
    writer.place()
    writer.finish(end or {"reason": "the command ended", "records": len(records), "lost": 0})
    return path


class PlainFeed:
    """Answers as ``Feed`` does, from everything at once."""

    def __init__(self, path: Path) -> None:
        reader = TraceReader(path)
        self.path, self.meta = path, reader.meta
        self.records = dict(reader.records())
        reader.close()
        self.known = self.total = max(self.records, default=0)
        self.tree = ProcessTree()
        for id, record in self.records.items():
            self.tree.feed(id, record)
        self.statistics_answer = Statistics(0, 0, 0, 0, 0, False, 0, (), ())
        self.refusal = ""

    def recording(self) -> bool:
        return False

    def _before(self, id: int) -> Processes:
        processes = Processes()
        for each, record in self.records.items():
            if each < id:
                processes.apply(record)
        return processes

    def before(self, tid, id):
        task = self._before(id).tasks.get(tid)
        return task.identity if task else None

    def after(self, tid, id):
        later = (r for each, r in self.records.items() if each > id and r.tid == tid)
        found = next(later, None)
        return found if isinstance(found, Identity) else None

    def row(self, id: int) -> Row:
        record = self.records[id]
        processes = self._before(id)
        task = processes.of(record)
        call = decode(record, Notation()) if isinstance(record, Syscall | Entered) else None
        text = f"{call.head}{call.tail} = {call.result}" if call else describe(record, Notation())
        return Row(-1, id, record, task, call, text, None)

    def world(self, id: int) -> World:
        if self.refusal:
            raise TraceFileError(self.refusal)
        return World(host_name=self.meta.host).after((each, r) for each, r in self.records.items() if each <= id)

    def statistics(self, choice) -> Statistics:
        if self.refusal:
            raise TraceFileError(self.refusal)
        return self.statistics_answer


class TinyApp(App[None]):
    """One screen."""

    def __init__(self, screen, feed=None, selected_id: int | None = None) -> None:
        super().__init__()
        self.only, self.feed, self.selected_id = screen, feed, selected_id
        self.asked: list[object] = []

    def on_mount(self) -> None:
        self.push_screen(self.only)

    def on_open_trace(self, message) -> None:
        self.asked.append(message.path)

    def on_run_demo(self, message) -> None:
        self.asked.append("demo")


def screen_text(app: App) -> str:
    """What is on the screen, line by line."""
    return "\n".join(strip.text.rstrip() for strip in app.screen._compositor.render_strips())


async def wait_for(pilot, holds: Callable[[str], object]) -> str:
    """Until the text of the screen is as wanted and stays so; fails with the screen at the deadline."""
    loop = asyncio.get_running_loop()
    until = loop.time() + DEADLINE_S
    while True:
        text = screen_text(pilot.app)
        await pilot.pause(0.02)
        if holds(text) and screen_text(pilot.app) == text:
            return text
        assert loop.time() < until, text


def last_exec(feed: PlainFeed, comm: bytes) -> int:
    """Id of the last execve that made a process of that name."""
    return max(id for id, record in feed.records.items() if isinstance(record, Exec) and record.comm == comm)
