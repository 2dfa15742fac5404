"""Hypothesis: any record at all, and captures in which tasks call, return and meet each other in any order."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from contrace.records import (
    Block,
    Entered,
    Exec,
    Identity,
    Loss,
    Note,
    Record,
    Signal,
    Stopped,
    Syscall,
    TaskExit,
    TaskStart,
    Text,
    Vector,
)
from contrace.syscalls.abi import Abi
from tests.unit import scene

# What msgpack and SQLite can hold, and a kernel may report.
I64 = st.integers(-(2**63), 2**63 - 1)
U64 = st.integers(0, 2**64 - 1)
TIME = st.integers(0, 2**63 - 1)
ID = st.integers(0, 2**31 - 1)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
BYTES = st.one_of(
    st.binary(max_size=40), WORDS.map(str.encode), st.sampled_from([b"/bin/sh", b"\x1b[31m", b"\xff\xfe"])
)
SMALL = st.integers(0, 5)
ROWS = st.lists(st.tuples(ID, ID, ID), max_size=3).map(tuple)
IDS = st.tuples(ID, ID, ID, ID)

_COMMON = {"time_ns": TIME, "tid": ID, "pid": ID}

MEMORY = st.one_of(
    st.builds(Text, arg=SMALL, address=U64, data=BYTES, broken=st.booleans()),
    st.builds(
        Block, arg=SMALL, address=U64, data=st.binary(max_size=120), wanted=st.integers(0, 2**20), at_exit=st.booleans()
    ),
    st.builds(
        Vector,
        arg=SMALL,
        address=U64,
        items=st.lists(BYTES, max_size=4).map(tuple),
        broken=st.dictionaries(SMALL, U64, max_size=2),
        fault=U64,
        total=st.none() | st.integers(0, 10**6),
    ),
)
_ENTRY = _COMMON | {
    "comm": st.binary(max_size=15),
    "abi": st.sampled_from(Abi),
    "nr": st.integers(0, 600) | U64,
    "args": st.tuples(*[U64 | SMALL] * 6),
    "memory": st.lists(MEMORY, max_size=4).map(tuple),
}
_NSPIDS = st.lists(ID, max_size=4).map(tuple)

RECORDS: dict[type[Record], st.SearchStrategy[Record]] = {
    Syscall: st.builds(
        Syscall,
        **_ENTRY,
        end_ns=TIME,
        result=st.none() | I64 | st.integers(-600, 600),
        cpu_enter_ns=st.none() | TIME,
        cpu_exit_ns=st.none() | TIME,
        from_event=st.booleans(),
    ),
    Entered: st.builds(Entered, **_ENTRY),
    TaskStart: st.builds(
        TaskStart,
        **_COMMON,
        parent_tid=ID,
        parent_pid=ID,
        comm=st.binary(max_size=15),
        nspids=_NSPIDS,
        call=st.sampled_from(["clone", "fork", "vfork", "attach", "run"]),
        watched=st.sampled_from(["calls", "events"]),
    ),
    Exec: st.builds(
        Exec,
        **_COMMON,
        exe=BYTES,
        comm=st.binary(max_size=15),
        argv=st.lists(BYTES, max_size=4).map(tuple),
        former_tid=ID,
        watched=st.sampled_from(["calls", "events"]),
        from_event=st.booleans(),
    ),
    TaskExit: st.builds(
        TaskExit, **_COMMON, status=st.integers(0, 255), signal=st.integers(0, 64), core=st.booleans(), superseded_by=ID
    ),
    Signal: st.builds(
        Signal,
        **_COMMON,
        signo=st.integers(0, 64),
        siginfo=st.one_of(st.just(b""), st.binary(min_size=128, max_size=128)),
    ),
    Stopped: st.builds(Stopped, **_COMMON, signo=st.integers(0, 64)),
    Identity: st.builds(
        Identity,
        **_COMMON,
        why=WORDS,
        namespaces=st.dictionaries(st.sampled_from(["mnt", "pid", "pid_for_children", "net"]), ID),
        uids=st.none() | IDS,
        gids=st.none() | IDS,
        groups=st.none() | _NSPIDS,
        uid_map=st.none() | ROWS,
        gid_map=st.none() | ROWS,
        cgroup=st.none() | BYTES,
        exe=st.none() | BYTES,
        cwd=st.none() | BYTES,
        root=st.none() | BYTES,
        nspids=st.none() | _NSPIDS,
        capabilities=st.none() | st.tuples(*[U64] * 5),
        no_new_privs=st.none() | st.booleans(),
        seccomp=st.none() | SMALL,
    ),
    Loss: st.builds(Loss, **_COMMON, count=st.integers(0, 2**40), since_ns=TIME, reason=WORDS),
    Note: st.builds(Note, **_COMMON, topic=WORDS, text=WORDS),
}

ANY_RECORD = st.one_of(*RECORDS.values())


@dataclass(frozen=True)
class Capture:
    """What happened, and after which moments the backend handed over a batch."""

    moments: Sequence[tuple[str, int]]
    """(what, tid), one a millisecond: "in" and "out" of a call, and everything else."""
    cuts: frozenset[int]

    def batches(self, *, cut: bool) -> list[list[Record]]:
        """As a backend hands them over: what is over, and at the end of a batch what is still open."""
        done: list[list[Record]] = [[]]
        inside: dict[int, int] = {}
        for at, (what, tid) in enumerate(self.moments):
            match what:
                case "in":
                    inside.setdefault(tid, at)
                case "out" if tid in inside:
                    done[-1].append(_call(inside.pop(tid), at, tid))
                case "start":
                    done[-1] += [scene.start(at, tid + 100, tid), scene.identity(at - 0.1, tid + 100, why="start")]
                case "signal":
                    done[-1].append(scene.signalled(at, 17, tid))
                case "identity":
                    done[-1].append(scene.identity(at, tid, namespaces={"mnt": at}))
                case "exit":
                    done[-1].append(scene.ended(at, tid + 100))
                case "exec":
                    done[-1].append(scene.executed(at, b"/bin/x", tid=tid))
                case "loss":
                    done[-1].append(scene.loss(at))
            if cut and at in self.cuts:
                done[-1] += [_entered(since, open_tid) for open_tid, since in inside.items()]
                done.append([])
        done[-1] += [_entered(since, open_tid) for open_tid, since in inside.items()]
        return done


_CALLS = (("unshare", scene.CLONE_NEWNS), ("fork",), ("chroot", 5), ("setns", 3, 0), ("clone", 0x11, 0, 0, 0, 0))


def _call(since: int, until: int, tid: int) -> Syscall:
    name, *args = _CALLS[since % len(_CALLS)]
    failed = -1 if since % 3 == 0 else 0
    return scene.call(since, name, *args, tid=tid, took=until - since, returns=failed, comm=b"task%d" % tid)


def _entered(since: int, tid: int) -> Entered:
    name, *args = _CALLS[since % len(_CALLS)]
    return scene.entered(since, name, *args, tid=tid, comm=b"task%d" % tid)


_WHAT = st.sampled_from(["in", "in", "out", "out", "start", "signal", "identity", "exit", "exec", "loss"])

CAPTURES = st.builds(
    Capture,
    st.lists(st.tuples(_WHAT, st.integers(1, 3)), max_size=30),
    st.frozensets(st.integers(0, 29), max_size=8),
)
