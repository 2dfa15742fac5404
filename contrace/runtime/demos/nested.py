"""``nested``: contrace's runtime runs in a container of contrace's runtime."""

import sys
from pathlib import Path

import msgspec

import contrace
from contrace.runtime import roots
from contrace.runtime.demos import Act
from contrace.runtime.demos.stage import Stage
from contrace.runtime.demos.userns import with_user_namespace
from contrace.runtime.spec import Mount, Spec

_PYTHON = "/opt/python"
_LIBRARY = "/opt/contrace"
_STATE = "/dev/shm/contrace"  # the one place there that can be written to


def _nested(stage: Stage) -> None:
    inner = 'echo "and I am $$ in it, on $(hostname)"; cat /proc/self/uid_map'
    python = f"{_PYTHON}/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    runtime = f"{python} -m contrace runtime run --state-dir {_STATE}"
    line = f"echo \"I am $$ in the outer one\"; {runtime} -- sh -c '{inner}'"
    stage.container("sh", "-c", line, change=_with_contrace, root=roots.Host())


def _with_contrace(spec: Spec) -> Spec:
    """Python and what the runtime imports; nothing over /proc, or the kernel would not let the inner one mount its own.

    A /proc can be mounted in a user namespace only where one can be seen in full (fs/namespace.c, mnt_already_visible).
    """
    mounts = [_bind(str(path), f"{_LIBRARY}/{path.name}") for path in _packages()]
    mounts.append(_bind(sys.base_prefix, _PYTHON))
    # Nor does the inner one get at the cgroups, which are the outer one's.
    kept = [mount for mount in spec.mounts if mount.type != "cgroup"]
    # Ids are the same inside: contrace may be in a directory that is root's alone.
    spec = with_user_namespace(spec, first=0)
    process = msgspec.structs.replace(
        spec.process, env=(*spec.process.env, f"PYTHONPATH={_LIBRARY}", "PYTHONDONTWRITEBYTECODE=1")
    )
    linux = msgspec.structs.replace(spec.linux, masked_paths=(), readonly_paths=())
    return msgspec.structs.replace(spec, hostname="outer", mounts=(*kept, *mounts), process=process, linux=linux)


def _packages() -> list[Path]:
    return [Path(module.__file__).parent for module in (contrace, msgspec) if module.__file__]


def _bind(source: str, destination: str) -> Mount:
    return Mount(destination=destination, type="bind", source=source, options=("rbind", "ro"))


ACTS = (
    Act(
        "A container in a container",
        "The inner runtime is a process of the outer container. It has every capability over that one's user\n"
        "namespace, which is all that it takes. Each container has a number 1; the host knows both by other numbers.",
        _nested,
    ),
)
