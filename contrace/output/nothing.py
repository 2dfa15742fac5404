"""``--format none``: shows nothing."""

from collections.abc import Sequence
from typing import TextIO

from contrace.decode.notation import Notation
from contrace.filters import Filter
from contrace.records import Record
from contrace.trace.schema import Meta


class Nothing:
    """See ``contrace.output.Output``."""

    def __init__(self, stream: TextIO, meta: Meta, notation: Notation, chosen: Filter) -> None:
        """Takes what every format takes."""

    def feed(self, batch: Sequence[Record]) -> None:
        """Nothing to write."""

    def finish(self) -> None:
        """Nothing to write."""
