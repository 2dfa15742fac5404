"""What every backend tells of a call's arguments: scripts, long vectors, and pages that are not there."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

from contrace.records import Block, Exec, Memory, Syscall, Text, Vector
from tests.backends.conftest import Capture
from tests.backends.test_life import SH, named, of_kind

ARGV, ENVP = 1, 2
COLD = ((b"zero", b"first", b"second"), (b"A=1", b"B=2"))
WARM = ((b"warm", b"second"), (b"warm", b"second"))


def script(path: Path, first_line: str) -> Path:
    path.write_text(f"#!{first_line}\nexit 0\n")
    path.chmod(stat.S_IRWXU)
    return path


def vector(call: Syscall, arg: int) -> Vector:
    [found] = [m for m in call.memory if isinstance(m, Vector) and m.arg == arg]
    return found


def text(call: Syscall, arg: int) -> Text:
    [found] = [m for m in call.memory if isinstance(m, Text) and m.arg == arg]
    return found


def whole(vector: Vector) -> bool:
    return not (vector.broken or vector.fault or vector.total)


def check_text(found: Text, truth: bytes) -> None:
    """It is complete, or it says that it is not."""
    assert truth.startswith(found.data)
    assert found.broken or found.data == truth


def check_vector(found: Vector, truth: tuple[bytes, ...]) -> None:
    """Each string is complete or said not to be, and so is the vector."""
    assert len(found.items) <= len(truth)
    for place, item in enumerate(found.items):
        assert truth[place].startswith(item)
        assert place in found.broken or item == truth[place]
    assert len(found.items) == len(truth) or found.fault or found.total == len(truth)


def test_a_script_is_called_by_its_own_arguments_and_runs_with_its_interpreters(
    capture: Capture, tmp_path: Path
) -> None:
    path = script(tmp_path / "script", "/bin/sh -e")
    records = capture(path, "a", "b c", "")
    [execve], [executed] = named(records, "execve"), of_kind(records, Exec)
    name = os.fsencode(path)
    assert text(execve, 0).data == name
    assert vector(execve, ARGV).items == (name, b"a", b"b c", b"")
    assert executed.argv == (b"/bin/sh", b"-e", name, b"a", b"b c", b"")
    assert executed.exe == os.fsencode(os.path.realpath(SH))


def test_an_interpreter_may_be_a_script_itself(capture: Capture, tmp_path: Path) -> None:
    inner = script(tmp_path / "inner", "/bin/sh -e -u")
    outer = script(tmp_path / "outer", f"{inner} -x  y ")
    records = capture(outer, "a", "a")
    [execve], [executed] = named(records, "execve"), of_kind(records, Exec)
    names = os.fsencode(inner), os.fsencode(outer)
    assert vector(execve, ARGV).items == (names[1], b"a", b"a")
    # one argument, whatever blanks are in it (fs/binfmt_script.c)
    assert executed.argv == (b"/bin/sh", b"-e -u", names[0], b"-x  y", names[1], b"a", b"a")
    assert execve.result == 0


def test_a_failing_execves_128_kib_are_complete(capture: Capture, built: Callable[[str], Path]) -> None:
    records = capture(built("exec_fails_big"))
    [call] = [call for call in named(records, "execve") if call.result == -2]
    for arg, letter in ((ARGV, "a"), (ENVP, "e")):
        found = vector(call, arg)
        assert whole(found)
        words = [f"{letter}{number}={number:0900d}" for number in range(60)]
        assert found.items == tuple(word.encode() for word in [*words, letter * 12000])


def test_an_execve_that_succeeds_is_complete_though_its_pages_were_not_resident(
    capture: Capture, built: Callable[[str], Path]
) -> None:
    records = capture(built("cold"), "/bin/true")
    calls = [call for call in named(records, "execve") if call.result == 0][1:]
    assert len(calls) == 4
    for call, (argv, envp) in zip(calls, (COLD, COLD, COLD, WARM), strict=True):
        assert text(call, 0) == Text(arg=0, address=call.args[0], data=b"/bin/true")
        for arg, truth in ((ARGV, argv), (ENVP, envp)):
            assert vector(call, arg).items == truth
            assert whole(vector(call, arg))


def test_a_scripts_is_complete_but_for_what_the_kernel_put_its_interpreter_in_place_of(
    capture: Capture, built: Callable[[str], Path], tmp_path: Path
) -> None:
    path = script(tmp_path / "script", "/bin/sh -e")
    records = capture(built("cold"), path)
    calls = [call for call in named(records, "execve") if call.result == 0][1:]
    assert len(calls) == 4
    for call, (argv, envp) in zip(calls, (COLD, COLD, COLD, WARM), strict=True):
        assert text(call, 0) == Text(arg=0, address=call.args[0], data=os.fsencode(path))
        check_vector(vector(call, ARGV), argv)
        assert (vector(call, ENVP).items, whole(vector(call, ENVP))) == (envp, True)


def test_an_execve_that_fails_is_never_told_wrongly(capture: Capture, built: Callable[[str], Path]) -> None:
    records = capture(built("cold"))
    calls = [call for call in named(records, "execve") if call.result == -2]
    assert len(calls) == 4
    for call, (argv, envp) in zip(calls, (COLD, COLD, COLD, WARM), strict=True):
        check_text(text(call, 0), b"/nonexistent/cold")
        check_vector(vector(call, ARGV), argv)
        check_vector(vector(call, ENVP), envp)
    assert whole(vector(calls[-1], ARGV))


def test_what_other_calls_point_to_is_read_when_the_kernel_has_read_it(
    capture: Capture, built: Callable[[str], Path]
) -> None:
    records = capture(built("cold"))
    [mount] = named(records, "mount")
    assert mount.result == -2
    # The kernel comes to the target last, and looks it up: ENOENT.
    for arg, truth in ((0, b"cold source"), (1, b"/nonexistent/cold target"), (2, b"cold type")):
        assert text(mount, arg) == Text(arg=arg, address=mount.args[arg], data=truth)
    [name] = [m for call in named(records, "prctl") for m in call.memory]
    assert isinstance(name, Text)
    assert (name.data, name.broken) == (b"cold name", False)
    for call in named(records, "sethostname"):
        assert [host(memory) for memory in call.memory] == [b"cold-host"]
        assert call.result == 0


def host(memory: Memory) -> bytes:
    assert isinstance(memory, Block)
    assert memory.wanted == len(memory.data)
    return memory.data
