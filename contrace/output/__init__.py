"""Views that write text: one format per file, all in ``FORMATS``.

A format is made with the stream to write to, the facts about the capture, the notation and the filter; it is fed with
complete batches (``TraceReader.batches``) and told when there are no more. What it writes for a trace does not depend
on how the batches are grouped. Formats are imported when they are first used, so that the command starts fast.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, TextIO

from contrace.errors import UsageError

if TYPE_CHECKING:
    from contrace.decode.notation import Notation
    from contrace.filters import Filter
    from contrace.records import Record
    from contrace.trace.schema import Meta


class Output(Protocol):
    """What every format offers."""

    def __init__(self, stream: TextIO, meta: "Meta", notation: "Notation", chosen: "Filter") -> None: ...

    def feed(self, batch: "Sequence[Record]") -> None:
        """Write what the records of one or more complete batches add. Raises OSError of the stream."""

    def finish(self) -> None:
        """Write what waited for more."""


FORMATS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "timeline": ("contrace.output.timeline", "Timeline"),
        "explained": ("contrace.output.explained", "Explained"),
        "strace": ("contrace.output.strace", "Strace"),
        "jsonl": ("contrace.output.jsonl", "JsonLines"),
        "normalised": ("contrace.output.normalised", "Normalised"),
        "none": ("contrace.output.nothing", "Nothing"),
    }
)
"""Name on the command line -> (module, class)."""


def make(name: str, stream: TextIO, meta: "Meta", notation: "Notation", chosen: "Filter") -> Output:
    """The format called ``name``, writing to ``stream``. Raises UsageError."""
    if name not in FORMATS:
        raise UsageError(f"there is no format {name}; there are {', '.join(FORMATS)}")
    module, cls = FORMATS[name]
    output: type[Output] = getattr(import_module(module), cls)
    return output(stream, meta, notation, chosen)
