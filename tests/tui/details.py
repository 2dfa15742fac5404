"""What the details say of a row, as plain text: no pane is needed to read it."""

from contrace.tui.details import sections
from contrace.tui.widgets.details import wrapped
from tests.tui.pane import row_with


def told(feed, start_of_text, width=200):
    """All that is said about the row whose text begins so, in lines that are not wrapped."""
    return shown(feed, row_with(feed, start_of_text), width)


def shown(feed, row, width=200):
    """All that is said about a row."""
    found = wrapped(sections(feed, row), width)
    return "\n".join("".join(part for part, _ in spans).rstrip() for spans in found)


def squeezed(text_of):
    """With single spaces, whatever the columns."""
    return [" ".join(each.split()) for each in text_of.split("\n")]
