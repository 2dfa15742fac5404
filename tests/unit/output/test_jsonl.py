"""``--format jsonl``: complete, lossless, and as docs/jsonl.md says."""

import base64
import io
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given

from contrace import filters, output
from contrace.decode.notation import Notation
from contrace.records import CAPABILITY_SETS, TYPES, Block, Kind, Memory, Record, Text, Vector
from contrace.syscalls.abi import Abi
from tests.unit import strategies
from tests.unit.scene import (
    META,
    Terminal,
    call,
    ended,
    entered,
    executed,
    execve,
    identity,
    loss,
    note,
    shown,
    signalled,
    start,
    stopped,
)

DOCUMENT = (Path(__file__).parents[3] / "docs" / "jsonl.md").read_text()


def objects(*batches, **more) -> list[dict[str, Any]]:
    """What is written behind the first line."""
    return [json.loads(line) for line in shown("jsonl", *batches, **more).splitlines()[1:]]


# --- back to records, from what docs/jsonl.md says ------------------------------------------------------------


def record_of(fields: dict[str, Any]) -> Record:
    made = {name: value for name, value in fields.items() if name not in ("type", "line", "name", "arguments", "errno")}
    record_type = TYPES[Kind[fields["type"].upper()]]
    for name, value in made.items():
        made[name] = SPECIAL.get(name, plain)(value)
    return record_type(**made)


def plain(value: Any) -> Any:
    match value:
        case {"base64": text}:
            return base64.b64decode(text)
        case list():
            return tuple(map(plain, value))
    return value


def text_bytes(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else plain(value)


def memory_of(part: dict[str, Any]) -> Memory:
    common = {"arg": part["arg"], "address": int(part["address"], 16)}
    match part["type"]:
        case "text":
            return Text(**common, data=text_bytes(part["data"]), broken=part["broken"])
        case "block":
            data = bytes.fromhex(part["data"])
            return Block(**common, data=data, wanted=part["wanted"], at_exit=part["at_exit"])
        case "vector":
            return Vector(
                **common,
                items=tuple(map(text_bytes, part["items"])),
                broken={int(index): int(pointer, 16) for index, pointer in part["broken"].items()},
                fault=int(part["fault"], 16),
                total=part["total"],
            )
    raise AssertionError(part)


SPECIAL = {
    "refused": lambda pairs: tuple((pair["number"], pair["user_namespace"]) for pair in pairs),
    "args": lambda args: tuple(int(register, 16) for register in args),
    "abi": lambda abi: Abi[abi.upper()],
    "memory": lambda parts: tuple(map(memory_of, parts)),
    "siginfo": bytes.fromhex,
    "capabilities": lambda sets: sets and tuple(int(sets[name], 16) for name in CAPABILITY_SETS),
    "argv": lambda words: tuple(map(text_bytes, words)),
} | dict.fromkeys(("comm", "exe", "cwd", "root", "cgroup"), text_bytes)


@given(strategies.ANY_RECORD)
def test_every_record_can_be_made_again_from_its_object(record):
    [fields] = objects([record])
    assert record_of(fields) == record


@given(strategies.ANY_RECORD)
def test_the_text_is_harmless_ascii_on_one_line(record):
    text = shown("jsonl", [record])
    assert text.count("\n") == 2
    assert all(" " <= letter <= "~" for letter in text.replace("\n", ""))


@given(strategies.CAPTURES)
def test_nothing_of_a_capture_is_missing(capture):
    records = capture.batches(cut=False)[0]
    found = [record_of(fields) for fields in objects(records)]
    assert sorted(found, key=repr) == sorted(records, key=repr)


@given(strategies.CAPTURES)
def test_the_text_does_not_depend_on_how_the_records_were_split(capture):
    whole = shown("jsonl", *capture.batches(cut=False))
    batches = capture.batches(cut=True)
    assert shown("jsonl", *batches) == whole
    assert shown("jsonl", [record for batch in batches for record in batch]) == whole


# --- what a user sees -----------------------------------------------------------------------------------------


def test_the_first_line_is_about_the_capture():
    meta = msgspec.structs.replace(META, command=("sh", "-c", "caf\udce9"), calls=("fork",))
    first = json.loads(shown("jsonl", meta=meta))
    assert first == msgspec.to_builtins(meta) | {
        "type": "capture",
        "command": ["sh", "-c", {"base64": base64.b64encode(b"caf\xe9").decode()}],
        "calls": ["fork"],
    }


def test_a_call_has_its_text_and_its_arguments_as_values():
    [fields] = objects([execve(1, b"/bin/echo", b"echo", b"\xff", returns=-2)])
    assert (
        fields["line"]
        == r'execve("/bin/echo", ["echo", "\377"], 0x3 /* 0 vars */) = -1 ENOENT (No such file or directory)'
    )
    assert (fields["name"], fields["errno"], fields["result"]) == ("execve", "ENOENT", -2)
    assert fields["arguments"] == [
        {"name": "pathname", "text": '"/bin/echo"', "value": "/bin/echo"},
        {"name": "argv", "text": r'["echo", "\377"]', "value": ["echo", {"base64": "/w=="}]},
        {"name": "envp", "text": "0x3 /* 0 vars */", "value": []},
    ]


def test_what_is_shortened_in_the_text_is_whole_in_the_values():
    [fields] = objects([execve(1, b"/x", b"x" * 50)], notation=Notation(string_limit=4))
    assert fields["arguments"][1] == {"name": "argv", "text": '["xxxx"...]', "value": ["x" * 50]}


def test_a_call_is_written_once_when_it_is_over():
    assert [fields["type"] for fields in objects([entered(1, "fork")], [call(1, "fork", took=9)])] == ["syscall"]


def test_a_call_that_is_not_over_comes_last():
    assert [fields["line"] for fields in objects([entered(1, "fork")], [ended(2, 11)])] == [
        "+++ exited with 0 +++",
        "fork(",
    ]


def test_an_identity_says_what_changed():
    first, second = objects([identity(1), identity(2, uids=(0, 1, 0, 1))])
    assert (first["line"], second["line"]) == ("", "ids: uid 0 → 0/1/0/1")


def test_losses_and_warnings_are_written_whatever_the_filter_says():
    records = [call(1, "fork"), loss(2), note(3, "warning", "mind"), note(4, "attach", "x"), start(5, 11, 10)]
    assert [fields["type"] for fields in objects(records, words=["call:unshare"])] == ["loss", "note"]


@pytest.mark.parametrize("word", ["call:fork", "pid:11", "comm:sh", "failed", "-failed", "exited"])
def test_a_filter_chooses_the_same_as_in_the_timeline(word):
    records = [
        start(0, 11, 10),
        call(1, "fork", tid=11),
        call(2, "chroot", 1, comm=b"x", returns=-1),
        ended(4, 11),
        entered(5, "fork"),
    ]
    timeline = shown("timeline", records, words=[word]).splitlines()
    found = objects(records, words=[word])
    assert 0 < len(found) < len(records)
    assert len(timeline) == len(found)
    assert all(fields["line"] in line for fields, line in zip(found, timeline, strict=True))


def test_a_terminal_gets_the_same_as_a_file():
    records = [execve(1, b"/bin/\x1b[31m\x7f\xc2\x9b", b"x")]
    assert shown("jsonl", records, stream=Terminal()) == shown("jsonl", records)


def test_what_is_written_while_it_is_recorded_is_whole_lines():
    stream = io.StringIO()
    view = output.make("jsonl", stream, META, Notation(), filters.parse([]))
    for batch in ([entered(1, "fork")], [call(1, "fork", took=3)]):
        view.feed(batch)
        assert stream.getvalue().endswith("\n")


# --- docs/jsonl.md --------------------------------------------------------------------------------------------


def section(title: str) -> str:
    match = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert match is not None, f"docs/jsonl.md has no section {title}"
    return match[1]


def table(title: str) -> list[list[str]]:
    """The rows of a section's tables, without the headings."""
    rows = [line.strip("| ").split(" | ") for line in section(title).splitlines() if line.startswith("| `")]
    return [[cell.strip("`") for cell in row] for row in rows]


def fields_of(title: str) -> set[str]:
    return {row[0] for row in table(title) if len(row) == 2}


EVERY_KIND = [
    call(1, "fork"),
    entered(2, "fork"),
    start(3, 11, 10),
    executed(4, b"/bin/sh"),
    ended(5, 11),
    signalled(6, 15),
    stopped(7, 19),
    identity(8),
    loss(9),
    note(10, "attach", "x"),
]


@pytest.mark.parametrize("record", EVERY_KIND, ids=lambda record: record.kind.name.lower())
def test_every_field_is_documented_and_every_documented_field_is_there(record):
    [fields] = objects([record])
    assert set(fields) == fields_of("Every object") | fields_of(fields["type"])


def test_every_kind_of_object_is_documented():
    assert {record.kind for record in EVERY_KIND} == set(Kind)
    assert fields_of("capture") | {"type"} == set(json.loads(shown("jsonl")))


@pytest.mark.parametrize(
    "part",
    [Text(arg=0, address=1, data=b""), Block(arg=0, address=1, data=b"", wanted=0), Vector(arg=0, address=1, items=())],
)
def test_every_field_of_copied_memory_is_documented(part):
    [fields] = objects([call(1, "fork", memory=(part,))])
    [found] = fields["memory"]
    rows = [row[1] for row in table("syscall") if len(row) == 3 and row[0] == found["type"]]
    assert set(found) == {"type", "arg", "address", *rows}


EXAMPLES = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", DOCUMENT, re.DOTALL)]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["type"])
def test_the_examples_are_what_is_written_for_such_a_record(example):
    assert objects([record_of(example)]) == [example]


def test_there_are_examples():
    assert {example["type"] for example in EXAMPLES} == {"syscall", "task_start"}
