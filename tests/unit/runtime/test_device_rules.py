"""Device rules: the lines for cgroup v1, and the BPF program for v2, run here as the kernel would run it."""

import struct
from pathlib import Path

import pytest

from contrace.runtime import device_rules
from contrace.runtime.bundle import default
from contrace.runtime.device_rules import ALWAYS, DENY_ALL, assemble
from contrace.runtime.spec import DeviceRule


def run(program: bytes, kind: str, major: int, minor: int, access: str) -> bool:
    """Interpret the few instructions that `assemble` uses."""
    wanted = sum({"m": 1, "r": 2, "w": 4}[letter] for letter in access)
    context = struct.pack("=III", wanted << 16 | {"b": 1, "c": 2}[kind], major, minor)
    registers, place = [0] * 6, 0
    while True:
        opcode, both, offset, value = struct.unpack_from("=BBhi", program, place * 8)
        to, source = both & 15, both >> 4
        place += 1
        match opcode:
            case 0x61:
                [registers[to]] = struct.unpack_from("=I", context, offset)
            case 0xBF:
                registers[to] = registers[source]
            case 0xB7:
                registers[to] = value
            case 0x57:
                registers[to] &= value
            case 0x77:
                registers[to] >>= value
            case 0x55:
                place += offset if registers[to] != value else 0
            case 0x15:
                place += offset if registers[to] == value else 0
            case 0x5D:
                place += offset if registers[to] != registers[source] else 0
            case 0x95:
                return bool(registers[0])
            case _:
                raise AssertionError(hex(opcode))


@pytest.mark.parametrize(
    ("kind", "major", "minor", "access", "allowed"),
    [
        ("c", 1, 3, "rw", True),  # null
        ("c", 1, 3, "rwm", True),
        ("b", 1, 3, "r", False),
        ("c", 1, 1, "r", False),  # mem
        ("c", 1, 1, "m", True),
        ("c", 1, 1, "rm", False),
        ("b", 8, 0, "r", False),
        ("b", 8, 0, "m", True),
        ("c", 136, 17, "rw", True),  # pts
        ("c", 5, 2, "rw", True),  # ptmx
    ],
)
def test_what_is_always_allowed_and_nothing_else(kind: str, major: int, minor: int, access: str, allowed: bool) -> None:
    assert run(assemble([DENY_ALL, *ALWAYS]), kind, major, minor, access) is allowed


def test_the_last_rule_that_fits_decides() -> None:
    rules = [
        DENY_ALL,
        DeviceRule(allow=True, type="c", major=10),
        DeviceRule(allow=False, type="c", major=10, minor=7, access="w"),
    ]
    program = assemble(rules)
    assert run(program, "c", 10, 6, "rw")
    assert run(program, "c", 10, 7, "r")
    assert not run(program, "c", 10, 7, "w")
    assert not run(program, "c", 10, 7, "rw")


def test_all_can_be_allowed() -> None:
    program = assemble([DENY_ALL, DeviceRule(allow=False, type="c", major=3), DeviceRule(allow=True)])
    assert run(program, "c", 3, 1, "rwm")
    assert len(program) == 8 * 8  # nothing behind it that could never be reached: the verifier refuses that


def test_without_rules_nothing_is_allowed() -> None:
    assert not run(assemble([]), "c", 1, 3, "r")


def test_the_lines_of_v1(tmp_path: Path) -> None:
    for name in ("devices.allow", "devices.deny"):
        (tmp_path / name).touch()
    device_rules.write_v1(str(tmp_path), [DENY_ALL])
    assert (tmp_path / "devices.deny").read_text() == "a"
    device_rules.write_v1(str(tmp_path), [DeviceRule(allow=True, type="c", major=136, access="rw")])
    assert (tmp_path / "devices.allow").read_text() == "c 136:* rw"


def test_the_rules_of_a_config_are_between() -> None:
    rules = device_rules.of(default(user_namespace=False))
    assert rules[0] == DENY_ALL
    assert rules[1] == DeviceRule(allow=False, access="rwm")
    assert rules[2:] == list(ALWAYS)
