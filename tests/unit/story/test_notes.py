"""The margin notes: which call gets which, and that each can be got."""

import pytest
from hypothesis import given

from contrace.decode.call import Call, decode
from contrace.decode.notation import Argument, Notation
from contrace.records import Entered, Syscall
from contrace.story.notes import ROWS, Notes
from contrace.syscalls.specs import SPECS
from tests.unit import strategies
from tests.unit.scene import ended, identity, loss, start


def made(name: str, *args: str, errno: str | None = None, value: int = 0) -> Call:
    """A call that has returned, with these arguments as strace writes them."""
    return Call(
        name,
        tuple(Argument(f"a{number}", text, None) for number, text in enumerate(args)),
        f"{name}({', '.join(args)}",
        ")",
        "0",
        -1 if errno else value,
        errno,
    )


def note(call: Call, tid: int = 10) -> str:
    return Notes().of_call(tid, call)


EXAMPLES = (
    (made("prctl", "PR_SET_NAME", '"demo:act-1"'), "A mark of the demo: here an act"),
    (made("prctl", "PR_SET_NAME", '"demo:end-1"'), "A mark of the demo: the act is over"),
    (made("prctl", "PR_SET_NAME", '"cont:[0:PARENT]"...'), "Stage 0"),
    (made("prctl", "PR_SET_NAME", '"runc:[0:PARENT]"...'), "Stage 0"),
    (made("prctl", "PR_SET_NAME", '"runc:[1:CHILD]"'), "Stage 1"),
    (made("prctl", "PR_SET_NAME", '"cont:[2:INIT]"'), "Stage 2: pid 1"),
    (made("prctl", "PR_SET_NAME", '"ps"'), "A process gives itself a name"),
    (made("prctl", "PR_SET_CHILD_SUBREAPER", "1"), "Orphans"),
    (made("prctl", "PR_SET_NO_NEW_PRIVS", "1", "0", "0", "0"), "From here on no execve"),
    (made("prctl", "PR_CAPBSET_DROP", "CAP_CHOWN"), "Root's power in pieces"),
    (made("prctl", "PR_SET_KEEPCAPS", "1"), "Changing the user id"),
    (made("prctl", "PR_CAP_AMBIENT", "PR_CAP_AMBIENT_CLEAR_ALL", "0", "0", "0"), "No capability is handed on"),
    (made("prctl", "PR_SET_SECCOMP", "SECCOMP_MODE_FILTER", "0x1"), "A filter is installed"),
    (made("prctl", "PR_SET_DUMPABLE", "SUID_DUMP_USER"), "Whether others may look"),
    (made("prctl", "PR_GET_NAME", '"sh"'), "A shell asks"),
    (made("prctl", "PR_CAPBSET_READ", "CAP_CHOWN"), "Asks how many capabilities"),
    (made("unshare", "CLONE_NEWNS", errno="EPERM"), "Refused: new namespaces"),
    (
        made("unshare", "CLONE_NEWNS|CLONE_NEWUTS|CLONE_NEWIPC|CLONE_NEWPID|CLONE_NEWNET"),
        "The moment of the container",
    ),
    (made("unshare", "CLONE_NEWNS|CLONE_NEWUSER"), "A user namespace"),
    (made("unshare", "CLONE_NEWCGROUP"), "The cgroup that this process is in"),
    (made("unshare", "CLONE_NEWPID"), "Its next child"),
    (made("unshare", "CLONE_NEWNS"), "The list of mounts"),
    (made("unshare", "CLONE_NEWUTS"), "The host name is copied"),
    (made("unshare", "CLONE_NEWNET"), "A network of its own"),
    (made("unshare", "CLONE_NEWIPC"), "Message queues, semaphores"),
    (made("unshare", "CLONE_NEWTIME"), "Its children will have clocks"),
    (made("setns", "3", "CLONE_NEWNET"), "Enters a namespace"),
    (made("clone", "child_stack=NULL", "flags=SIGCHLD", errno="EAGAIN"), "Refused: the limit of processes"),
    (made("fork", errno="EAGAIN"), "Refused: the limit of processes"),
    (made("clone", "child_stack=NULL", "flags=CLONE_VM|CLONE_THREAD", value=11), "A thread"),
    (made("clone", "child_stack=NULL", "flags=SIGCHLD", value=11), "A new process. Here nothing"),
    (made("clone3", "{flags=CLONE_NEWNS, exit_signal=SIGCHLD}", "88", value=11), "A new process, at once"),
    (made("vfork", value=11), "A new process that borrows"),
    (made("mount", '""', '"/"', "NULL", "MS_REC|MS_SLAVE", "NULL"), "Mounts are cut off"),
    (made("mount", '""', '"."', "NULL", "MS_REC|MS_PRIVATE", "NULL"), "The old root is cut off"),
    (made("mount", '"none"', '"/tmp"', '"ext4"', "MS_SILENT", "NULL", errno="EPERM"), "Refused: mounting"),
    (made("mount", '"/dev/null"', '"/proc/self/fd/9"', "NULL", "MS_BIND", "NULL"), "A device of the host"),
    (made("mount", '"proc"', '"/proc"', '"proc"', "0", "NULL"), "A /proc of this process's"),
    (made("mount", '"/srv/x"', '"/proc/self/fd/9"', "NULL", "MS_BIND|MS_REC", "NULL"), "A directory or file that is"),
    (made("mount", '"/dev/null"', '"/proc/keys"', "NULL", "MS_BIND", "NULL"), "Masked: /dev/null"),
    (made("mount", '"tmpfs"', '"/proc/acpi"', '"tmpfs"', "MS_RDONLY", "NULL"), "Masked: an empty directory"),
    (made("mount", '""', '"/"', "NULL", "MS_RDONLY|MS_REMOUNT|MS_BIND", "NULL"), "The container's own root"),
    (made("mount", '""', '"/proc/sys"', "NULL", "MS_RDONLY|MS_REMOUNT|MS_BIND", "NULL"), "Other flags"),
    (made("mount", '"proc"', '"/proc/self/fd/9"', '"proc"', "0", "NULL"), "A /proc of the new PID"),
    (made("mount", '"sysfs"', '"/proc/self/fd/9"', '"sysfs"', "MS_RDONLY", "NULL"), "/sys, read-only"),
    (made("mount", '"devpts"', '"/proc/self/fd/9"', '"devpts"', "0", "NULL"), "Terminals"),
    (made("mount", '"mqueue"', '"/proc/self/fd/9"', '"mqueue"', "0", "NULL"), "POSIX message queues"),
    (made("mount", '"cgroup"', '"/proc/self/fd/9"', '"cgroup2"', "MS_RDONLY", "NULL"), "Its own cgroups"),
    (made("mount", '"tmpfs"', '"/proc/self/fd/9"', '"tmpfs"', "0", "NULL"), "A file system in memory"),
    (made("mount", '"/proc/bus"', '"/proc/bus"', "NULL", "MS_BIND|MS_REC", "NULL"), "A part of /proc"),
    (made("mount", '"/usr"', '"/run/x/usr"', "NULL", "MS_BIND|MS_REC", "NULL"), "A directory or file that is there"),
    (made("mount", '"/dev/sdb1"', '"/mnt"', '"ext4"', "0", "NULL", errno="ENOENT"), "There is nothing to mount"),
    (made("pivot_root", '"."', '"."'), "The container's file tree"),
    (made("umount2", '"."', "MNT_DETACH"), "The host's tree is let go"),
    (made("umount2", '"/mnt"', "0"), "What was mounted there"),
    (made("chroot", '"/"', errno="EPERM"), "Refused: it needs CAP_SYS_CHROOT"),
    (made("chroot", '"/"'), "Paths begin elsewhere"),
    (made("sethostname", '"x"', "1", errno="EPERM"), "Refused: it needs CAP_SYS_ADMIN"),
    (made("sethostname", '"x"', "1"), "The container gets its name"),
    (made("execve", '"/x"', '["x"]', "0x1", errno="ENOENT"), "There is no such program"),
    (made("execve", '"/x"', '["x"]', "0x1", errno="EACCES"), "The file is there"),
    (made("execve", '"/x"', '["x"]', "0x1", errno="ENOEXEC"), "Not a program"),
)


@pytest.mark.parametrize(("call", "beginning"), EXAMPLES, ids=lambda part: getattr(part, "head", ""))
def test_each_call_gets_its_note(call, beginning):
    assert note(call).startswith(beginning)


def test_every_row_can_be_reached():
    """None stands behind another one that takes all that it is for."""
    reached = {
        next(place for place, row in enumerate(ROWS) if row.call == call.name and row.fits(call))
        for call, _ in EXAMPLES
    }
    assert [row for place, row in enumerate(ROWS) if place not in reached] == []


def test_every_row_is_about_a_call_that_is_watched():
    assert {row.call for row in ROWS} <= set(SPECS)


def test_notes_are_plain_sentences():
    for row in ROWS:
        assert row.text.isprintable()
        assert row.text[0].isupper() or row.text[0] == "/"
        assert row.text.endswith((".", ").")), row.text


def test_a_refusal_is_not_called_a_success():
    """What a note says of a call that was made is not said of one that failed."""
    for name, args in (
        ("unshare", ("CLONE_NEWNS|CLONE_NEWUTS|CLONE_NEWIPC|CLONE_NEWPID|CLONE_NEWNET",)),
        ("unshare", ("CLONE_NEWUSER",)),
        ("setns", ("3", "CLONE_NEWNET")),
        ("pivot_root", ('"."', '"."')),
        ("chroot", ('"/"',)),
        ("sethostname", ('"x"', "1")),
        ("umount2", ('"."', "MNT_DETACH")),
        ("prctl", ("PR_SET_NO_NEW_PRIVS", "1")),
        ("prctl", ("PR_CAPBSET_DROP", "CAP_CHOWN")),
        ("clone", ("child_stack=NULL", "flags=SIGCHLD")),
        ("clone3", ("{flags=CLONE_NEWNS}", "88")),
        ("vfork", ()),
    ):
        succeeded = note(made(name, *args))
        assert succeeded
        assert note(made(name, *args, errno="EINVAL")) != succeeded, name


# --- over time --------------------------------------------------------------------------------------------

INIT = made("prctl", "PR_SET_NAME", '"cont:[2:INIT]"')
EXECVE = made("execve", '"/bin/sh"', '["sh"]', "0x1")


def test_the_execve_of_stage_2_is_the_payloads():
    notes = Notes()
    notes.of_call(10, INIT)
    assert notes.of_call(10, EXECVE).startswith("The payload")
    assert notes.of_call(10, EXECVE).startswith("Another program")


def test_another_execve_is_not():
    notes = Notes()
    notes.of_call(10, INIT)
    assert notes.of_call(11, EXECVE).startswith("Another program")


def test_a_stage_2_that_ends_was_not_born():
    notes = Notes()
    notes.of_call(10, INIT)
    assert "was not born" in notes.of_record(ended(1, 10, status=1))
    assert notes.of_record(ended(2, 10)) == ""


def test_a_note_is_not_repeated_until_another_has_come():
    notes, bind = Notes(), made("setns", "3", "CLONE_NEWNET")
    assert notes.of_call(10, bind)
    assert not notes.of_call(10, bind)
    assert notes.of_call(11, bind)
    assert notes.of_call(10, INIT)
    assert notes.of_call(10, bind)


def test_pid_1_is_told_of_and_others_are_not():
    notes = Notes()
    assert "knows it as 20" in notes.of_record(start(1, 20, 10, nspids=(20, 1)))
    assert notes.of_record(start(2, 21, 20, nspids=(21, 2))) == ""
    assert notes.of_record(start(3, 22, 10)) == ""


def test_what_is_only_about_a_process_or_the_capture_has_no_note():
    notes = Notes()
    assert [notes.of_record(record) for record in (identity(1), loss(2), ended(3, 10))] == ["", "", ""]


@given(strategies.ANY_RECORD)
def test_any_record_at_all_is_taken(record):
    notes = Notes()
    assert isinstance(notes.of_record(record), str)
    if isinstance(record, Syscall | Entered):
        assert isinstance(notes.of_call(record.tid, decode(record, Notation())), str)
