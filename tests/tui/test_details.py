"""What the details say of a row: over a real trace, and over records that are made up."""

import os
import shutil

import pytest

from contrace.records import Block, Text, Vector
from tests.tui.details import shown, squeezed, told
from tests.tui.pane import row_with
from tests.unit.scene import call, ended, entered, executed, identity, loss, note, signalled, start

NEWNS, NEWUTS = 0x20000, 0x4000000


# --- a real trace -----------------------------------------------------------------------------------------


def test_unshare_says_what_it_does_and_which_namespaces_changed(real):
    found = told(real, "unshare(")

    assert found.startswith("unshare\n Takes the caller out of namespaces")
    assert "\nNamespaces, before → after\n" in found
    changes = [each for each in squeezed(found) if " → " in each]
    assert any(each.startswith("user ") and "users" in each for each in changes)
    assert any(each.startswith("uts ") for each in changes)
    assert any("new, still empty" in each for each in changes)
    assert not any(each.startswith("mnt ") for each in changes)


def test_every_flag_has_a_sentence_and_every_argument_its_raw_value(real):
    found = told(real, "unshare(")

    assert "raw 0x34000000" in found
    for flag in ("CLONE_NEWUTS", "CLONE_NEWUSER", "CLONE_NEWPID"):
        assert any(each.startswith(f"{flag} ") and each.endswith(".") for each in squeezed(found))


def test_both_pids_and_both_users(real):
    pid = next(row.pid for row in map(real.tree.node, _all(real.tree)) if len(row.nspids) > 1)
    found = squeezed(told(real, "+++ exited"))

    assert f"pid {pid} on the host, 1 inside" in found
    assert f"uid {os.getuid()} on the host, 0 inside" in found


def _all(tree):
    waiting = list(tree.roots)
    while waiting:
        key = waiting.pop()
        yield key
        waiting += tree.node(key).children


def test_the_environment_is_compared(real):
    found = squeezed(told(real, 'execve("' + str(shutil.which("unshare"))))

    assert "+ [b]NEW[/b]=[red]" in found
    assert "~ OTHER=new" in found
    assert "was old" in found
    assert "- GONE=1" in found
    assert any(each.startswith("Beside what it had itself before: 1 added, 1 changed, 1 removed,") for each in found)
    assert "[1] --user" in found


def test_where_a_process_is(real):
    found = squeezed(told(real, "unshare("))

    assert f"cwd {os.getcwd()}" in found
    assert f"exe {os.path.realpath(str(shutil.which('unshare')))}" in found
    assert any(each.startswith("cgroup ") for each in found)
    assert any(each.startswith("effective ") for each in found)


# --- made up ----------------------------------------------------------------------------------------------


def test_an_error_with_its_meaning_its_reasons_and_the_missing_capability(fed):
    refused = call(2, "unshare", NEWNS, returns=-1)
    refused = type(refused)(
        **{name: getattr(refused, name) for name in refused.__struct_fields__} | {"refused": ((21, 4),)}
    )
    feed = fed([start(0, 10, 1), refused])
    found = squeezed(told(feed, "unshare("))

    assert found[2].startswith("! -1 EPERM (Operation not permitted) ")
    assert any(each.startswith("perhaps ") for each in found)
    assert any(each.startswith("needs CAP_SYS_ADMIN ") for each in found)


def test_what_a_call_changed_besides_namespaces(fed):
    more = {"uids": (0, 1000, 1000, 1000), "cgroup": b"0::/demo\n", "root": b"/var/[red]"}
    records = [
        start(0, 10, 1),
        identity(1, why="start"),
        call(2, "setresuid", 0, 1000, 1000),
        identity(2.1, why="setresuid", **more),
    ]
    found = squeezed(told(fed(records), "setresuid("))

    assert "Other changes, before → after" in found
    assert "uid 0 → 0/1000/1000/1000" in found
    assert "cgroup / → /demo" in found
    assert "root / → /var/[red]" in found


def test_the_ids_inside_come_from_the_map(fed):
    maps = {"uid_map": ((0, 100000, 1000),), "gid_map": (), "uids": (100005, 100005, 100005, 100005)}
    feed = fed([start(0, 10, 1), identity(1, why="attach", **maps), call(2, "setns", 3, 0)])
    found = squeezed(told(feed, "setns("))

    assert "uid 100005 on the host, 5 inside" in found
    assert "gid 0 on the host, 65534 inside (the map is not written yet)" in found
    assert "uid_map 0…999 inside is 100000…100999 outside" in found


def test_what_is_not_known_is_a_question_mark(fed):
    nothing = dict.fromkeys(("uids", "gids", "groups", "uid_map", "gid_map", "cgroup", "exe", "cwd", "root", "nspids"))
    feed = fed(
        [start(0, 10, 1), identity(1, why="attach", namespaces={}, **nothing), call(2, "setns", 3, 0)],
    )
    found = squeezed(told(feed, "setns("))

    assert [each for each in found if each.endswith(" ?")] == [
        f"{each} ?" for each in ("uid", "gid", "groups", "exe", "cwd", "root", "cgroup")
    ]
    assert "? (its execve is not in the trace)" in found


def test_a_task_of_which_nothing_was_recorded_says_so(fed):
    found = told(fed([call(2, "setns", 3, 0)]), "setns(")

    assert "nothing was recorded of this task until then" in found
    assert "started by  ?" in found


def test_parents_and_children(fed):
    records = [
        start(0, 10, 1, comm=b"shim", how="attach"),
        identity(0.5, why="attach"),
        call(1, "clone", 0, 0, NEWNS | 17, took=1, returns=20, comm=b"shim"),
        start(1.5, 20, 10, nspids=(20, 1), comm=b"shim"),
        identity(1.6, 20, why="start", namespaces={"mnt": 77, "net": 2}, nspids=(20, 1)),
        call(3, "setns", 3, 0, tid=20, comm=b"child"),
    ]
    feed = fed(records)
    parent, child = squeezed(told(feed, "clone(")), squeezed(told(feed, "setns("))

    assert "process shim: 20 on the host, 1 inside record 4" in parent
    assert "Namespaces of the child 20, before → after" in parent
    assert "mnt 1 → 77 mount points" in parent
    assert "started by shim[10]" in child
    assert any(each.startswith("call clone(") and each.endswith("record 3") for each in child)


def test_what_was_cut_off_is_marked(fed):
    memory = (
        Text(arg=0, address=1, data=b"/bin/x", broken=True),
        Vector(arg=1, address=2, items=(b"x", b"half"), broken={1: 99}, total=5000),
        Vector(arg=2, address=3, items=(b"A=1",), fault=0x123),
    )
    exec_ = call(2, "execve", 1, 2, 3, memory=memory)
    mount = call(3, "mount", 1, 2, 3, 0, 5, memory=(Block(arg=4, address=5, data=b"ab", wanted=9),))
    feed = fed([start(0, 10, 1), exec_, mount])
    found = squeezed(told(feed, "execve("))

    assert "! argument 1: only 6 bytes of the string at 0x1 could be read" in found
    assert "! argument 2: only 2 of 5000 strings were copied" in found
    assert "[1] half… (the rest could not be read)" in found
    assert "! the array could not be read on at 0x123" in found
    assert "! argument 5: only 2 of 9 bytes at 0x5 could be read" in squeezed(told(feed, "mount("))


def test_an_environment_of_a_process_that_only_forked_is_its_parents(fed):
    def environment(*items):
        return (Vector(arg=1, address=2, items=(b"x",)), Vector(arg=2, address=3, items=items))

    records = [
        start(0, 10, 1, how="run"),
        call(1, "execve", 1, 2, 3, memory=environment(b"A=1", b"B=2")),
        start(2, 20, 10),
        call(3, "setns", 3, 0, tid=20),
        call(4, "execve", 1, 2, 3, tid=20, memory=environment(b"A=1", b"B=3", b"C=4")),
    ]
    feed = fed(records)
    forked = squeezed(told(feed, "setns("))
    newest = row_with(feed, "execve(")
    later = feed.row(5)

    assert "Command line, inherited from its parent" in forked
    assert "Beside its parent's, sh[10]: 0 added, 0 changed, 0 removed, 2 the same." in forked
    assert newest.id == 2
    found = squeezed(shown(feed, later))
    assert "Beside its parent's, sh[10]: 1 added, 1 changed, 0 removed, 1 the same." in found
    assert found.index("+ C=4") < found.index("~ B=3") < found.index("was 2") < found.index("A=1")


@pytest.mark.parametrize(
    ("record", "begins", "says"),
    [
        (ended(2, signal=9), "+++ killed", "SIGKILL Ends the process"),
        (ended(2, status=3), "+++ exited", "status 3 not success, by convention"),
        (ended(2, superseded_by=11), "+++ superseded", "An execve in another thread of its process ended it."),
        (signalled(2, 17), "--- SIGCHLD", "SIGCHLD"),
        (loss(2), "LOST", "how many 3"),
        (note(2, "warning", "[b]careful"), "warning", "warning: [b]careful"),
        (executed(2, b"/bin/[x]", former=11), "runs", "Thread 11 executed, and took over the leader's id 10."),
        (start(2, 20, 10, nspids=(20, 5, 1)), "process started", "pid 20 on the host, 1 inside (from outside in: 20 →"),
        (entered(2, "wait4", 1, 0, 0, 0), "wait4(", "… The call has not returned yet."),
    ],
)  # fmt: skip
def test_other_records_say_what_they_are(fed, record, begins, says):
    found = squeezed(told(fed([start(0, 10, 1, how="attach"), record]), begins))

    assert any(each.startswith(says) for each in found), "\n".join(found)


def test_a_change_that_no_call_explains_is_told_as_before_and_after(fed):
    changed = {"namespaces": {"mnt": 1, "net": 9}, "gids": (5, 5, 5, 5)}
    feed = fed([identity(1, why="attach"), identity(2, why="setns", **changed)])
    found = squeezed(shown(feed, feed.row(2)))

    assert found[0] == "Who a task is"
    assert "net 2 → 9 network" in found
    assert "gid 0 → 5" in found


def test_a_thread_has_a_tid_and_its_process_a_pid(fed):
    records = [
        start(0, 10, 1, nspids=(10, 1), how="attach"),
        start(1, 11, 10, pid=10, nspids=(11, 2), how="clone"),
        identity(1.5, 11, why="start", nspids=(11, 2)),
        call(2, "setns", 3, 0, tid=11, pid=10),
    ]
    found = squeezed(told(fed(records), "setns("))

    assert "pid 10 on the host, 1 inside" in found
    assert "tid 11 on the host, 2 inside" in found


def test_what_is_not_known_of_before_is_a_question_mark_too(fed):
    records = [call(2, "unshare", NEWUTS), identity(2.1, namespaces={"uts": 5})]

    assert "uts ? → 5" in squeezed(told(fed(records), "unshare("))
