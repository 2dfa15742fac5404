"""Temporary directories go with their process, also with one that was killed."""

import os
from pathlib import Path

import pytest

from contrace.trace.scratch import Scratch


@pytest.fixture(autouse=True)
def where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def old(folder: Path) -> Path:
    os.utime(folder, (1, 1))
    return folder


def test_what_a_killed_process_left_is_removed_by_the_next(where):
    left = where / "contrace-index-left"
    left.mkdir()
    (left / "index").write_bytes(b"x")
    old(left)
    other = where / "mine"
    other.mkdir()
    old(other)
    scratch = Scratch()
    assert sorted(where.iterdir()) == sorted([other, scratch.path])
    scratch.close()
    scratch.close()
    assert list(where.iterdir()) == [other]


def test_what_is_in_use_or_just_made_stays(where):
    used = Scratch()
    old(used.path)
    young = where / "contrace-index-young"
    young.mkdir()
    link = where / "contrace-index-link"
    link.symlink_to(where)
    os.utime(link, (1, 1), follow_symlinks=False)
    Scratch().close()
    assert sorted(where.iterdir()) == sorted([used.path, young, link])
    used.close()
