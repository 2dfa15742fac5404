"""An OCI bundle: read its config.json, refuse what this runtime cannot do, write a new one."""

import os
import typing
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from contrace.errors import UsageError
from contrace.runtime.attempt import attempt
from contrace.runtime.namespaces import mapped_ids
from contrace.runtime.spec import (
    Capabilities,
    DeviceRule,
    IdMapping,
    Linux,
    Mount,
    Namespace,
    NamespaceType,
    Part,
    Process,
    Resources,
    Rlimit,
    Root,
    Spec,
    Unsupported,
    User,
)

CONFIG = "config.json"
OCI_VERSION = "1.0.2"  # the oldest with all that is written here, so that older runtimes take it, too


class Bundle(msgspec.Struct, frozen=True):
    """A bundle that was read and can be run."""

    directory: str
    """Absolute; relative paths in config.json begin there."""
    spec: Spec
    ignored: tuple[str, ...] = ()
    """JSON paths of properties that the specification does not know."""

    @property
    def root(self) -> str:
        """The root file system's directory, absolute."""
        return os.path.join(self.directory, self.spec.root.path if self.spec.root else "")


def load(directory: str) -> Bundle:
    """Read DIRECTORY/config.json. Raises UsageError for what it should not be, with the JSON path."""
    where = os.path.realpath(directory)
    path = os.path.join(where, CONFIG)
    advice = "a bundle is a directory with a config.json; contrace runtime spec writes one"
    with attempt(f"read {path}", advice), open(path, "rb") as file:
        content = file.read()
    try:
        raw = msgspec.json.decode(content)
        spec = msgspec.convert(raw, Spec)
    except msgspec.MsgspecError as error:
        raise UsageError(f"{path}: {error}") from error
    problem = next(_problems(raw, spec), None)
    if problem:
        raise UsageError(f"{path}: {problem}")
    return Bundle(where, spec, tuple(_unknown(raw, Spec, "$")))


def built_in(args: Sequence[str]) -> Bundle:
    """What `default` says, with this command, on our terminal if we have one; sources in it begin where we are."""
    terminal = os.isatty(0) and os.isatty(1)
    return Bundle(os.getcwd(), default(tuple(args), terminal=terminal))


def with_args(bundle: Bundle, args: Sequence[str]) -> Bundle:
    """The same with another command."""
    process = msgspec.structs.replace(bundle.spec.process, args=tuple(args))
    return msgspec.structs.replace(bundle, spec=msgspec.structs.replace(bundle.spec, process=process))


def write(directory: str, spec: Spec) -> str:
    """Write DIRECTORY/config.json, which must not exist; returns its path."""
    path = os.path.join(directory, CONFIG)
    with attempt(f"write {path}"), open(path, "xb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(spec), indent=4) + b"\n")
    return path


# --- what is refused ------------------------------------------------------------------------------------


def _problems(raw: object, spec: Spec) -> Iterator[str]:
    """What stands in the way of running this, each with its JSON path."""
    yield from _strings_with_nul(raw, "$")
    for path in _unsupported(raw, Spec, "$"):
        yield f"{path}: this runtime does not implement it; remove it or use another runtime"
    if not spec.oci_version.startswith("1."):
        yield f"$.ociVersion: {spec.oci_version!r} is not a version of the 1.x specification"
    if not spec.process.args:
        yield "$.process.args: there is nothing to run"
    if not spec.process.cwd.startswith("/"):
        yield f"$.process.cwd: {spec.process.cwd!r} is not an absolute path"
    for index, entry in enumerate(spec.process.env):
        if "=" not in entry:
            yield f"$.process.env[{index}]: {entry!r} is not of the form NAME=value"
    if spec.root is None:
        yield "$.root: a root file system is needed"
    for index, mount in enumerate(spec.mounts):
        if not mount.destination.startswith("/"):
            yield f"$.mounts[{index}].destination: {mount.destination!r} is not an absolute path"
        elif os.path.normpath(f"/{mount.destination}") in ("/", "//"):
            yield f"$.mounts[{index}].destination: what the root is, $.root says"
    yield from _namespace_problems(spec)


def _strings_with_nul(raw: object, path: str) -> Iterator[str]:
    """To the kernel, text ends there."""
    if isinstance(raw, str) and "\0" in raw:
        yield f"{path}: {raw!r} has a NUL character"
    elif isinstance(raw, list):
        for index, value in enumerate(raw):
            yield from _strings_with_nul(value, f"{path}[{index}]")
    elif isinstance(raw, dict):
        for name, value in raw.items():
            yield from _strings_with_nul(value, f"{path}.{name}")


def _namespace_problems(spec: Spec) -> Iterator[str]:
    linux = spec.linux
    types = [namespace.type for namespace in linux.namespaces]
    if len(set(types)) < len(types):
        yield "$.linux.namespaces: a type is there twice"
    if linux.joins("mount"):
        yield from _joined_mount_problems(spec)
    elif not linux.makes("mount"):
        yield "$.linux.namespaces: a mount namespace is needed, or the container's mounts would be the host's"
    for field, value, kind in (
        ("hostname", spec.hostname, "uts"),
        ("domainname", spec.domainname, "uts"),
        ("linux.timeOffsets", linux.time_offsets, "time"),
        ("linux.uidMappings", linux.uid_mappings, "user"),
        ("linux.gidMappings", linux.gid_mappings, "user"),
    ):
        if value and not linux.makes(typing.cast(NamespaceType, kind)):
            yield f"$.{field}: needs a new {kind} namespace in $.linux.namespaces, or it would change the host's"
    for field, mappings in (("uidMappings", linux.uid_mappings), ("gidMappings", linux.gid_mappings)):
        if linux.makes("user") and not any(mapping.container_id == 0 < mapping.size for mapping in mappings):
            yield f"$.linux.{field}: a new user namespace needs a mapping for id 0, who makes the mounts in it"
    if not linux.namespace("user") and os.geteuid() != 0:
        yield (
            "$.linux.namespaces: a user other than root needs a user namespace here; "
            "contrace runtime spec writes a config.json with one"
        )


def _joined_mount_problems(spec: Spec) -> Iterator[str]:
    """A mount namespace that is joined is somebody else's root file system, and stays as it is."""
    if spec.root is not None and (spec.root.path != "/" or spec.root.readonly):
        yield '$.root: with a mount namespace that is joined the root is the one there: say {"path": "/"}'
    for field, value in (
        ("mounts", spec.mounts),
        ("process.terminal", spec.process.terminal),
        ("linux.devices", spec.linux.devices),
        ("linux.maskedPaths", spec.linux.masked_paths),
        ("linux.readonlyPaths", spec.linux.readonly_paths),
        ("linux.rootfsPropagation", spec.linux.rootfs_propagation),
    ):
        if value:
            yield f"$.{field}: would change a mount namespace that is joined, and with it whoever is in it"


def _unsupported(raw: object, kind: object, path: str) -> Iterator[str]:
    """JSON paths of `Unsupported` fields that have a value."""
    for value, annotation, inner in _fields(raw, kind, path):
        if annotation is Unsupported and value not in (None, False, "", [], {}):
            yield inner
        elif annotation is not None:
            yield from _unsupported(value, annotation, inner)


def _unknown(raw: object, kind: object, path: str) -> Iterator[str]:
    """JSON paths of properties that the specification does not know."""
    for value, annotation, inner in _fields(raw, kind, path):
        if annotation is None:
            yield inner
        elif annotation is not Unsupported:
            yield from _unknown(value, annotation, inner)


def _fields(raw: object, kind: object, path: str) -> Iterator[tuple[Any, Any, str]]:
    """The values in an object, or in each object of an array: value, annotation (None: no such field), JSON path."""
    parts = [one for one in (kind, *typing.get_args(kind)) if isinstance(one, type) and issubclass(one, Part)]
    if not parts or not raw:
        return
    if isinstance(raw, list):
        for index, element in enumerate(raw):
            yield from _fields(element, parts[0], f"{path}[{index}]")
    elif isinstance(raw, dict) and typing.get_origin(kind) is not dict:
        names = dict(zip(parts[0].__struct_encode_fields__, parts[0].__struct_fields__, strict=True))
        annotations = typing.get_type_hints(parts[0], include_extras=True)
        for name, value in raw.items():
            yield value, annotations[names[name]] if name in names else None, f"{path}.{name}"


# --- a new config.json ----------------------------------------------------------------------------------

_CAPABILITIES = ("CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE")
_TTY = 5  # base-passwd(8): the group of terminals
_NO_FILES = ("nosuid", "noexec", "nodev")


def default(args: tuple[str, ...] = ("sh",), *, terminal: bool = True, user_namespace: bool | None = None) -> Spec:
    """What ``runc spec`` writes, for root; for a normal user with a user namespace in which their own ids are root."""
    rootless = os.geteuid() != 0 if user_namespace is None else user_namespace
    kinds: tuple[NamespaceType, ...] = ("pid", "network", "ipc", "uts", "mount", "cgroup")
    return Spec(
        oci_version=OCI_VERSION,
        process=Process(
            cwd="/",
            args=args,
            user=User(uid=0, gid=0),
            env=("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"),
            terminal=terminal,
            capabilities=Capabilities(bounding=_CAPABILITIES, effective=_CAPABILITIES, permitted=_CAPABILITIES),
            rlimits=(Rlimit(type="RLIMIT_NOFILE", soft=1024, hard=1024),),
            no_new_privileges=True,
        ),
        root=Root(path="rootfs", readonly=True),
        hostname="contrace",
        mounts=_default_mounts(has_tty_group=not rootless and any(_TTY in ids for ids in mapped_ids("gid"))),
        linux=Linux(
            namespaces=tuple(Namespace(type=kind) for kind in (*kinds, *(("user",) if rootless else ()))),
            uid_mappings=(IdMapping(container_id=0, host_id=os.geteuid(), size=1),) if rootless else (),
            gid_mappings=(IdMapping(container_id=0, host_id=os.getegid(), size=1),) if rootless else (),
            resources=None if rootless else Resources(devices=(DeviceRule(allow=False, access="rwm"),)),
            masked_paths=(
                *("/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats"),
                *("/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi"),
            ),
            readonly_paths=("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"),
        ),
    )


def _default_mounts(*, has_tty_group: bool) -> tuple[Mount, ...]:
    tty = (f"gid={_TTY}",) if has_tty_group else ()  # a group that does not exist in the user namespace is refused
    pts = ("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", *tty)
    rows = (
        ("/proc", "proc", "proc", ()),
        ("/dev", "tmpfs", "tmpfs", ("nosuid", "strictatime", "mode=755", "size=65536k")),
        ("/dev/pts", "devpts", "devpts", pts),
        ("/dev/shm", "tmpfs", "shm", (*_NO_FILES, "mode=1777", "size=65536k")),
        ("/dev/mqueue", "mqueue", "mqueue", _NO_FILES),
        ("/sys", "sysfs", "sysfs", (*_NO_FILES, "ro")),
        ("/sys/fs/cgroup", "cgroup", "cgroup", (*_NO_FILES, "relatime", "ro")),
    )
    return tuple(Mount(destination=where, type=kind, source=what, options=how) for where, kind, what, how in rows)
