"""Which devices a container may use: the devices controller of cgroup v1, a BPF program for v2.

Rules are tried in their order and the last one that fits decides; without any that fits a device is denied. The program
is the one of BPF_PROG_TYPE_CGROUP_DEVICE (include/uapi/linux/bpf.h: struct bpf_cgroup_dev_ctx).
"""

import os
import struct
from collections.abc import Sequence

from contrace.runtime import libc
from contrace.runtime.attempt import attempt
from contrace.runtime.devices import DEFAULTS
from contrace.runtime.spec import Device, DeviceRule, Spec

DENY_ALL = DeviceRule(allow=False)

ALWAYS = (
    # To make a device file harms nobody: to open it is another right.
    DeviceRule(allow=True, type="c", access="m"),
    DeviceRule(allow=True, type="b", access="m"),
    *(DeviceRule(allow=True, type="c", major=device.major, minor=device.minor) for device in DEFAULTS),
    DeviceRule(allow=True, type="c", major=5, minor=2),  # /dev/ptmx
    DeviceRule(allow=True, type="c", major=136),  # /dev/pts/*
)
"""What every runtime allows after the rules of config.json."""


def of(spec: Spec) -> list[DeviceRule]:
    """The rules of config.json, between what all of them begin and end with; its ``devices`` have to be available."""
    own = spec.linux.resources.devices if spec.linux.resources else ()
    listed = [_for(device) for device in spec.linux.devices if device.type != "p"]
    return [DENY_ALL, *own, *ALWAYS, *listed]


def _for(device: Device) -> DeviceRule:
    return DeviceRule(
        allow=True, type="b" if device.type == "b" else "c", major=device.major, minor=device.minor, access="rwm"
    )


def write_v1(group: str, rules: Sequence[DeviceRule]) -> None:
    """Write rules to devices.allow and devices.deny (Documentation/admin-guide/cgroup-v1/devices.rst)."""
    for rule in rules:
        numbers = ":".join("*" if number is None else str(number) for number in (rule.major, rule.minor))
        line = "a" if rule.type == "a" else f"{rule.type} {numbers} {rule.access or 'rwm'}"
        file = os.path.join(group, "devices.allow" if rule.allow else "devices.deny")
        with attempt(f"write {line!r} to {file}"):
            descriptor = os.open(file, os.O_WRONLY)
            try:
                os.write(descriptor, line.encode())
            finally:
                os.close(descriptor)


# --- v2 -------------------------------------------------------------------------------------------------

# include/uapi/linux/bpf.h
_PROG_LOAD = 5
_PROG_ATTACH = 8
_PROG_TYPE_CGROUP_DEVICE = 15
_CGROUP_DEVICE = 6
_ALLOW_MULTI = 2
_TYPES = {"b": 1, "c": 2}  # BPF_DEVCG_DEV_*
_ACCESS = {"m": 1, "r": 2, "w": 4}  # BPF_DEVCG_ACC_*
_ALL = 7

# Instructions: opcode, destination and source register, offset, immediate value (instruction-set.rst)
_LOAD_WORD = 0x61  # dst = *(u32 *)(src + offset)
_MOVE = 0xBF  # dst = src
_SET = 0xB7  # dst = immediate
_AND = 0x57  # dst &= immediate
_SHIFT_RIGHT = 0x77  # dst >>= immediate
_JUMP_IF_NOT = 0x55  # if dst != immediate
_JUMP_IF = 0x15  # if dst == immediate
_JUMP_IF_NOT_REGISTER = 0x5D  # if dst != src
_EXIT = 0x95
_RESULT, _CONTEXT, _TYPE, _WANTED, _MAJOR, _MINOR = range(6)

Instruction = tuple[int, int, int, int, int]
"""opcode, destination, source, offset, immediate."""


def attach_v2(group: str, rules: Sequence[DeviceRule]) -> None:
    """Attach a program with these rules to the group; the kernel drops it with the group."""
    with attempt(f"restrict the devices of {group}"):
        directory = os.open(group, os.O_RDONLY | os.O_DIRECTORY)
        try:
            program = _load(assemble(rules))
            libc.bpf(_PROG_ATTACH, struct.pack("=IIII", directory, program, _CGROUP_DEVICE, _ALLOW_MULTI))
            os.close(program)
        finally:
            os.close(directory)


def assemble(rules: Sequence[DeviceRule]) -> bytes:
    """The program as the kernel takes it."""
    program: list[Instruction] = [
        (_LOAD_WORD, _TYPE, _CONTEXT, 0, 0),  # access_type: the access in the upper half, the type in the lower
        (_MOVE, _WANTED, _TYPE, 0, 0),
        (_SHIFT_RIGHT, _WANTED, 0, 0, 16),
        (_AND, _TYPE, 0, 0, 0xFFFF),
        (_LOAD_WORD, _MAJOR, _CONTEXT, 4, 0),
        (_LOAD_WORD, _MINOR, _CONTEXT, 8, 0),
    ]
    # The verifier refuses what can never be reached, so nothing may follow a rule that fits everything.
    for rule in reversed((DENY_ALL, *rules)):
        program += _rule(rule)
        if rule.type == "a":
            break
    return b"".join(
        struct.pack("=BBhi", opcode, destination | source << 4, offset, value)
        for opcode, destination, source, offset, value in program
    )


def _rule(rule: DeviceRule) -> list[Instruction]:
    """The tests of one rule, each of which jumps over the rest of it, and its answer."""
    if rule.type == "a":  # all devices, whatever else it says, as in v1
        return _answer(allow=rule.allow)
    tests: list[Instruction] = [(_JUMP_IF_NOT, _TYPE, 0, 0, _TYPES[rule.type])]
    if rule.major is not None:
        tests.append((_JUMP_IF_NOT, _MAJOR, 0, 0, rule.major))
    if rule.minor is not None:
        tests.append((_JUMP_IF_NOT, _MINOR, 0, 0, rule.minor))
    access = sum(_ACCESS[letter] for letter in set(rule.access or "rwm"))
    if access != _ALL:
        # Allowed has to be all that is wanted; denied is denied if any of it is.
        tests += [(_MOVE, _CONTEXT, _WANTED, 0, 0), (_AND, _CONTEXT, 0, 0, access)]
        tests.append((_JUMP_IF_NOT_REGISTER, _CONTEXT, _WANTED, 0, 0) if rule.allow else (_JUMP_IF, _CONTEXT, 0, 0, 0))
    whole = [*tests, *_answer(allow=rule.allow)]
    jumps = (_JUMP_IF_NOT, _JUMP_IF, _JUMP_IF_NOT_REGISTER)
    return [
        (code, to, source, len(whole) - index - 1 if code in jumps else offset, value)
        for index, (code, to, source, offset, value) in enumerate(whole)
    ]


def _answer(*, allow: bool) -> list[Instruction]:
    return [(_SET, _RESULT, 0, 0, int(allow)), (_EXIT, 0, 0, 0, 0)]


def _load(program: bytes) -> int:
    license_text = b"GPL\0"
    attributes = struct.pack(
        "=IIQQ", _PROG_TYPE_CGROUP_DEVICE, len(program) // 8, libc.address_of(program), libc.address_of(license_text)
    )
    return libc.bpf(_PROG_LOAD, attributes)
