"""probes/wire.h, as a C compiler sees it, is what wire.py and rows.py read and write."""

import re
import struct
import subprocess
from pathlib import Path

import pytest

from contrace.capture.ebpf import probes, rows, wire
from contrace.capture.ebpf.compiler import PROBES
from contrace.capture.procfs import NAMESPACES
from contrace.syscalls.rows import What

STRUCTS = {
    "event": (wire.HEADER, "time_ns cpu_ns tid pid kind abi nr zero comm"),
    "enter": (wire.ENTER, "args[0] args[1] args[2] args[3] args[4] args[5]"),
    "exit": (wire.EXIT, "result within"),
    "refused": (wire.REFUSED, "capability user_ns"),
    "fork_": (wire.FORK, "tid pid exit_signal watched"),
    "exec": (
        wire.EXEC,
        "former_tid argc envc payload narrow within watched arg_start arg_end env_start env_end",
    ),
    "image": (wire.IMAGE, "address missing zero"),
    "end": (wire.END, "code group_dead within"),
    "signal_": (wire.SIGNAL, "signo zero"),
    "vector": (wire.VECTOR, "array first count total arg flags zero"),
    "head": (wire.HEAD, "section flags zero length"),
    "copied": (wire.COPIED, "address wanted arg what flags"),
    "spaces": (
        wire.SPACES,
        f"{' '.join(NAMESPACES)} ruid euid suid fsuid rgid egid sgid fsgid groups extents[0] extents[1]",
    ),
    "rights": (wire.RIGHTS, "inheritable permitted effective bounding ambient no_new_privs seccomp"),
    "place": (wire.PLACE, "id hierarchy zero"),
    "inside": (
        rows._INSIDE,
        "offset size most count_offset condition_offset count_width width condition_width mask value",
    ),
    "process": (probes._PROCESS, "origin_mnt origin_pid mode flags"),
}
HEADS = {
    "copy": (rows._COPY, "arg what at_exit size_arg condition_arg insides size mask value", "inside"),
    "row": (rows._ROW, "flags copies args vectors[0] vectors[1]", "copy"),
}
"""Structs that end in an array of others, whose name comes last."""

CONSTANTS = {
    **{event.name: event for event in wire.Event},
    "KINDS": wire.KINDS,
    "VECTOR_LAST": wire.VECTOR_LAST,
    "VECTOR_FAULT": wire.VECTOR_FAULT,
    "VECTOR_CUT": wire.VECTOR_CUT,
    "ITEM_BROKEN": wire._ITEM_BROKEN,
    "ITEM_MORE": wire._ITEM_MORE,
    "ITEM_LENGTH": wire._ITEM_LENGTH,
    "COPY": wire._COPY,
    "SPACES": wire._SPACES,
    "PIDS": wire._PIDS,
    "GROUPS": wire._GROUPS,
    "UID_MAP": wire._UID_MAP,
    "GID_MAP": wire._GID_MAP,
    "CGROUPS": wire._CGROUPS,
    "EXE": wire._EXE,
    "CWD": wire._CWD,
    "ROOT": wire._ROOT,
    "SIGINFO": wire.SIGINFO,
    "PATH": wire.PATH,
    "RIGHTS": wire._RIGHTS,
    "SECCOMP_UNKNOWN": wire._SECCOMP_UNKNOWN,
    "PATH_GONE": wire._PATH_GONE,
    "PATH_ALONE": wire._PATH_ALONE,
    "PATH_CUT": wire._PATH_CUT,
    "COPIED_AT_EXIT": wire._COPIED_AT_EXIT,
    "COPIED_BROKEN": wire._COPIED_BROKEN,
    "ANY": rows._ANY,
    "INSIDES": rows.INSIDES,
    "COPIES": rows.COPIES,
    "WHAT_STRING": rows._WHAT[What.STRING],
    "WHAT_BLOCK": rows._WHAT[What.BLOCK],
    "ROW_RECORD": rows._RECORD,
    "ROW_IDENTITY": rows._IDENTITY,
    "ROW_OPTIONS": rows._OPTIONS,
    "ROW_EXEC": rows._EXEC,
    "ROW_REROOTS": rows._REROOTS,
    "ROW_JOINS": rows._JOINS,
    "KEY_OPTION": rows._OPTION,
    "KEY_OTHER": rows._OTHER,
    "MODE_NONE": probes.MODE_NONE,
    "MODE_EVENTS": probes.MODE_EVENTS,
    "MODE_CALLS": probes.MODE_CALLS,
    "PROCESS_ALONE": probes.ALONE,
    "PROCESS_LAUNCHING": probes.LAUNCHING,
}
C_ALONE = {"GROUPS_MOST", "PROCESS_REROOTED"}
"""What the kernel's side keeps to itself."""


def offsets(packed: struct.Struct) -> list[int]:
    """Where each value of it lies."""
    found, at = [], 0
    for count, code in re.findall(r"(\d*)([A-Za-z])", packed.format.removeprefix("=")):
        times, size = (1, int(count or 1)) if code in "sx" else (int(count or 1), 1)
        for _ in range(times):
            if code != "x":
                found.append(at)
            at += struct.calcsize(f"={size}{code}")
    return found


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """What the compiler says: sizes by ``sizeof NAME``, offsets by ``NAME.field``, constants by name."""
    folder = tmp_path_factory.mktemp("wire")
    wanted = [(name, fields) for name, (_, fields) in STRUCTS.items()]
    wanted += [(name, f"{fields} {rest}") for name, (_, fields, rest) in HEADS.items()]
    shown = [f'SHOW("{name}", {name})' for name in CONSTANTS]
    for name, fields in wanted:
        shown.append(f'SHOW("sizeof {name}", sizeof(struct {name}))')
        shown += [f'SHOW("{name}.{field}", __builtin_offsetof(struct {name}, {field}))' for field in fields.split()]
    lines = [
        "#include <linux/types.h>",
        f'#include "{PROBES}/wire.h"',
        "int printf(const char *, ...);",
        '#define SHOW(name, value) printf("%s=%llu\\n", name, (unsigned long long)(value));',
        "int main(void) {",
        *shown,
        "}",
    ]
    source, program = folder / "wire.c", folder / "wire"
    source.write_text("\n".join(lines))
    subprocess.run(["gcc", "-w", "-I", PROBES / "include", "-o", program, source], check=True)
    said = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    return {name: int(value) for name, value in (line.split("=") for line in said.splitlines())}


@pytest.mark.parametrize("name", STRUCTS)
def test_each_struct_is_the_same(measured: dict[str, int], name: str) -> None:
    packed, fields = STRUCTS[name]
    assert measured[f"sizeof {name}"] == packed.size
    assert [measured[f"{name}.{field}"] for field in fields.split()] == offsets(packed)


@pytest.mark.parametrize("name", HEADS)
def test_each_struct_with_an_array_begins_the_same(measured: dict[str, int], name: str) -> None:
    packed, fields, rest = HEADS[name]
    assert [measured[f"{name}.{field}"] for field in fields.split()] == offsets(packed)
    assert measured[f"{name}.{rest}"] == packed.size


def test_a_whole_row_has_the_same_size(measured: dict[str, int]) -> None:
    assert measured["sizeof row"] == rows.ROW_SIZE


def test_each_constant_is_the_same(measured: dict[str, int]) -> None:
    assert {name: measured[name] for name in CONSTANTS} == CONSTANTS


def test_no_constant_of_the_header_is_forgotten() -> None:
    text = (PROBES / "wire.h").read_text()
    named = set(re.findall(r"^#define (\w+) ", text, re.M))
    for body in re.findall(r"enum \w+ \{(.*?)\};", text, re.S):
        named |= set(re.findall(r"^\s*([A-Z_]+)\b", body, re.M))
    assert named - C_ALONE == set(CONSTANTS)


def test_no_struct_of_the_header_is_forgotten() -> None:
    text = (PROBES / "wire.h").read_text()
    assert set(re.findall(r"^struct (\w+) \{", text, re.M)) == STRUCTS.keys() | HEADS.keys()


def test_the_probes_are_beside_the_package_or_in_it() -> None:
    package = Path(wire.__file__).parents[2]
    assert PROBES in (package / "probes", package.parent / "probes")
