"""What the tests of the feed share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from contrace.tui.feed import Feed
from tests.unit.tui.feeds import BIRTH, opened, write


@pytest.fixture
def feed(tmp_path: Path) -> Iterator[Feed]:
    """Of a small capture in which there is something of everything."""
    with opened(write(tmp_path / "a.ctrace", BIRTH)) as feed:
        yield feed
