from pathlib import Path

import pytest

from contrace.cli import options
from contrace.errors import UsageError
from contrace.syscalls.specs import GROUPS


@pytest.mark.parametrize(
    ("text", "value"),
    [("30s", 30), ("500ms", 0.5), ("2m", 120), ("1h", 3600), ("15", 15), ("1.5s", 1.5), (".5", 0.5), (None, None)],
)
def test_times(text: str | None, value: float | None) -> None:
    assert options.seconds(text) == value


@pytest.mark.parametrize("text", ["", "s", "0", "0s", "-1s", "5 days", "1s2", "nan", "inf", "1e3", "٣s"])
def test_what_is_not_a_time(text: str) -> None:
    with pytest.raises(UsageError, match="not a time; write 30s"):
        options.seconds(text)


def test_calls_are_names_and_groups() -> None:
    birth = GROUPS["%birth"]
    assert options.calls("%birth") == birth
    assert options.calls("%birth,openat") == (*birth, "openat")
    assert options.calls("openat, execve,openat") == ("openat", "execve")
    assert options.calls("all") is None
    assert options.calls("execve,all") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("unshar", r"no call or group is named 'unshar' \(did you mean unshare.*\?\)"),
        ("birth", r"no call or group is named 'birth' \(did you mean %birth"),
        ("zzzzzzzz", r"no call or group is named 'zzzzzzzz'$"),
        ("\x1b[2J", r"no call or group is named '\\x1b\[2J'"),
        ("", "name at least one call"),
        (",", "name at least one call"),
    ],
)
def test_what_is_not_a_call(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        options.calls(text)


def test_the_trace_file() -> None:
    assert options.output_path("none") is None
    assert options.output_path("none.ctrace") == Path("none.ctrace")


def test_the_default_trace_file_is_dated_and_overwrites_nothing() -> None:
    taken: set[Path] = set()
    first = options.output_path(None, taken.__contains__)
    assert first is not None
    assert first.match("contrace-[0-9]*-[0-9]*.ctrace")
    second = options.output_path(None, lambda path: not path.stem.endswith(("-2", "-3")))
    assert second is not None
    assert second.stem.endswith("-2")
