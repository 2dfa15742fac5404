"""``--format jsonl``: one JSON object per line, for programs. ``docs/jsonl.md`` describes every field.

Lossless: every field of a record is a field of its object, so that the record can be made again from it; what decoding
adds stands beside that. A call is written when it is over; one that is not over when the capture ends is written then,
as ``entered``. The text is ASCII, so nothing in it can act on a terminal.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TextIO

import msgspec

from contrace.decode.call import Call, decode
from contrace.decode.notation import Argument, Notation
from contrace.filters import Filter
from contrace.output.describe import describe
from contrace.output.lines import facts, line
from contrace.records import CAPABILITY_SETS, Block, Entered, Memory, Record, Syscall, Text
from contrace.story.moments import Key, Moments, key
from contrace.story.processes import Processes, Task
from contrace.syscalls.abi import Abi
from contrace.syscalls.flags.capability import CAPABILITIES
from contrace.trace.schema import Meta

Json = Any
"""What json.dumps takes."""


class JsonLines:
    """See ``contrace.output.Output``."""

    def __init__(self, stream: TextIO, meta: Meta, notation: Notation, chosen: Filter) -> None:
        self._stream = stream
        self._notation = notation
        self._filter = chosen
        self._started_ns = meta.started_monotonic_ns
        self._moments = Moments()
        self._processes = Processes()
        self._open: dict[Key, tuple[Syscall | Entered, Task]] = {}
        self._write(_capture(meta))

    def feed(self, batch: Sequence[Record]) -> None:
        """Write the objects of what is over."""
        for _, is_entry, record in self._moments.of(batch):
            if isinstance(record, (Syscall, Entered)):
                if is_entry:
                    self._processes.apply(record)
                    self._open[key(record)] = record, self._processes.of(record)
                else:
                    _, task = self._open.pop(key(record))
                    self._call(record, task)
            else:
                self._other(record)

    def finish(self) -> None:
        """Write the calls that are not over."""
        for record, task in self._open.values():
            self._call(record, task)
        self._open.clear()

    def _call(self, record: Syscall | Entered, task: Task) -> None:
        call = decode(record, self._notation)
        if self._filter.matches(facts(record, task, call)):
            self._write(_record(record, _decoded(record, call)))

    def _other(self, record: Record) -> None:
        task, before = self._processes.tell(record)
        text = describe(record, self._notation, before, self._started_ns)
        if self._filter.matches(facts(record, task, None, text)):
            self._write(_record(record, {"line": text}))

    def _write(self, fields: Json) -> None:
        # DEL is the one character that JSON's ASCII form leaves as it is and a terminal may act on.
        self._stream.write(json.dumps(fields, separators=(",", ":")).replace("\x7f", "\\u007f") + "\n")


# --- records ----------------------------------------------------------------------------------------------


def _capture(meta: Meta) -> Json:
    facts_known = msgspec.structs.asdict(meta)
    # Command lines are text to Python, with surrogates for bytes that are not UTF-8 (PEP 383).
    command = [_bytes(word.encode(errors="surrogateescape")) for word in meta.command]
    return {"type": "capture", **facts_known, "command": command}


def _record(record: Record, decoded: dict[str, Json]) -> Json:
    """What a reader looks for first comes first."""
    fields = {name: _FIELDS.get(name, _plain)(getattr(record, name)) for name in record.__struct_fields__}
    common = {name: fields.pop(name) for name in Record.__struct_fields__}
    return {"type": record.kind.name.lower(), **common, **decoded, **fields}


def _decoded(record: Syscall | Entered, call: Call) -> dict[str, Json]:
    over = isinstance(record, Syscall)
    return {
        "line": line(call) if over else call.head,
        "name": call.name,
        "arguments": [_argument(argument) for argument in call.args],
        "errno": call.errno if over else None,
    }


def _argument(argument: Argument) -> Json:
    return {"name": argument.name, "text": argument.text, "value": _plain(argument.raw)}


def _memory(parts: Sequence[Memory]) -> Json:
    return [_part(part) for part in parts]


def _part(part: Memory) -> Json:
    match part:
        case Text():
            return {
                "type": "text",
                "arg": part.arg,
                "address": hex(part.address),
                "data": _bytes(part.data),
                "broken": part.broken,
            }
        case Block():
            return {
                "type": "block",
                "arg": part.arg,
                "address": hex(part.address),
                "data": part.data.hex(),
                "wanted": part.wanted,
                "at_exit": part.at_exit,
            }
    return {
        "type": "vector",
        "arg": part.arg,
        "address": hex(part.address),
        "items": [_bytes(item) for item in part.items],
        "broken": {str(index): hex(pointer) for index, pointer in part.broken.items()},
        "fault": hex(part.fault),
        "total": part.total,
    }


# --- values -----------------------------------------------------------------------------------------------


def _bytes(data: bytes) -> Json:
    """A string where they are UTF-8, else base64 in an object of its own: the two cannot be mistaken."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": msgspec.to_builtins(data)}


def _plain(value: Json) -> Json:
    match value:
        case bytes():
            return _bytes(value)
        case tuple():
            return [_plain(item) for item in value]
    return value


def _registers(args: Sequence[int]) -> Json:
    return [hex(register) for register in args]


def _abi(abi: Abi) -> Json:
    return abi.name.lower()


def _refused(pairs: Sequence[tuple[int, int]]) -> Json:
    return [
        {"capability": CAPABILITIES.get(number), "number": number, "user_namespace": inode} for number, inode in pairs
    ]


def _capabilities(sets: tuple[int, ...] | None) -> Json:
    return None if sets is None else {name: hex(value) for name, value in zip(CAPABILITY_SETS, sets, strict=True)}


def _siginfo(data: bytes) -> Json:
    return data.hex()


_FIELDS: Mapping[str, Callable[[Json], Json]] = {
    "args": _registers,
    "memory": _memory,
    "abi": _abi,
    "siginfo": _siginfo,
    "refused": _refused,
    "capabilities": _capabilities,
}
"""Fields that are not written as their type says: addresses in hexadecimal, structs as two digits per byte."""
