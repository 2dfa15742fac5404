"""What was found out about this kernel and compiled for it, remembered between runs in the user's cache directory.

A convenience that nothing depends on: what is foreign, broken or from another kernel is read anew, and where nothing
can be kept nothing is. Source: XDG Base Directory Specification.
"""

import json
import os
import stat
import struct
from contextlib import suppress
from pathlib import Path

_NOTES = "/sys/kernel/notes"
_NT_GNU_BUILD_ID = 3  # elf(5), Elf64_Nhdr
_NAME = "btf.json"
_LONGEST = 64 * 1024


def kernel() -> str:
    """The very build that runs: its build id, else its release."""
    try:
        notes = Path(_NOTES).read_bytes()
    except OSError:
        notes = b""
    return build_id(notes) or os.uname().release


def build_id(notes: bytes) -> str:
    """From ELF notes, in hexadecimal; empty when there is none."""
    at = 0
    while at + 12 <= len(notes):
        name_size, size, kind = struct.unpack_from("=III", notes, at)
        name = at + 12
        start = name + (name_size + 3 & ~3)
        if kind == _NT_GNU_BUILD_ID and notes[name : name + name_size] == b"GNU\0":
            return notes[start : start + size].hex()
        at = start + (size + 3 & ~3)
    return ""


def load(key: str) -> dict[str, int] | None:
    """The numbers that were stored under this key, if they are this user's own and whole."""
    data = read(_NAME, _LONGEST)
    try:
        stored = json.loads(data or b"")
    except (ValueError, RecursionError):
        return None
    if not isinstance(stored, dict) or stored.get("key") != key or not isinstance(stored.get("values"), dict):
        return None
    values: dict[str, int] = stored["values"]
    # A boolean is an int, too.
    return values if all(type(value) is int and value >= 0 for value in values.values()) else None


def store(key: str, values: dict[str, int]) -> None:
    """Keep them for the next run, where that is possible."""
    write(_NAME, json.dumps({"key": key, "values": values}).encode())


def read(name: str, longest: int) -> bytes | None:
    """The file of that name, if it is this user's own and nobody else may write to it."""
    try:
        fd = os.open(_directory() / name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with open(fd, "rb") as file:
        facts = os.fstat(fd)
        if facts.st_uid != os.geteuid() or not stat.S_ISREG(facts.st_mode) or facts.st_mode & 0o022:
            return None
        try:
            return file.read(longest)
        except OSError:
            return None


def write(name: str, data: bytes) -> None:
    """Keep a file for the next run, where that is possible."""
    with suppress(OSError):
        directory = _directory()
        directory.mkdir(0o700, parents=True, exist_ok=True)
        part = directory / f"{name}.{os.getpid()}"
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            with open(fd, "wb") as file:
                file.write(data)
            part.replace(directory / name)
        except OSError:
            part.unlink()
            raise


def _directory() -> Path:
    """Raises PermissionError where the home is somebody else's, as under sudo: its links could lead root astray."""
    chosen = Path(os.environ.get("XDG_CACHE_HOME", ""))
    home = chosen if chosen.is_absolute() else Path(os.environ.get("HOME", "/nonexistent"))
    if home.stat().st_uid != os.geteuid():
        raise PermissionError(f"{home} is not this user's")
    return (chosen if chosen.is_absolute() else home / ".cache") / "contrace"
