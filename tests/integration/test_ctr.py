"""`ctr run` on a private containerd, with contrace attached to it."""

from pathlib import Path

from tests.harness import Trace, attached
from tests.integration.births import check_runc_birth, check_whole
from tests.managers.containerd import Containerd
from tests.managers.host import NAME


def test_ctr_run_is_seen_from_the_first_shim_to_the_payload(
    containerd: Containerd, tmp_path: Path, backend: str
) -> None:
    with attached(containerd.pid, trace=tmp_path / "ctr.ctrace", backend=backend) as session:
        assert containerd.run("birth", "/bin/id").startswith("uid=0(root)")
    trace = Trace(session.trace)
    check_whole(trace)

    shims = [seen for seen in trace.execs(b"/usr/bin/containerd-shim-runc-v2") if seen.argv[-1] != b"delete"]
    assert len(shims) == 2
    bundle = f"{containerd.base}/state/io.containerd.runtime.v2.task/{NAME}/birth"
    runc = ["runc", "--root", f"{containerd.runc_root}/{NAME}", "--log", f"{bundle}/log.json", "--log-format", "json"]
    [create] = trace.execs(b"runc", b"create")
    words = [*runc, "create", "--bundle", bundle, "--pid-file", f"{bundle}/init.pid", "birth"]
    assert create.argv == [word.encode() for word in words]
    [start] = trace.execs(b"runc", b"start")
    delete = trace.execs(b"runc", b"delete")[0]

    payload = check_runc_birth(trace, hostname=None)  # ctr's specification has no hostname
    times = [seen.record.time_ns for seen in (*shims, create, start, payload, delete)]
    assert times == sorted(times)
