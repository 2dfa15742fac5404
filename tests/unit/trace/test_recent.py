"""Which traces there are."""

import os

import msgspec
import pytest

from contrace.trace import recent
from contrace.trace.reader import TraceReader
from contrace.trace.writer import TraceWriter
from tests.unit.scene import META, ms, start


def written(path, *, finish=True, command=("sh",)):
    writer = TraceWriter(path, msgspec.structs.replace(META, command=command))
    writer.write([start(0, 10, 1), start(1500, 11, 10)])
    writer.place()
    if finish:
        writer.finish({"reason": "over", "records": 2, "lost": 0})
    return writer


def test_newest_first_and_only_what_is_called_a_trace(tmp_path):
    for name, age in (("a.ctrace", 50), ("b.ctrace", 10), ("c.txt", 5)):
        (tmp_path / name).write_bytes(b"x" * age)
        os.utime(tmp_path / name, ns=(0, 10**18 - age))
    (tmp_path / "d.ctrace").mkdir()
    (tmp_path / "e.ctrace").symlink_to("nowhere")
    found = recent.traces([tmp_path, tmp_path, tmp_path / "missing"])
    assert [(each.path.name, each.size) for each in found] == [("b.ctrace", 10), ("a.ctrace", 50)]


def test_of_a_directory_that_others_write_to_only_our_own(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    for name, owner in (("ours.ctrace", 0), ("theirs.ctrace", 12345)):
        (tmp_path / name).write_bytes(b"x")
        os.chown(tmp_path / name, owner, owner)
    (tmp_path / "a-name-only.ctrace").touch()
    assert len(recent.traces([tmp_path])) == 3
    tmp_path.chmod(0o1777)
    assert [each.path.name for each in recent.traces([tmp_path])] == ["ours.ctrace"]


def test_a_complete_trace(tmp_path):
    written(tmp_path / "t.ctrace", command=("docker", "run"))
    [found] = recent.traces([tmp_path])
    seen = recent.look(found)
    assert seen.meta is not None
    assert (seen.meta.command, seen.growing, seen.ended, seen.problem) == (("docker", "run"), False, True, "")
    reader = TraceReader(found.path)
    assert seen.length_ns == reader.ended.ended_monotonic_ns - META.started_monotonic_ns
    reader.close()


def test_a_trace_that_is_being_recorded_is_as_long_as_its_last_record(tmp_path):
    writer = written(tmp_path / "t.ctrace", finish=False)
    [found] = recent.traces([tmp_path])
    seen = recent.look(found)
    assert (seen.growing, seen.ended, seen.length_ns) == (True, False, ms(1500) - META.started_monotonic_ns)
    writer.finish({"reason": "over", "records": 2, "lost": 0})


def test_what_cannot_be_read_says_why(tmp_path):
    (tmp_path / "junk.ctrace").write_bytes(b"junk" * 100)
    seen = recent.look(recent.traces([tmp_path])[0])
    assert (seen.meta, seen.length_ns) == (None, None)
    assert "is not a trace of contrace" in seen.problem


def test_a_trace_that_went_away_says_so(tmp_path):
    written(tmp_path / "t.ctrace")
    [found] = recent.traces([tmp_path])
    found.path.unlink()
    assert "there is no file" in recent.look(found).problem


def test_contrace_writes_where_the_user_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert recent.directories()[0] == tmp_path
