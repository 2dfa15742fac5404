"""Whole calls: what is written when, results and errors, calls without a row, and whatever comes.

Expected texts are lines of strace 6.1; results that no kernel gives come from ``strace -e inject=chroot:…``.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contrace.decode.call import decode
from contrace.decode.notation import Notation
from contrace.records import Block, Entered, Syscall, Text, Vector
from contrace.syscalls.abi import Abi, names
from contrace.syscalls.specs import SPECS
from tests.unit.decode.making import AT, EINVAL, block, call, line, syscall, text, vector


def test_a_call_is_written_in_two_parts():
    done = call("unshare", 0x20000)
    assert (done.head, done.tail, done.result) == ("unshare(CLONE_NEWNS", ")", "0")
    assert (done.name, done.value, done.errno) == ("unshare", 0, None)


def test_what_is_known_late_is_in_the_tail():
    done = call("clone", 0x100011, 0, AT, memory=(block(2, b"\7\0\0\0", at_exit=True),), returns=7)
    assert done.head == "clone(child_stack=NULL, flags=CLONE_PARENT_SETTID|SIGCHLD"
    assert done.tail == ", parent_tid=[7])"


def test_prctl_writes_its_comma_early():
    done = call("prctl", 16, AT, memory=(block(1, b"runc\0", at_exit=True),))
    assert (done.head, done.tail) == ("prctl(PR_GET_NAME, ", '"runc")')


@pytest.mark.parametrize(
    ("returns", "expected", "errno"),
    [
        (0, "0", None),
        (1, "1", None),
        (None, "?", None),
        (-1, "-1 EPERM (Operation not permitted)", "EPERM"),
        (-11, "-1 EAGAIN (Resource temporarily unavailable)", "EAGAIN"),
        (-35, "-1 EDEADLK (Resource deadlock avoided)", "EDEADLK"),
        (-58, "-1 (errno 58)", "errno 58"),
        (-512, "? ERESTARTSYS (To be restarted if SA_RESTART is set)", "ERESTARTSYS"),
        (-513, "? ERESTARTNOINTR (To be restarted)", "ERESTARTNOINTR"),
        (-514, "? ERESTARTNOHAND (To be restarted if no handler)", "ERESTARTNOHAND"),
        (-515, "-1 ENOIOCTLCMD (Unknown error 515)", "ENOIOCTLCMD"),
        (-516, "? ERESTART_RESTARTBLOCK (Interrupted by signal)", "ERESTART_RESTARTBLOCK"),
        (-524, "-1 ENOTSUPP (Unknown error 524)", "ENOTSUPP"),
        (-4095, "-1 (errno 4095)", "errno 4095"),
        (-4096, "18446744073709547520", None),
    ],
)
def test_a_result_is_a_number_or_an_error(returns, expected, errno):
    done = call("chroot", AT, memory=(text(0, b"/x"),), returns=returns)
    assert (done.result, done.errno, done.value) == (expected, errno, returns)


def test_a_result_of_i386_has_32_bits():
    assert call("chroot", returns=2**31, abi=Abi.I386).result == "2147483648"
    assert call("chroot", returns=-(2**31), abi=Abi.I386).result == "2147483648"


def test_a_call_that_is_not_over_has_no_result():
    done = syscall("chroot", AT, memory=(text(0, b"/x"),))
    entered = Entered(time_ns=1, tid=7, pid=7, comm=b"x", abi=done.abi, nr=done.nr, args=done.args, memory=done.memory)
    shown = decode(entered, Notation())
    assert (shown.head, shown.result, shown.value, shown.errno) == ('chroot("/x"', "?", None, None)


@pytest.mark.parametrize(
    ("words", "more", "expected"),
    [
        (("getpid", 1, 2), {"returns": 0x717F}, "getpid() = 0x717f"),
        (("umask", 0o22), {"returns": 0}, "umask(0x12) = 0"),
        (("openat", -100, AT, 0x80000, 0, 5, 6), {"returns": 3},
         "openat(0xffffffffffffff9c, 0x4b6000, 0x80000, 0) = 0x3"),
        (("close", -1), {"returns": -9}, "close(0xffffffffffffffff) = -1 EBADF (Bad file descriptor)"),
        (("exit_group", 3), {"returns": None}, "exit_group(0x3) = ?"),
        ((500, 1, 2, 0, 4, 5, 6), {"returns": -38},
         "syscall_0x1f4(0x1, 0x2, 0, 0x4, 0x5, 0x6) = -1 ENOSYS (Function not implemented)"),
        ((500, 1), {"returns": 12}, "syscall_0x1f4(0x1, 0, 0, 0, 0, 0) = 12"),
        (("mmap2", 1, 2), {"abi": Abi.I386}, "mmap2(0x1, 0x2, 0, 0, 0, 0) = 0"),
        (("pread64", 3, AT, 1, 0x3456789A, 0x12), {"abi": Abi.I386},
         "pread64(0x3, 0x4b6000, 0x1, 0x3456789a, 0x12, 0) = 0"),
        (("pread64", 3, AT, 1, 0x123456789A, 9), {}, "pread64(0x3, 0x4b6000, 0x1, 0x123456789a) = 0"),
    ],
)  # fmt: skip
def test_a_call_without_a_row_is_raw(words, more, expected):
    assert line(*words, **more) == expected


def test_a_raw_argument_has_the_kernel_s_name():
    args = call("openat", -100, AT).args
    assert [(arg.name, arg.raw) for arg in args[:2]] == [("dfd", 2**64 - 100), ("filename", AT)]


def test_x32_has_numbers_of_its_own():
    assert line("execve", 0x155556004, 0, 0, abi=Abi.X32, returns=-38).startswith("execve(0x55556004, NULL, NULL)")
    assert line(59, -1, abi=Abi.X32, returns=-38).startswith("execve#64(0xffffffffffffffff, 0, 0, 0, 0, 0)")
    assert line(999, abi=Abi.X32, returns=-38).startswith("syscall_0x400003e7(0, 0, 0, 0, 0, 0)")


def test_an_execve_known_by_its_event_alone_shows_no_arguments():
    done = call("execve", from_event=True)
    assert (done.head, done.tail, done.result, done.args) == ("execve(...", ")", "0", ())


@pytest.mark.parametrize(
    ("words", "memory", "expected"),
    [
        (("unshare", 0x6C020000), (), "unshare(CLONE_NEWNS|CLONE_NEWUTS|CLONE_NEWIPC|CLONE_NEWPID|CLONE_NEWNET)"),
        (("unshare", 0), (), "unshare(0)"),
        (("unshare", 1), (), "unshare(0x1 /* CLONE_??? */)"),
        (("setns", 3, 0x20000), (), "setns(3, CLONE_NEWNS)"),
        (("setns", -1, 1), (), "setns(-1, 0x1 /* CLONE_NEW??? */)"),
        (("umount2", AT, 2), (text(0, b"/old"),), 'umount2("/old", MNT_DETACH)'),
        (("umount2", AT, 0x101), (text(0, b"", broken=True),), "umount2(0x4b6000, MNT_FORCE|0x100)"),
        (("pivot_root", AT, AT), (text(0, b"."), text(1, b".")), 'pivot_root(".", ".")'),
        (("chroot", 0), (), "chroot(NULL)"),
        (("sethostname", AT, 3), (block(0, b"a\0b"),), 'sethostname("a\\0b", 3)'),
        (("sethostname", AT, 65), (block(0, b"h" * 64),), "sethostname(0x4b6000, 65)"),
        (("sethostname", AT, 2), (block(0, b"h", wanted=2),), "sethostname(0x4b6000, 2)"),
        (("sethostname", AT, 64), (block(0, b"h" * 33, wanted=64),), f'sethostname("{"h" * 32}"..., 64)'),
        (("sethostname", AT, -1), (block(0, b"h" * 64),), "sethostname(0x4b6000, 4294967295)"),
        (("fork",), (), "fork()"),
    ],
)  # fmt: skip
def test_plain_rows(words, memory, expected):
    assert line(*words, memory=memory, returns=EINVAL) == f"{expected} = -1 EINVAL (Invalid argument)"


# --- execve -----------------------------------------------------------------------------------------------


def execve(argv: Vector, envp: Vector | None = None, notation: Notation | None = None) -> str:
    memory = (text(0, b"/bin/id"), argv, *((envp,) if envp else ()))
    return line("execve", AT, AT, AT if envp else 0, memory=memory, notation=notation)


def test_an_execve_lists_argv_and_counts_the_environment():
    assert (
        execve(vector(1, b"id", b"-u"), vector(2, b"A=1"))
        == 'execve("/bin/id", ["id", "-u"], 0x4b6000 /* 1 var */) = 0'
    )
    assert execve(vector(1), vector(2)) == 'execve("/bin/id", [], 0x4b6000 /* 0 vars */) = 0'
    assert execve(vector(1)) == 'execve("/bin/id", [], NULL) = 0'


def test_verbose_lists_the_environment():
    shown = execve(vector(1, b"id"), vector(2, b"A=1", b"B=\n"), Notation(verbose=True))
    assert shown == r'execve("/bin/id", ["id"], ["A=1", "B=\n"]) = 0'


def test_a_long_argv_is_cut_unless_verbose():
    words = [b"x"] * 33
    assert execve(vector(1, *words[:32])).count('"x"') == 32
    assert execve(vector(1, *words)).endswith('"x", ...], NULL) = 0')
    assert execve(vector(1, *words), notation=Notation(verbose=True)).count('"x"') == 33
    assert execve(vector(1, b"a", b"b"), notation=Notation(string_limit=1)) == 'execve("/bin/id", ["a", ...], NULL) = 0'


def test_unreadable_parts_of_argv_are_addresses():
    assert execve(vector(1, b"a", b"", broken={1: 0x10})) == 'execve("/bin/id", ["a", 0x10], NULL) = 0'
    assert execve(vector(1, b"a", fault=0x4B7000)) == 'execve("/bin/id", ["a", ... /* 0x4b7000 */], NULL) = 0'
    assert execve(vector(1, fault=AT)) == 'execve("/bin/id", 0x4b6000, NULL) = 0'
    unterminated = vector(2, b"A=1", fault=0x4B7000)
    assert execve(vector(1), unterminated) == 'execve("/bin/id", [], 0x4b6000 /* 1 var, unterminated */) = 0'


def test_a_string_that_is_cut_before_memory_ends_is_shown():
    assert execve(vector(1, b"s" * 33, broken={0: 0x10})) == f'execve("/bin/id", ["{"s" * 32}"...], NULL) = 0'
    assert execve(vector(1, b"s" * 32, broken={0: 0x10})) == 'execve("/bin/id", [0x10], NULL) = 0'


def test_a_string_that_was_not_copied_whole_says_so():
    most = b"s" * (128 * 1024 + 1)
    shown = execve(vector(1, most, broken={0: 0x10}), notation=Notation(string_limit=1_000_000))
    assert shown.endswith('ss"...], NULL) = 0')
    assert (
        execve(vector(1, b"a", total=9), notation=Notation(verbose=True)) == 'execve("/bin/id", ["a", ...], NULL) = 0'
    )


def test_argv_is_there_raw():
    [_, argv, _] = call("execve", AT, AT, 0, memory=(vector(1, b"a", b"?", broken={1: 0x10}),)).args
    assert argv.raw == (b"a", 0x10)


def test_a_path_is_shown_whole_up_to_path_max():
    assert line("chroot", AT, memory=(text(0, b"p" * 4095),)) == f'chroot("{"p" * 4095}") = 0'
    assert line("chroot", AT, memory=(text(0, b"p" * 4096),)) == f'chroot("{"p" * 4095}"...) = 0'
    assert line("chroot", AT, memory=(text(0, b"p" * 4096, broken=True),)) == f'chroot("{"p" * 4095}"...) = 0'
    assert line("chroot", AT, memory=(text(0, b"p" * 4095, broken=True),)) == "chroot(0x4b6000) = 0"


@pytest.mark.parametrize(
    ("dirfd", "flags", "expected"),
    [
        (-100, 0x100, '(AT_FDCWD, "x", NULL, NULL, AT_SYMLINK_NOFOLLOW)'),
        (0xFFFFFF9C, 0x1000, '(AT_FDCWD, "x", NULL, NULL, AT_EMPTY_PATH)'),
        (5, 0x10000, '(5, "x", NULL, NULL, AT_EXECVE_CHECK)'),
        (-1, 0x400, '(-1, "x", NULL, NULL, 0x400 /* AT_??? */)'),
    ],
)
def test_execveat_names_its_directory_and_flags(dirfd, flags, expected):
    shown = line("execveat", dirfd, AT, 0, 0, flags, memory=(text(1, b"x"),))
    assert shown == f"execveat{expected} = 0"


# --- mount ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (0, '"t", 0, "d"'),
        (6, '"t", MS_NOSUID|MS_NODEV, "d"'),
        (0x1000, "0x10, MS_BIND, 0x10"),
        (0x1020, '0x10, MS_REMOUNT|MS_BIND, "d"'),
        (0x44000, "0x10, MS_REC|MS_PRIVATE, 0x10"),
        (0x200, '"t", 0x200 /* MS_??? */, "d"'),
        (0xC0ED0000, '"t", MS_MGC_VAL, "d"'),
        (0xC0ED1000, "0x10, MS_MGC_VAL|MS_BIND, 0x10"),
        (0x12345678C0ED0001, '"t", MS_MGC_VAL|MS_RDONLY, "d"'),
        (0x1234567800000001, '"t", MS_RDONLY|0x1234567800000000, "d"'),
    ],
)
def test_mount_s_flags_decide_what_is_looked_at(flags, expected):
    memory = tuple(text(index, data, at=0x10) for index, data in ((0, b"s"), (1, b"/"), (2, b"t"), (4, b"d")))
    shown = line("mount", 0x10, 0x10, 0x10, flags, 0x10, memory=memory)
    assert shown == f'mount("s", "/", {expected}) = 0'


# --- whatever comes ---------------------------------------------------------------------------------------

numbers = st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 100), st.sampled_from([AT, 2**63, 2**31, 0xFFFFFF9C]))
indices = st.integers(0, 5)
data = st.one_of(st.binary(max_size=40), st.binary(min_size=60, max_size=130))
addresses = st.sampled_from([AT, 0, 0x10, 2**64 - 1])
pieces = st.one_of(
    st.builds(Text, arg=indices, address=addresses, data=data, broken=st.booleans()),
    st.builds(Block, arg=indices, address=addresses, data=data, wanted=st.integers(0, 2**64), at_exit=st.booleans()),
    st.builds(
        Vector,
        arg=indices,
        address=addresses,
        items=st.lists(st.binary(max_size=40), max_size=4).map(tuple),
        broken=st.dictionaries(st.integers(0, 5), numbers, max_size=2),
        fault=addresses,
        total=st.none() | st.integers(0, 9),
    ),
)


@pytest.mark.parametrize("name", [*SPECS, "openat", "syscall"])
@pytest.mark.parametrize("abi", Abi)
@given(data=st.data())
def test_nothing_that_a_process_does_makes_it_fail(name, abi, data):
    by_number = dict(zip(names(abi), range(10_000), strict=False))
    number = data.draw(numbers) if name not in by_number else syscall(name, abi=abi).nr
    memory = data.draw(st.lists(pieces, max_size=5).map(tuple))
    notation = data.draw(st.builds(Notation, string_limit=st.integers(0, 50), verbose=st.booleans()))
    record = Syscall(
        time_ns=1,
        end_ns=2,
        tid=7,
        pid=7,
        comm=b"x",
        abi=abi,
        nr=number,
        args=data.draw(st.tuples(*[numbers] * 6)),
        result=data.draw(st.none() | st.integers(-(2**63), 2**63 - 1)),
        memory=memory,
        from_event=data.draw(st.booleans()),
    )
    entered = Entered(time_ns=1, tid=7, pid=7, comm=b"x", abi=abi, nr=number, args=record.args, memory=memory)
    done, begun = decode(record, notation), decode(entered, notation)
    assert done.head.startswith(f"{done.name}(")
    assert begun.head == done.head or record.from_event
    for part in (done.head, done.tail, done.result, begun.tail):
        assert part.isascii()
        assert part.isprintable()
