"""The rows and flag families are tables that others follow blindly: they must be consistent."""

import errno
import os
import re
import signal
from pathlib import Path

import pytest

from contrace.syscalls.flags import FAMILIES
from contrace.syscalls.flags.errno import ERRNO
from contrace.syscalls.flags.signal import NUMBERS
from contrace.syscalls.prctl import OPTIONS
from contrace.syscalls.rows import Arg, As, Copy, What
from contrace.syscalls.specs import GROUPS, SPECS

HEADERS = Path("/usr/include/linux")
OPTION_ROWS = [*OPTIONS.values(), *(form for option in OPTIONS.values() for form in (option.forms or {}).values())]
CALL_ARGS = [arg for spec in SPECS.values() for arg in spec.args]
OPTION_ARGS = [arg for option in OPTION_ROWS for arg in option.args]
COPIES = [copy for row in (*SPECS.values(), *OPTION_ROWS) for copy in row.copies]


@pytest.mark.parametrize("arg", CALL_ARGS + OPTION_ARGS, ids=lambda arg: arg.name)
def test_an_argument_s_family_exists(arg: Arg):
    if arg.show in (As.FLAGS, As.CHOICE) and arg.family != "prctl":
        assert arg.family in FAMILIES
    assert (arg.size_arg >= 0) == (arg.show is As.BUFFER)


def test_only_prctl_s_options_are_looked_up_elsewhere():
    assert [spec.name for spec in SPECS.values() if spec.options is not None] == ["prctl"]


@pytest.mark.parametrize("copy", COPIES, ids=lambda copy: f"{copy.what.name} {copy.arg}")
def test_a_copy_is_bounded_by_what_is_there(copy: Copy):
    assert 0 <= copy.arg < 6
    assert copy.what is What.BLOCK or not copy.inside
    for inside in copy.inside:
        assert inside.offset + (inside.width or 8) <= copy.size
        assert inside.count_offset + inside.count_width <= copy.size


def test_the_births_group_is_what_the_manual_names():
    assert set(GROUPS["%birth"]) == {
        "execve", "execveat", "clone", "clone3", "fork", "vfork", "prctl", "unshare", "setns", "mount", "umount2",
        "pivot_root", "chroot", "sethostname", "setdomainname",
    }  # fmt: skip


def constants(header: str, prefix: str) -> dict[str, int]:
    text = (HEADERS / header).read_text()
    found = re.findall(rf"^#\s*define\s+({prefix}\w+)\s+(0x[0-9a-fA-F]+|\d+)(?:[UL]*)\b", text, re.MULTILINE)
    return {name: int(value, 0) for name, value in found}


@pytest.mark.parametrize(
    ("family", "header", "prefix"),
    [("clone3", "sched.h", "CLONE_"), ("capability", "capability.h", "CAP_"), ("mount", "mount.h", "MS_")],
)
def test_a_family_has_the_header_s_values(family, header, prefix):
    known = constants(header, prefix)
    ours = dict(FAMILIES[family].entries)
    shared = {name: value for name, value in ours.items() if name in known}
    assert len(shared) > 8
    assert shared == {name: known[name] for name in shared}


def test_every_prctl_option_of_the_header_has_its_number():
    text = (HEADERS / "prctl.h").read_text()
    # what is indented is a value of an option
    known = dict(re.findall(r"^#define (PR_\w+)\s+(0x[0-9a-f]+|\d+)", text, re.MULTILINE))
    ours = {option.name: number for number, option in OPTIONS.items()}
    assert len(known) > 60
    assert {name: ours.get(name) for name in known} == {name: int(number, 0) for name, number in known.items()}


def test_errors_and_signals_are_this_machine_s():
    aliases = {"EWOULDBLOCK": "EAGAIN", "EDEADLOCK": "EDEADLK", "ENOTSUP": "EOPNOTSUPP"}
    for number, (name, text) in ERRNO.items():
        own = errno.errorcode.get(number, name)
        assert aliases.get(own, own) == name
        assert os.strerror(number) == text
    for entry in signal.Signals:
        if entry.value < 32 and entry.name not in ("SIGIOT", "SIGCLD", "SIGPOLL"):
            assert NUMBERS[entry.name] == entry.value
