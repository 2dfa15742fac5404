"""Quoting of bytes exactly as strace quotes them. Whatever the bytes, the result is printable ASCII."""

_MAX_ARG_STRLEN = 128 * 1024  # include/uapi/linux/binfmts.h, with the NUL

_ESCAPES = {
    ord("\t"): r"\t",
    ord("\n"): r"\n",
    ord("\v"): r"\v",
    ord("\f"): r"\f",
    ord("\r"): r"\r",
    ord('"'): r"\"",
    ord("\\"): r"\\",
}
_DIGITS = frozenset(b"01234567")
_PLAIN = {code: chr(code) for code in range(0x20, 0x7F)} | _ESCAPES
_OCTAL = {code: f"\\{code:o}" for code in range(256) if code not in _PLAIN}
_SHORT = {code: _PLAIN.get(code) or _OCTAL[code] for code in range(256)}
_LONG = {code: f"\\{code:03o}" for code in _OCTAL}


def quote(data: bytes) -> str:
    """All of ``data`` between double quotes.

    Bytes without a name are octal escapes, as short as can be: three digits only where an octal digit follows.
    """
    return f'"{escape(data)}"'


def escape(data: bytes) -> str:
    """As ``quote``, without the quotes."""
    if data.isascii() and (text := data.decode("ascii")).isprintable() and '"' not in text and "\\" not in text:
        return text
    parts = [_SHORT[code] for code in data]
    for index in range(len(data) - 1):
        if data[index] in _LONG and data[index + 1] in _DIGITS:
            parts[index] = _LONG[data[index]]
    return "".join(parts)


def hexadecimal_bytes(data: bytes) -> str:
    """All of ``data`` between double quotes, every byte as two hexadecimal digits."""
    return '"' + "".join(rf"\x{code:02x}" for code in data) + '"'


def can_show(data: bytes, limit: int, *, broken: bool) -> bool:
    """Whether the beginning of a string can be shown: one without an end only if it goes on behind ``limit`` bytes or
    behind what is copied of any string."""
    return not broken or len(data) > min(limit, _MAX_ARG_STRLEN)


def cut(data: bytes, limit: int, *, more: bool = False) -> str:
    """At most ``limit`` bytes of ``data`` in quotes, followed by ``...`` when there is more than that.

    ``more``: the string goes on behind ``data`` (it could not be read to its end).
    """
    if len(data) > limit:
        return quote(data[:limit]) + "..."
    return quote(data) + "..." * more
