"""Offsets from BTF: this kernel's, a compiler's, and broken ones."""

import ctypes
import json
import os
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contrace.capture.ebpf import btf, cache
from contrace.errors import BackendUnavailable

INT, PTR, ARRAY, STRUCT, UNION, FWD, TYPEDEF, CONST, ENUM64 = 1, 2, 3, 4, 5, 7, 8, 10, 19
KIND_FLAG = 1 << 31

PROGRAM = r"""
#include <stdio.h>
#include <stddef.h>
struct list { struct list *next, *prev; };
struct inner { char pad[3]; unsigned bit : 3; int number; };
typedef const volatile struct inner inner_t;
struct outer {
    long first;
    inner_t within;
    union { int whole; struct { short low; struct list links; }; };
    enum { ONE, TWO } kind;
    float ratio;
    int (*function)(int, char);
    char tail[];
};
struct outer outer;
int main(void)
{
    printf("%zu %zu %zu %zu %zu", offsetof(struct outer, within.number), offsetof(struct outer, low),
           offsetof(struct outer, links.prev), offsetof(struct outer, tail), sizeof(struct outer));
}
"""


class Blob:
    """BTF as include/uapi/linux/btf.h writes it."""

    def __init__(self) -> None:
        self.types = b""
        self.count = 0
        self.strings = b"\0"

    def name(self, text: str) -> int:
        if not text:
            return 0
        self.strings += text.encode() + b"\0"
        return len(self.strings) - len(text) - 1

    def add(self, kind: int, name: str = "", size: int = 0, tail: tuple[int, ...] = (), vlen: int = 0) -> int:
        words = (self.name(name), kind << 24 & ~KIND_FLAG | kind & KIND_FLAG | vlen, size, *tail)
        self.types += struct.pack(f"<{len(words)}I", *words)
        self.count += 1
        return self.count

    def struct(self, name: str, *members: tuple[str, int, int], size: int = 64, kind: int = STRUCT) -> int:
        """Members are (name, type, bits)."""
        tail = tuple(word for member, number, bits in members for word in (self.name(member), number, bits))
        return self.add(kind, name, size, tail, len(members))

    def data(self, header: bytes | None = None) -> bytes:
        if header is None:
            header = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(self.types), len(self.types), len(self.strings))
        return header + self.types + self.strings


def sample(mm_bits: int = 512) -> Blob:
    """With every macro of `wanted`."""
    blob = Blob()
    integer = blob.add(INT, "int", 4, (32,))
    atomic = blob.add(TYPEDEF, "atomic_t", blob.add(CONST, size=blob.struct("", ("counter", integer, 0))))
    anonymous = blob.struct("", ("low", integer, 32), ("live", atomic, 64))
    union = blob.struct("", ("whole", integer, 0), ("", anonymous, 32), kind=UNION)
    blob.add(ARRAY, tail=(integer, integer, 3))
    blob.add(ENUM64, "enum", 8, (0, 1, 0), 1)
    blob.struct("task", ("pid", integer, 64), ("", union, 128), ("mm", blob.add(PTR, size=99), mm_bits), size=72)
    return blob


WANTED: dict[str, tuple[str, ...]] = {
    "PID": ("task.pid",),
    "LOW": ("task.low",),
    "LIVE": ("task.live.counter",),
    "MM": ("task.missing", "task.mm"),
}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "contrace/btf.json"


@pytest.fixture
def wanted(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, ...]]:
    table = dict(WANTED)
    monkeypatch.setattr(btf, "FIELDS", table)
    monkeypatch.setattr(btf, "SIZES", {"TASK_SIZE": "task"})
    monkeypatch.setattr(btf, "OPTIONAL", frozenset({"EXTRA"}))
    return table


# --- what is found --------------------------------------------------------------------------------------


def test_this_kernel_has_all_that_the_probes_need() -> None:
    found = btf.offsets()
    assert {*btf.FIELDS, *btf.SIZES} - btf.OPTIONAL <= set(found) <= {*btf.FIELDS, *btf.SIZES}
    # What the kernel's headers fix in the source: neighbours of one type, and first members.
    assert found["TASK_TGID"] == found["TASK_PID"] + 4
    assert found["TASK_CRED"] == found["TASK_REAL_CRED"] + 8
    assert [found[f"CRED_{name}"] - found["CRED_UID"] for name in ("GID", "EUID", "FSGID")] == [4, 16, 28]
    assert (found["PATH_MNT"], found["PATH_DENTRY"], found["UPID_NR"], found["UPID_NS"]) == (0, 8, 0, 8)
    assert found["SIGINFO_SIZE"] == 48
    assert found["MAP_EXTENT"] == found["MAP_FORWARD"]


def test_it_agrees_with_a_compiler(tmp_path: Path, wanted: dict[str, tuple[str, ...]]) -> None:
    source, binary, types = tmp_path / "program.c", tmp_path / "program", tmp_path / "types"
    source.write_text(PROGRAM)
    subprocess.run(["gcc", "-gbtf", "-o", binary, source], check=True)
    extract = ["objcopy", "-O", "binary", "--only-section=.BTF", "--set-section-flags", ".BTF=alloc", binary, types]
    subprocess.run(extract, check=True)
    wanted.clear()
    wanted |= {name: (f"outer.{name}",) for name in ("within.number", "low", "links.prev", "tail")}
    btf.SIZES["TASK_SIZE"] = "outer"
    found = btf.offsets(str(types))
    said = subprocess.run([binary], capture_output=True, text=True, check=True).stdout
    assert [found[name] for name in (*wanted, "TASK_SIZE")] == [int(number) for number in said.split()]


@pytest.mark.usefixtures("wanted")
def test_nameless_members_typedefs_and_alternatives() -> None:
    assert btf.parse(sample().data()) == {"PID": 8, "LOW": 24, "LIVE": 28, "MM": 64, "TASK_SIZE": 72}


def test_an_optional_member_may_be_absent(wanted: dict[str, tuple[str, ...]]) -> None:
    wanted["EXTRA"] = ("task.extra",)
    assert "EXTRA" not in btf.parse(sample().data())
    wanted["EXTRA"] = ("no_such_struct.extra",)
    assert "EXTRA" not in btf.parse(sample().data())
    wanted["EXTRA"] = ("task.pid",)
    assert btf.parse(sample().data())["EXTRA"] == 8


def test_structs_of_one_name_must_agree(wanted: dict[str, tuple[str, ...]]) -> None:
    blob = sample()
    blob.struct("task", ("pid", 1, 64), size=72)
    assert btf.parse(blob.data())["PID"] == 8
    blob.struct("task", ("pid", 1, 96), size=72)
    assert "several task.pid, which differ" in refusal(blob.data())
    del wanted["PID"]
    assert "PID" not in btf.parse(blob.data())
    blob.struct("task", size=80)
    assert "several task, which differ" in refusal(blob.data())


# --- what is refused ------------------------------------------------------------------------------------


def refusal(data: bytes) -> str:
    with pytest.raises(BackendUnavailable) as caught:
        btf.parse(data)
    return str(caught.value)


def test_a_kernel_without_types(tmp_path: Path) -> None:
    with pytest.raises(BackendUnavailable, match=r"CONFIG_DEBUG_INFO_BTF=y.*--backend ptrace"):
        btf.offsets(str(tmp_path / "vmlinux"))
    with pytest.raises(BackendUnavailable, match=r"cannot be read: Is a directory.*--backend ptrace"):
        btf.offsets(str(tmp_path))


def test_a_member_that_no_kernel_has_is_named(wanted: dict[str, tuple[str, ...]]) -> None:
    wanted["MM"] = ("task.missing", "other.mm")
    wanted["LOW"] = ("task.pid.low",)
    assert "has no task.pid.low, task.missing or other.mm." in refusal(sample().data())


def test_bitfields_are_refused(wanted: dict[str, tuple[str, ...]]) -> None:
    blob = sample()
    words = (blob.name("flags"), KIND_FLAG | STRUCT << 24 | 1, 8, blob.name("bit"), 1, 3 << 24 | 8)
    blob.types += struct.pack("<6I", *words)
    wanted["BIT"] = ("flags.bit",)
    assert "bit is a bitfield" in refusal(blob.data())
    blob.struct("old", ("bit", 1, 9))
    wanted["BIT"] = ("old.bit",)
    assert "old.bit is a bitfield" in refusal(blob.data())


def test_a_big_endian_kernel() -> None:
    assert "big-endian" in refusal(struct.pack(">HBBIIIII", 0xEB9F, 1, 0, 24, 0, 0, 0, 0))


@pytest.mark.usefixtures("wanted")
def test_what_is_not_btf() -> None:
    assert "make no sense: they end early" in refusal(b"")
    assert "not those of BTF" in refusal(b"\x7fELF" + bytes(60))
    assert "end early" in refusal(sample().data()[:-1])
    blob = sample()
    blob.add(25)
    assert "unknown kind 25" in refusal(blob.data())
    blob = sample()
    blob.types += struct.pack("<3I", 9999, STRUCT << 24, 0)
    assert "name of type 11 is not there" in refusal(blob.data())
    blob = sample()
    blob.types += struct.pack("<I", 0)
    assert "refer to what is not there" in refusal(blob.data())


def test_types_that_refer_to_themselves(wanted: dict[str, tuple[str, ...]]) -> None:
    blob = sample()
    loop = blob.add(TYPEDEF, "loop", blob.count + 1)
    blob.struct("ring", ("within", loop, 0))
    wanted["RING"] = ("ring.within.deeper",)
    assert "refers to itself" in refusal(blob.data())
    blob.struct("onion", ("", blob.count + 1, 0), ("core", 1, 0))
    wanted["RING"] = ("onion.core",)
    assert btf.parse(blob.data())["RING"] == 0
    wanted["RING"] = ("onion.peel",)
    assert "onion.peel" in refusal(blob.data())


def broken(data: bytes) -> None:
    """Nothing but an answer or the one error."""
    try:
        found = btf.parse(data)
    except BackendUnavailable:
        return
    assert all(value >= 0 for value in found.values())


def with_the_sample(check: Callable[[bytes], None], data: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(btf, "FIELDS", WANTED)
        patch.setattr(btf, "SIZES", {"TASK_SIZE": "task"})
        check(data)


@given(st.lists(st.tuples(st.integers(0, len(sample().data()) - 1), st.integers(0, 255)), max_size=6))
def test_changed_bytes(changes: list[tuple[int, int]]) -> None:
    data = bytearray(sample().data())
    for at, value in changes:
        data[at] = value
    with_the_sample(broken, bytes(data))


@given(st.integers(0, len(sample().data())), st.binary(max_size=40))
def test_cut_and_continued_with_anything(length: int, rest: bytes) -> None:
    with_the_sample(broken, sample().data()[:length] + rest)


@given(st.binary(max_size=400))
def test_any_bytes_as_types(types: bytes) -> None:
    strings = b"\0task\0pid\0"
    header = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(types), len(types), len(strings))
    with_the_sample(broken, header + types + strings)
    broken(types)


# --- what is remembered ---------------------------------------------------------------------------------


def test_the_second_run_does_not_read_the_types(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = btf.offsets()
    assert own_cache.stat().st_mode & 0o777 == 0o600
    assert own_cache.parent.stat().st_mode & 0o777 == 0o700
    assert os.listdir(own_cache.parent) == ["btf.json"]
    monkeypatch.setattr(btf, "parse", None)
    assert btf.offsets() == first


def tamper(path: Path, change: Callable[[dict[str, object]], object]) -> None:
    stored = json.loads(path.read_text())
    path.write_text(json.dumps(change(stored)))


LIES: dict[str, Callable[[dict], object]] = {
    "text": lambda stored: stored | {"values": stored["values"] | {"PID": "8"}},
    "a truth value": lambda stored: stored | {"values": stored["values"] | {"PID": True}},
    "negative": lambda stored: stored | {"values": stored["values"] | {"PID": -1}},
    "a fraction": lambda stored: stored | {"values": stored["values"] | {"PID": 8.5}},
    "one missing": lambda stored: stored | {"values": {"PID": 8}},
    "one too many": lambda stored: stored | {"values": stored["values"] | {"ELSE": 8}},
    "no values": lambda stored: {"key": stored["key"]},
    "a list": lambda stored: [stored],
    "of another kernel": lambda stored: stored | {"key": "other"},
}


@pytest.mark.usefixtures("wanted")
@pytest.mark.parametrize("lie", LIES)
def test_a_cache_that_lies_is_not_used(lie: str, own_cache: Path, tmp_path: Path) -> None:
    file = tmp_path / "vmlinux"
    file.write_bytes(sample().data())
    truth = btf.offsets(str(file))
    tamper(own_cache, LIES[lie])
    assert btf.offsets(str(file)) == truth


@pytest.mark.usefixtures("wanted")
@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 60_000, b"null"])
def test_a_broken_cache_is_read_anew_and_mended(content: bytes, own_cache: Path, tmp_path: Path) -> None:
    file = tmp_path / "vmlinux"
    file.write_bytes(sample().data())
    truth = btf.offsets(str(file))
    own_cache.write_bytes(content)
    assert btf.offsets(str(file)) == truth
    assert json.loads(own_cache.read_text())["values"] == truth


def test_another_table_or_another_kernel_does_not_fit(
    wanted: dict[str, tuple[str, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "vmlinux"
    file.write_bytes(sample().data())
    assert btf.offsets(str(file))["LOW"] == 24
    wanted["LOW"] = ("task.whole",)
    assert btf.offsets(str(file))["LOW"] == 16
    file.write_bytes(sample(mm_bits=480).data())
    monkeypatch.setattr(cache, "kernel", lambda: "another build")
    assert btf.offsets(str(file))["MM"] == 60


def test_what_others_can_write_is_not_trusted(own_cache: Path) -> None:
    cache.store("key", {"A": 1})
    assert cache.load("key") == {"A": 1}
    own_cache.chmod(0o666)
    assert cache.load("key") is None
    own_cache.chmod(0o600)
    own_cache.rename(own_cache.with_name("target"))
    own_cache.symlink_to("target")
    assert cache.load("key") is None
    own_cache.unlink()
    os.mkfifo(own_cache, 0o600)
    assert cache.load("key") is None


@pytest.mark.skipif("os.geteuid() != 0", reason="needs root: it gives files away")
def test_a_cache_of_somebody_else_is_neither_read_nor_written(own_cache: Path, tmp_path: Path) -> None:
    cache.store("key", {"A": 1})
    os.chown(own_cache, 65534, 65534)
    assert cache.load("key") is None
    own_cache.unlink()
    os.chown(tmp_path, 65534, 65534)
    cache.store("key", {"A": 1})
    assert not own_cache.exists()


def test_where_nothing_can_be_kept_nothing_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "nowhere"))
    cache.store("key", {"A": 1})
    assert cache.load("key") is None
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".cache").write_text("a file")
    cache.store("key", {"A": 1})
    assert cache.load("key") is None
    (tmp_path / ".cache").unlink()
    cache.store("key", {"A": 1})
    assert cache.load("key") == {"A": 1}


def test_the_build_id_is_found_among_other_notes() -> None:
    def note(name: bytes, kind: int, content: bytes) -> bytes:
        padded = name + bytes(-len(name) % 4) + content + bytes(-len(content) % 4)
        return struct.pack("=III", len(name), len(content), kind) + padded

    other = note(b"Linux\0", 257, b"12345") + note(b"Xen\0", 3, b"no")
    assert cache.build_id(other + note(b"GNU\0", 3, b"\x01\xab") + other) == "01ab"
    assert cache.build_id(other) == cache.build_id(b"") == cache.build_id(other[:-3]) == ""


def test_the_kernel_has_a_name() -> None:
    assert len(cache.kernel()) > 4
    assert ctypes.sizeof(ctypes.c_uint) == 4  # array("I") holds the words
