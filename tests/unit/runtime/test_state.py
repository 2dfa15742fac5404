"""The state directory."""

import os
import subprocess
from pathlib import Path

import pytest

from contrace.errors import ContraceError, UsageError
from contrace.runtime.state import Entry, Identity, State, Status, default_directory, open_directory, send


def state(**changes: object) -> State:
    import msgspec

    plain = State(oci_version="1.0.2", id="demo", bundle="/b", creator=Identity.of(os.getpid()))
    return msgspec.structs.replace(plain, **changes)


@pytest.fixture
def entry(tmp_path: Path) -> Entry:
    made = Entry(str(tmp_path), "demo")
    made.reserve()
    return made


def test_what_is_saved_is_loaded(entry: Entry) -> None:
    saved = state(init=Identity(7, 8), made=("/a", "/a/b"), annotations={"k": "v"})
    entry.save(saved)
    assert entry.load() == saved
    assert sorted(os.listdir(entry.path)) == ["state.json"]


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff"])
def test_a_broken_file(entry: Entry, content: bytes) -> None:
    Path(entry.path, "state.json").write_bytes(content)
    with pytest.raises(ContraceError, match=r"cannot read .*state\.json: "):
        entry.load()


def test_the_status_is_what_the_processes_do(entry: Entry) -> None:
    alive, dead = Identity.of(os.getpid()), Identity(os.getpid(), 1)
    assert entry.status(state()) is Status.CREATING
    assert entry.status(state(creator=dead)) is Status.STOPPED
    assert entry.status(state(init=dead, is_ready=True)) is Status.STOPPED
    assert entry.status(state(init=alive, is_ready=True)) is Status.RUNNING
    Path(entry.start_socket).touch()
    assert entry.status(state(init=alive, is_ready=True)) is Status.CREATED


def test_an_identity_is_not_its_number() -> None:
    with subprocess.Popen(["sleep", "100"]) as process:
        identity = Identity.of(process.pid)
        assert identity.is_alive()
        assert not Identity(process.pid, identity.start_time + 1).is_alive()
        assert not send(Identity(process.pid, identity.start_time + 1), 9)
        assert send(identity, 9)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert not identity.is_alive()  # a zombie
    assert not identity.is_alive()
    assert not send(identity, 9)
    assert not Identity.of(process.pid).is_alive()


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "\n", "ä"])
def test_names_that_are_no_id(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be a container's ID"):
        Entry(str(tmp_path), name)


def test_a_directory_that_others_can_write_to(tmp_path: Path) -> None:
    open_directory(str(tmp_path / "new"))
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o711
    tmp_path.chmod(0o777)
    with pytest.raises(ContraceError, match="a directory of yours alone"):
        open_directory(str(tmp_path))
    (tmp_path / "link").symlink_to(tmp_path / "new")
    with pytest.raises(ContraceError, match="a directory of yours alone"):
        open_directory(str(tmp_path / "link"))


def test_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert default_directory() == "/run/contrace"
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1000")
    assert default_directory() == "/run/user/1000/contrace"
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert default_directory() == "/tmp/contrace-1000"
