"""What goes wrong: one clear message, the documented exit status, no traceback, and nothing left stopped or half made.

That nothing is left stopped or traced is what tests/conftest.py asks after every test.
"""

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from contrace.trace.schema import SCHEMA_VERSION
from tests.harness import ATTACHED, CONTRACE, Trace, contrace
from tests.managers import host
from tests.seccomp import WITHOUT_PTRACE
from tests.users import User, user


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def somebody() -> Iterator[User]:
    with user() as normal:
        yield normal


@pytest.fixture
def sleeper() -> "Iterator[subprocess.Popen[bytes]]":
    process = subprocess.Popen(["sleep", "60"])
    yield process
    host.end(process)


def refused(done: "subprocess.CompletedProcess[str]", status: int) -> str:
    """The message of a contrace that could not do what it was asked."""
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("contrace: ")
    assert done.stderr.count("contrace: ") == 1, done.stderr
    return done.stderr.removeprefix("contrace: ").removesuffix("\n")


def files() -> list[str]:
    """What is left in the working directory."""
    return sorted(os.listdir())


# --- 2: the command line -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("attach", "attach to what? Give a pid, a process name such as containerd, a pid file, docker, containerd or"),
        ("attach 1 --system-wide", "attach to what? "),
        ("attach --container a --system-wide", "attach to what? "),
        (
            "attach --system-wide --backend ptrace",
            "--container and --system-wide need eBPF: leave out --backend ptrace",
        ),
        ("attach 1 --buffer many", "--buffer 'many': not a size; write 16M or 512K"),
        ("attach 1 --buffer 1K", "--buffer '1K': must be between 64K and 1G"),
        ("run", "run what? Give a command, such as: contrace run -- unshare --user true"),
        ("run --", "run what? Give a command, such as: contrace run -- unshare --user true"),
        ("show", "show what? Give a trace file, such as demo.ctrace"),
        ("runn true", "no such command 'runn'. Did you mean 'run'?\nSee contrace --help"),
        ("run --nosuch true", "no such option: --nosuch\nSee contrace run --help"),
        ("run -o", "option '-o' requires an argument."),
        (
            "run --format pdf true",
            "invalid value for '--format': 'pdf' is not one of 'timeline', 'explained', 'strace', "
            "'jsonl', 'normalised', 'none'."
            "\nSee contrace run --help",
        ),
        (
            "run -s many true",
            "invalid value for '-s' / '--string-limit': 'many' is not a whole number\nSee contrace run --help",
        ),
        ("run -s -1 true", "-s -1: a string cannot be shorter than 0 bytes"),
        ("run --for soon true", "--for 'soon': not a time; write 30s, 500ms, 2m or 1h"),
        ("run --calls unshar true", "--calls: no call or group is named 'unshar' (did you mean unshare"),
        ("run --format none failed true", "FILTER words choose what is shown, and --format none shows nothing"),
        ("run cal:execve true", None),
        ("run call:exeve true", "filter: there is no system call exeve (did you mean execve"),
        ("attach 1 took:>5", "filter: a unit is missing here: ns, us, ms or s\n  took:>5\n         ^\n"),
    ],
)
def test_a_command_line_that_makes_no_sense(line: str, message: str | None) -> None:
    done = contrace(*line.split())
    if message is None:  # what has no known key is the command
        assert done.returncode == 127
        return
    assert refused(done, 2).startswith(message)
    assert files() == []


# --- 3: permission -----------------------------------------------------------------------------------------


def test_somebody_elses_process(somebody: User, sleeper: "subprocess.Popen[bytes]") -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root: a process of another user")
    message = refused(somebody.contrace("attach", str(sleeper.pid)), 3)
    assert message == (
        f"the kernel refuses to trace sleep[{sleeper.pid}] (Operation not permitted): run contrace as root, "
        "or see `contrace doctor` for what you may trace here"
    )
    assert list(somebody.folder.iterdir()) == []
    assert host.state_of(sleeper.pid) == "S"


def test_of_several_targets_none_stays_attached_when_one_is_refused(somebody: User) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root: a process of another user")
    own = subprocess.Popen([*somebody.prefix, "sleep", "60"])
    foreign = subprocess.Popen(["sleep", "60"])
    try:
        host.wait_until(lambda: Path(f"/proc/{own.pid}/comm").read_text() == "sleep\n", "the user's process has begun")
        refused(somebody.contrace("attach", str(own.pid), str(foreign.pid)), 3)
        assert host.tracer_of(own.pid) == 0
    finally:
        host.end(own)
        host.end(foreign)


def test_where_ptrace_is_forbidden(sleeper: "subprocess.Popen[bytes]") -> None:
    def forbidden(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*WITHOUT_PTRACE, *CONTRACE, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    by = ("--backend", "ptrace")
    assert "(Operation not permitted)" in refused(forbidden("attach", *by, str(sleeper.pid)), 3)
    message = refused(forbidden("run", *by, "--", "touch", "made"), 3)
    assert message == (
        "the kernel refuses to trace a process of one's own (Operation not permitted); see `contrace doctor`"
    )
    assert files() == []


# --- 4: targets --------------------------------------------------------------------------------------------


@pytest.fixture
def manager() -> "Iterator[subprocess.Popen[bytes]]":
    """A program called conmon."""
    sleep = shutil.which("sleep")
    assert sleep is not None
    process = subprocess.Popen([Path(shutil.copy(sleep, "conmon")).absolute(), "60"])
    yield process
    host.end(process)


def test_a_name_that_nobody_has_lists_the_managers_that_run(manager: "subprocess.Popen[bytes]") -> None:
    message = refused(contrace("attach", "conmom"), 4)
    assert message.startswith("no process is called 'conmom'. Container managers that run here:\n")
    assert re.search(rf"^ +{manager.pid}  conmon +/.*/conmon 60$", message, re.M)


def test_a_name_that_several_have_lists_them(manager: "subprocess.Popen[bytes]") -> None:
    name = "contrace-test-twin"
    shutil.copy("conmon", name)
    twins = [subprocess.Popen([f"./{name}", seconds]) for seconds in ("60", "61")]
    try:
        message = refused(contrace("attach", name), 4)
    finally:
        for twin in twins:
            host.end(twin)
    head, *table = message.splitlines()
    assert head == f"2 processes are called '{name}'; name one (or several) by pid:"
    assert [line.split() for line in table] == [
        [str(twin.pid), name, f"./{name}", seconds] for twin, seconds in zip(twins, ("60", "61"), strict=True)
    ]


def test_pids_that_are_no_process(sleeper: "subprocess.Popen[bytes]") -> None:
    ended = subprocess.Popen(["true"])
    host.wait_until(lambda: host.state_of(ended.pid) is None, "true has ended")
    assert refused(contrace("attach", str(ended.pid)), 4) == (
        f"process {ended.pid} is a zombie or a kernel thread: there is nothing to trace"
    )
    ended.wait()
    assert refused(contrace("attach", str(ended.pid)), 4).startswith(f"no process has pid {ended.pid}. ")
    for unthinkable in ("0", "99999999999999999999"):
        assert refused(contrace("attach", unthinkable), 4).startswith(f"no process has pid {unthinkable}. ")


def test_a_thread_is_not_a_process() -> None:
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    try:
        message = refused(contrace("attach", str(thread.native_id)), 4)
    finally:
        over.set()
        thread.join()
    assert message == f"{thread.native_id} is a thread of process {os.getpid()}: name the process"


def test_pid_files_that_are_none() -> None:
    assert refused(contrace("attach", "./x.pid"), 4) == "cannot read the pid file 'x.pid': No such file or directory"
    Path("x.pid").write_text("x\n")
    assert refused(contrace("attach", "x.pid"), 4) == "'x.pid' is not a pid file: it does not hold a process id"
    Path("x.pid").write_text("")
    assert refused(contrace("attach", "x.pid"), 4) == "'x.pid' is not a pid file: it does not hold a process id"
    assert refused(contrace("attach", "/"), 4) == "cannot read the pid file '/': Is a directory"


def test_what_a_process_calls_itself_is_escaped() -> None:
    process = subprocess.Popen(["contrace\x1b[2J\n", "60"], executable="sleep")
    twin = subprocess.Popen(["contrace\x1b[2J\n", "60"], executable="sleep")
    try:
        message = refused(contrace("attach", "contrace\\x1b[2J\\n"), 4)
    finally:
        host.end(process)
        host.end(twin)
    assert "\x1b" not in message
    assert len(message.splitlines()) == 3


# --- 5: already traced -------------------------------------------------------------------------------------


def test_what_strace_holds(sleeper: "subprocess.Popen[bytes]") -> None:
    strace = subprocess.Popen(["strace", "-o", "strace.txt", "-p", str(sleeper.pid)], stderr=subprocess.DEVNULL)
    try:
        host.wait_until(lambda: host.tracer_of(sleeper.pid) == strace.pid, "strace traces")
        message = refused(contrace("attach", "--backend", "ptrace", str(sleeper.pid)), 5)
        assert host.tracer_of(sleeper.pid) == strace.pid
    finally:
        strace.send_signal(signal.SIGINT)
        strace.wait(20)
    assert message == (
        f"sleep[{sleeper.pid}] is already traced by 'strace'[{strace.pid}]; "
        "a process can have one tracer only: end that one first"
    )
    assert files() == ["strace.txt"]


# --- 6: trace files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nosuch/x.ctrace", "cannot create nosuch/x.ctrace: there is no directory nosuch"),
        (".", "cannot create .: it is a directory; name a file in it"),
        ("note.txt", "note.txt exists and is not a trace; it is left as it is: choose another name with -o"),
        ("note.txt/x.ctrace", "cannot create note.txt/x.ctrace: Not a directory"),
        ("/dev/null", "/dev/null"),
    ],
)
def test_trace_files_that_cannot_be_made(path: str, message: str) -> None:
    Path("note.txt").write_text("a note\n")
    done = contrace("run", "-o", path, "--", "touch", "made")
    assert message in refused(done, 6)
    assert files() == ["note.txt"]
    assert Path("note.txt").read_text() == "a note\n"


def test_a_directory_that_may_not_be_written_to(somebody: User) -> None:
    somebody.folder.chmod(0o555)
    done = somebody.contrace("run", "--", "true")
    message = refused(done, 6)
    assert re.fullmatch(
        r"cannot create contrace-[\d-]+\.ctrace: Permission denied; choose a directory that you may write to with -o",
        message,
    )


def test_a_file_that_another_contrace_writes(sleeper: "subprocess.Popen[bytes]") -> None:
    with Path("stderr").open("wb") as stderr:
        other = subprocess.Popen(
            [*CONTRACE, "attach", str(sleeper.pid), "-o", "x.ctrace"], stdout=subprocess.DEVNULL, stderr=stderr
        )
    try:
        host.wait_until(lambda: Path("x.ctrace").exists(), "the trace file is there")
        assert "x.ctrace" in refused(contrace("run", "-o", "x.ctrace", "--", "true"), 6)
    finally:
        other.terminate()
        assert other.wait(20) == 0
    assert Trace(Path("x.ctrace")).meta.command == (f"sleep[{sleeper.pid}]",)


@pytest.fixture
def trace() -> Path:
    done = contrace("run", "--format", "none", "-o", "good.ctrace", "--", "true")
    assert done.returncode == 0
    return Path("good.ctrace")


def test_traces_that_are_none() -> None:
    Path("empty.ctrace").touch()
    Path("note.ctrace").write_text("a note\n" * 100)
    with closing(sqlite3.connect("other.ctrace")) as connection:
        connection.execute("CREATE TABLE t (x)")
    hint = "; `contrace attach` and `contrace run` write traces, with -o FILE"
    for path, message in {
        "nosuch.ctrace": "there is no file nosuch.ctrace",
        ".": ". is a directory; name a trace file in it",
        "empty.ctrace": f"empty.ctrace is empty{hint}",
        "note.ctrace": f"note.ctrace is not a trace of contrace{hint}",
        "other.ctrace": f"other.ctrace is not a trace of contrace{hint}",
        "/dev/null": "/dev/null is not a regular file; a trace can only be read from one",
    }.items():
        assert refused(contrace("show", path), 6) == message


def test_a_trace_of_a_newer_contrace(trace: Path) -> None:
    with closing(sqlite3.connect(trace)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    assert refused(contrace("show", trace), 6) == (
        f"good.ctrace was written by a newer contrace (its format is {SCHEMA_VERSION + 1}, this one reads up to "
        f"{SCHEMA_VERSION}): update contrace"
    )


@pytest.mark.parametrize("kept", [100, 5000, 20000])
def test_a_trace_that_was_cut_off(trace: Path, kept: int) -> None:
    trace.write_bytes(trace.read_bytes()[:kept])
    assert refused(contrace("show", trace), 6).startswith("good.ctrace is damaged or was cut off (")


def test_a_trace_with_a_damaged_record(trace: Path) -> None:
    with closing(sqlite3.connect(trace)) as connection:
        connection.execute("UPDATE record SET data = x'c1' WHERE id = (SELECT max(id) FROM record)")
        connection.commit()
    done = contrace("show", trace)
    assert done.returncode == 6
    assert "Traceback" not in done.stderr
    assert re.fullmatch(r"contrace: good\.ctrace: record \d+ is damaged \(.*\); the file cannot be used\n", done.stderr)


def test_a_trace_of_somebody_else(somebody: User) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root: a file of another user")
    path = somebody.folder / "x.ctrace"
    assert contrace("run", "--format", "none", "-o", path, "--", "true").returncode == 0
    assert refused(somebody.contrace("show", "x.ctrace"), 6) == (
        "may not read x.ctrace: a trace belongs to the user who recorded it, since it holds environments; use sudo"
    )


def test_a_recorder_that_is_killed_is_told(sleeper: "subprocess.Popen[bytes]", backend: str) -> None:
    with Path("stderr").open("wb") as stderr:
        command = [*CONTRACE, "attach", str(sleeper.pid), "--backend", backend, "-o", "x.ctrace", "--format", "none"]
        attached = subprocess.Popen(command, stderr=stderr)
    host.wait_until(lambda: ATTACHED in Path("stderr").read_text(), "contrace traces")
    os.kill(host.recorder_of(attached.pid), signal.SIGKILL)
    assert attached.wait(20) == 1
    assert Path("stderr").read_text().splitlines()[-1] == (
        "contrace: the recorder process was killed; the trace holds everything but its last moments"
    )
    assert host.state_of(sleeper.pid) == "S"


# --- 126, 127: the command ---------------------------------------------------------------------------------


def test_commands_that_cannot_be_run() -> None:
    Path("no-interpreter").write_text("#!/nonexistent/sh\n")
    Path("no-program").write_text("nothing that runs\n")
    Path("not-executable").write_text("#!/bin/sh\n")
    Path("no-interpreter").chmod(0o755)
    Path("no-program").chmod(0o755)
    before = files()
    for command, status, message in (
        ("contrace-no-such-program", 127, "cannot run 'contrace-no-such-program': there is no such command in PATH"),
        ("./nosuch", 127, "cannot execute './nosuch': No such file or directory"),
        (
            "./no-interpreter",
            126,
            "cannot execute './no-interpreter': No such file or directory: the interpreter that it names is missing",
        ),
        ("./no-program", 126, "cannot execute './no-program': Exec format error"),
        ("./not-executable", 126, "cannot execute './not-executable': Permission denied"),
        ("./", 126, "cannot execute './': Permission denied"),
        ("", 127, "cannot run '': there is no such command in PATH"),
    ):
        for options in ((), ("--no-filter",)):
            assert refused(contrace("run", *options, "--", command), status) == message
    assert files() == before
