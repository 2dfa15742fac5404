"""The compiler of the probes: what is kept, what is made anew, and what it says of a mistake."""

import os
import shutil
from pathlib import Path

import msgspec
import pytest

from contrace.capture.ebpf import compiler, library
from contrace.capture.ebpf.compiler import PROBES, Map, Object, compiled, relocated, source
from contrace.errors import BackendUnavailable

PROGRAM = """\
BPF_ARRAY(first, u32, 3);
BPF_TABLE("hash", u64, u32, second, 5);
#ifdef ADDED
BPF_ARRAY(third, u64, ADDED);
#endif
#include "shared.h"
"""
SHARED = """\
#pragma once
int probe(struct bpf_raw_tracepoint_args *ctx)
{
	u32 key = 1;
	u32 *value = first.lookup(&key);
	return value ? *value : 0;
}
"""


@pytest.fixture(autouse=True)
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small program instead of the probes, which take longer, and a cache of the test's own."""
    if library.find() is None:
        pytest.skip("bcc is not installed")
    folder = tmp_path / "probes"
    shutil.copytree(PROBES / "include", folder / "include")
    (folder / "small.bpf.c").write_text(PROGRAM)
    (folder / "shared.h").write_text(SHARED)
    monkeypatch.setattr(compiler, "PROBES", folder)
    monkeypatch.setattr(compiler, "UNITS", (("small.bpf.c",),))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that were compiled."""
    texts: list[str] = []

    class Counted(compiler._Child):
        def __init__(self, text: str, flags: list[str]) -> None:
            texts.append(text)
            super().__init__(text, flags)

    monkeypatch.setattr(compiler, "_Child", Counted)
    return texts


def kept(tmp_path: Path) -> Path:
    [path] = (tmp_path / "cache" / "contrace").iterdir()
    return path


def test_maps_and_programs_are_what_the_text_says(tmp_path: Path) -> None:
    made = compiled({"ADDED": 7})
    assert [map[:5] for map in map_tuples(made)] == [
        ("first", 2, 4, 4, 3),
        ("second", 1, 8, 4, 5),
        ("third", 2, 4, 8, 7),
    ]
    assert list(made.programs) == ["probe"]
    assert len(made.programs["probe"]) % 8 == 0


def map_tuples(made: Object) -> list[tuple[str, int, int, int, int]]:
    return [(about.name, about.type, about.key_size, about.value_size, about.entries) for about in made.maps]


def test_what_was_kept_is_used(children: list[str]) -> None:
    first = compiled({})
    assert compiled({}) == first
    assert len(children) == 1


def test_another_text_or_another_macro_is_compiled(children: list[str], small: Path) -> None:
    compiled({})
    compiled({"ADDED": 1})
    (small / "shared.h").write_text(SHARED.replace("key = 1", "key = 2"))
    compiled({})
    assert len(children) == 3
    compiled({"ADDED": 1})
    assert len(children) == 4


@pytest.mark.parametrize("content", [b"", b"\x92\x90", b"nonsense", msgspec.msgpack.encode({"maps": 1})])
def test_what_is_broken_is_made_anew_and_mended(children: list[str], tmp_path: Path, content: bytes) -> None:
    first = compiled({})
    kept(tmp_path).write_bytes(content)
    assert compiled({}) == first
    assert len(children) == 2
    assert msgspec.msgpack.decode(kept(tmp_path).read_bytes(), type=Object) == first


@pytest.mark.skipif("os.geteuid() != 0", reason="needs root: it gives a file away")
def test_what_is_somebody_elses_is_not_loaded(children: list[str], tmp_path: Path) -> None:
    first = compiled({})
    foreign = Object((Map("foreign", 2, 4, 4, 1, 0),), {})
    kept(tmp_path).write_bytes(msgspec.msgpack.encode(foreign))
    os.chown(kept(tmp_path), 65534, 65534)
    assert compiled({}) == first
    assert len(children) == 2


@pytest.mark.parametrize(("file", "line"), [("small.bpf.c", 7), ("shared.h", 8)])
def test_a_mistake_is_told_with_its_file_and_line(small: Path, tmp_path: Path, file: str, line: int) -> None:
    with (small / file).open("a") as text:
        text.write("int broken(void) { return }\n")
    with pytest.raises(BackendUnavailable) as error:
        compiled({})
    assert f"{file}:{line}:" in str(error.value)
    assert "--backend ptrace" in str(error.value)
    assert not (tmp_path / "cache").exists()


def test_a_file_is_included_once_and_lines_keep_their_numbers(small: Path) -> None:
    (small / "other.bpf.c").write_text('#include "shared.h"\nint last;\n')
    text = source(("small.bpf.c", "other.bpf.c")).splitlines()
    assert text.count("int probe(struct bpf_raw_tracepoint_args *ctx)") == 1
    place = text.index("int last;")
    assert text[place - 2 : place] == ['#line 1 "other.bpf.c"', ""]


def test_maps_get_other_numbers_and_nothing_else_changes() -> None:
    def load(registers: int, number: int) -> bytes:
        return compiler._INSTRUCTION.pack(0x18, registers, 0, number) + compiler._INSTRUCTION.pack(0, 0, 0, 0)

    move = compiler._INSTRUCTION.pack(0xB7, 1, 0, 3)
    program = load(0x11, 3) + move + load(0x01, 3) + load(0x12, 4)
    assert relocated(program, {3: 30, 4: 40}) == load(0x11, 30) + move + load(0x01, 3) + load(0x12, 40)


def test_the_probes_themselves_are_what_is_compiled() -> None:
    assert {path.name for path in PROBES.glob("*.bpf.c")} == {
        "calls.bpf.c",
        "identity.bpf.c",
        "memory.bpf.c",
        "tasks.bpf.c",
    }
