"""Makes text of processes harmless in messages, where the views' own escaping is out of reach."""


def printable(text: bytes) -> str:
    """``text`` with everything escaped that a terminal might act on; bytes that are not UTF-8 as \\xNN."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text.decode("utf-8", "backslashreplace")
    )
