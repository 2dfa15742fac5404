"""Where the cache lies: the XDG Base Directory Specification, and whose directories are used."""

import os
from pathlib import Path

import pytest

from contrace.capture.ebpf import cache

SOMEBODY = 65534


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    return folder


def test_a_chosen_directory_that_does_not_exist_yet_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = tmp_path / "not" / "yet"
    monkeypatch.setenv("XDG_CACHE_HOME", str(chosen))
    assert cache.read("name", 9) is None
    assert not chosen.exists()
    cache.write("name", b"kept")
    assert cache.read("name", 9) == b"kept"
    assert {path.stat().st_mode & 0o777 for path in (chosen, chosen / "contrace")} == {0o700}


def test_so_is_the_one_in_the_home_but_not_the_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.write("name", b"kept")
    assert os.listdir(home / ".cache" / "contrace") == ["name"]
    monkeypatch.setenv("HOME", str(home / "gone"))
    cache.write("name", b"kept")
    assert not (home / "gone").exists()


def test_a_relative_choice_is_none(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    cache.write("name", b"kept")
    assert (home / ".cache" / "contrace" / "name").exists()
    assert not Path("here").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("chosen", ["theirs", "theirs/not-yet", "theirs/not/yet"])
def test_nothing_is_made_in_what_is_somebody_elses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: str
) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    os.chown(theirs, SOMEBODY, SOMEBODY)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / chosen))
    cache.write("name", b"kept")
    assert os.listdir(theirs) == []
    assert cache.read("name", 9) is None


def test_only_the_newest_files_of_a_kind_are_kept(home: Path) -> None:
    for number in range(5):
        cache.write(f"kind-{number}", b"")
        os.utime(home / ".cache" / "contrace" / f"kind-{number}", ns=(number, number))
    cache.write("other", b"")
    cache.keep_newest("kind-", 2)
    assert sorted(os.listdir(home / ".cache" / "contrace")) == ["kind-3", "kind-4", "other"]
