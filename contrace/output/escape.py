"""Makes text that comes from traced processes, or from a file of unknown origin, harmless to a terminal.

Bytes go through strace's quoting (``decode.strings``), which leaves printable ASCII only; calls are decoded with it
already. Text that is no longer bytes, such as a note, goes through `printable`.
"""

from contrace.decode import strings


def name(data: bytes) -> str:
    """A process name or path as printable ASCII, without quotes."""
    return strings.escape(data)


def printable(text: str) -> str:
    """``text`` with everything escaped that a terminal might act on or show out of place: controls, escape sequences,
    bidirectional and zero-width marks, line separators, lone surrogates."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in text)


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape", "surrogatepass").decode("ascii")
