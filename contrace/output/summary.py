"""The closing summary of a capture: how much was seen, how much was not, for how long, and where it is kept.

It is asked from the trace file's integer columns: one pass over them, however large the trace is.
"""

from dataclasses import dataclass

from contrace.records import Kind, Loss
from contrace.trace.reader import TraceReader

_NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of a trace."""

    calls: int
    """That are over, whether they returned or not."""
    errors: int
    """Calls that returned an error."""
    processes: int
    """That were watched, those found at attach included."""
    threads: int
    """Besides the first thread of each process."""
    lost: int
    """Records that could not be delivered or written, as far as they were counted."""
    uncounted: bool
    """More was lost, and it is not known how much."""
    seconds: float
    """From the beginning of the capture to its end, or to the last record if it has none."""
    complete: bool
    """The recorder said that it ended."""
    growing: bool
    """The recorder still writes."""

    def text(self, path: str | None) -> str:
        """One line of plain text; ``path``: where the trace is, harmless to a terminal, or None for nowhere."""
        whose = counted(self.processes, "process", "processes")
        if self.threads:
            whose += f" and {counted(self.threads, 'more thread')}"
        calls = f"{counted(self.calls, 'call')} ({self.errors:,} failed)"
        parts = [f"{calls} of {whose} in {_time(self.seconds)}, {self._lost()}"]
        if self.growing and not self.complete:
            parts.append("it is still being recorded")
        elif not self.complete:
            parts.append(
                "it has no end: the recorder was killed or could not write, and the last moments may be missing"
            )
        if path is not None:
            parts.append(f"trace: {path}")
        return "; ".join(parts)

    def _lost(self) -> str:
        if self.lost or self.uncounted:
            least = "at least " if self.lost and self.uncounted else ""
            return f"LOST {least}{counted(self.lost, 'record') if self.lost else 'an unknown number of records'}"
        return "nothing lost"


def summarise(reader: TraceReader) -> Summary:
    """The figures of a trace, at this moment if it still grows. Raises TraceFileError."""
    growing = reader.writer_alive()  # asked first: what ends meanwhile is then seen as complete
    end = reader.ended
    totals = reader.totals()
    losses = [record.count for _, record in reader.records(kinds=(Kind.LOSS,)) if isinstance(record, Loss)]
    started_ns = reader.meta.started_monotonic_ns
    until_ns = end.ended_monotonic_ns if end is not None else max(totals.last_ns, started_ns)
    return Summary(
        calls=totals.calls,
        errors=totals.errors,
        processes=totals.processes,
        threads=totals.threads,
        # What could not be written is known to the end only, what the kernel dropped also to the records.
        lost=max(sum(losses), end.lost if end is not None else 0),
        uncounted=0 in losses,
        seconds=(until_ns - started_ns) / _NS_PER_S,
        complete=end is not None,
        growing=growing,
    )


def counted(number: int, one: str, more: str = "") -> str:
    """``1 call``, ``1,234 calls``."""
    return f"{number:,} {one if number == 1 else more or one + 's'}"


def _time(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} h" if hours else f"{minutes}:{rest:02} min"
