"""The probes' C text -> programs and maps that any process can load, by bcc's compiler.

The compiler is 80 MB of LLVM and takes a third of a second. So it runs in children, which hand over what they made and
end; and what they made is kept in the user's cache directory, for the same text, macros and bcc. That is the
instructions alone: the kernel's verifier looks at them at every start.
"""

import ctypes
import hashlib
import os
import re
import struct
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from contrace.capture.ebpf import cache, library
from contrace.errors import BackendUnavailable

PROBES = next(
    folder / "probes"
    # in a checkout beside the package, in an installation inside of it
    for folder in (Path(__file__).parents[3], Path(__file__).parents[2])
    if (folder / "probes" / "wire.h").is_file()
)
UNITS = (("memory.bpf.c", "identity.bpf.c"), ("calls.bpf.c", "tasks.bpf.c"))
"""What is compiled together; the units side by side. The maps are in the header that all of them include."""
_INCLUDE = re.compile(r'#include "(.+)"')

_INSTRUCTION = struct.Struct("=BBhi")  # struct bpf_insn: code, dst_reg and src_reg, off, imm
_LOAD_MAP = (0x18, 0x10)  # BPF_LD | BPF_IMM | BPF_DW with src_reg BPF_PSEUDO_MAP_FD
_LONGEST = 4 << 20
_KEPT = 8
"""Objects that are kept: there is one for each set of switches."""


class Map(msgspec.Struct, frozen=True, array_like=True):
    """What a map is made of (bpf(2), BPF_MAP_CREATE)."""

    name: str
    type: int
    key_size: int
    value_size: int
    entries: int
    flags: int


class Object(msgspec.Struct, frozen=True, array_like=True):
    """Everything that was compiled."""

    maps: tuple[Map, ...]
    programs: dict[str, bytes]
    """Name -> instructions; a map is named by its place in ``maps``."""


def compiled(macros: Mapping[str, int | None]) -> Object:
    """The probes with these macros (None: defined, without a value). Raises BackendUnavailable."""
    texts = [source(unit) for unit in UNITS]
    flags = [f"-D{name}" if value is None else f"-D{name}={value}" for name, value in sorted(macros.items())]
    found = library.find()
    about = repr((texts, flags, found and (str(found.directory), found.version)))
    name = f"probes-{hashlib.sha256(about.encode()).hexdigest()[:16]}.msgpack"
    kept = cache.read(name, _LONGEST)
    if kept is not None:
        try:
            return msgspec.msgpack.decode(kept, type=Object)
        except msgspec.DecodeError:
            pass  # broken: it is made anew
    made = [child.result() for child in [_Child(text, flags) for text in texts]]
    whole = Object(made[0].maps, {name: code for unit in made for name, code in unit.programs.items()})
    cache.write(name, msgspec.msgpack.encode(whole))
    cache.keep_newest("probes-", _KEPT)
    return whole


def source(files: Iterable[str]) -> str:
    """The probes in these files as one text, in which a compiler's messages still name the files."""
    included: set[str] = set()

    def text(name: str) -> Iterator[str]:
        yield f'#line 1 "{name}"'
        for number, line in enumerate((PROBES / name).read_text().splitlines(), 1):
            match = _INCLUDE.match(line)
            if match is None:
                yield "" if line.startswith("#pragma once") else line
            elif match[1] in included:
                yield ""
            else:
                included.add(match[1])
                yield from text(match[1])
                yield f'#line {number + 1} "{name}"'

    return "\n".join(line for name in files for line in text(name))


class _Child:
    """A process that compiles: its memory is gone with it, and so are the maps that bcc makes while compiling."""

    def __init__(self, text: str, flags: list[str]) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `result`
        answer_read, answer_write = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            status = 1
            try:
                os.dup2(self._said.fileno(), 1)  # libbcc writes what is wrong there
                os.dup2(self._said.fileno(), 2)
                with open(answer_write, "wb") as answer:
                    answer.write(_compile(text, flags))
                status = 0
            except Exception as error:  # noqa: BLE001 - the other side reports it
                os.write(2, str(error).encode())
            finally:
                os._exit(status)
        os.close(answer_write)
        self._answer = open(answer_read, "rb")  # noqa: SIM115 - closed in `result`

    def result(self) -> Object:
        """Wait for what it made. Raises BackendUnavailable with what the compiler said."""
        with self._answer as answer, self._said as said:
            made = answer.read()
            status = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
            if status == 0:
                return msgspec.msgpack.decode(made, type=Object)
            said.seek(0)
            reason = said.read().decode("utf-8", "replace").strip() or f"the compiler ended with {status}"
        message = f"the probes cannot be compiled: {reason}\nTo capture without eBPF: --backend ptrace"
        raise BackendUnavailable(message)


def _compile(text: str, flags: list[str]) -> bytes:
    bcc = library.load()
    os.environ["BCC_KERNEL_SOURCE"] = str(PROBES)
    module = bcc.BPF(text=text.encode(), cflags=[*flags, "-Wno-macro-redefined"]).module
    lib = bcc.lib
    _declare(lib)
    places: dict[int, int] = {}
    maps: list[Map] = []
    for table in range(lib.bpf_num_tables(module)):
        places[lib.bpf_table_fd_id(module, table)] = table
        maps.append(
            Map(
                lib.bpf_table_name(module, table).decode(),
                lib.bpf_table_type_id(module, table),
                lib.bpf_table_key_size_id(module, table),
                lib.bpf_table_leaf_size_id(module, table),
                lib.bpf_table_max_entries_id(module, table),
                lib.bpf_table_flags_id(module, table),
            )
        )
    programs = {}
    for function in range(lib.bpf_num_functions(module)):
        name = lib.bpf_function_name(module, function)
        start, size = lib.bpf_function_start(module, name), lib.bpf_function_size(module, name)
        programs[name.decode()] = relocated(ctypes.string_at(start, size), places)
    return msgspec.msgpack.encode(Object(tuple(maps), programs))


def _declare(lib: ctypes.CDLL) -> None:
    """bcc's Python part does not declare all that libbcc offers (src/cc/bcc_common.h)."""
    module, number = ctypes.c_void_p, ctypes.c_size_t
    lib.bpf_num_tables.restype, lib.bpf_num_tables.argtypes = number, [module]
    for name, kind in (
        ("name", ctypes.c_char_p),
        ("type", ctypes.c_int),
        ("key_size", number),
        ("leaf_size", number),
        ("max_entries", number),
        ("flags", ctypes.c_int),
        ("fd", ctypes.c_int),
    ):
        function = getattr(lib, "bpf_table_name" if name == "name" else f"bpf_table_{name}_id")
        function.restype, function.argtypes = kind, [module, number]


def relocated(instructions: bytes, numbers: Mapping[int, int]) -> bytes:
    """The program with other numbers for its maps."""
    out = bytearray(instructions)
    for at in range(0, len(out), _INSTRUCTION.size):
        code, registers, offset, number = _INSTRUCTION.unpack_from(out, at)
        if (code, registers & 0xF0) == _LOAD_MAP:
            _INSTRUCTION.pack_into(out, at, code, registers, offset, numbers[number])
    return bytes(out)
