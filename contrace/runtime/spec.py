"""config.json: the part of the OCI runtime specification that this runtime knows, as frozen structs.

Names and meanings are the specification's own (config.md, config-linux.md of opencontainers/runtime-spec 1.2). A field
of the specification that this runtime does not implement is `Unsupported`: empty it is accepted, with a value it is an
error that names its JSON path, because ignoring it would run something else than what was asked for. A property that
the specification does not know is ignored, as it demands, and reported by `unknown_properties`.
"""

from typing import Annotated, Any, Literal

import msgspec

Unsupported = Annotated[Any, "of the specification, but not of this runtime"]
"""Type of a field that has to be empty."""

Id = Annotated[int, msgspec.Meta(ge=0, le=0xFFFFFFFE)]
"""A user or group id; the largest number means none (setresuid(2))."""
Number = Annotated[int, msgspec.Meta(ge=0)]
DeviceNumber = Annotated[int, msgspec.Meta(ge=0, le=0xFFFFF)]  # include/linux/kdev_t.h: MINORBITS
NamespaceType = Literal["pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"]


class Part(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """An object of config.json."""


class User(Part, frozen=True):
    uid: Id
    gid: Id
    umask: Annotated[int, msgspec.Meta(ge=0, le=0o777)] | None = None
    additional_gids: tuple[Id, ...] = ()
    username: Unsupported = None  # Windows


class Capabilities(Part, frozen=True):
    """Sets of names such as CAP_KILL; a set that is absent is empty."""

    bounding: tuple[str, ...] = ()
    effective: tuple[str, ...] = ()
    permitted: tuple[str, ...] = ()
    inheritable: tuple[str, ...] = ()
    ambient: tuple[str, ...] = ()


class Rlimit(Part, frozen=True):
    type: str
    soft: Number
    hard: Number


class ConsoleSize(Part, frozen=True):
    height: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)]
    width: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)]


class Process(Part, frozen=True):
    cwd: str
    args: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    terminal: bool = False
    console_size: ConsoleSize | None = None
    user: User = User(0, 0)
    capabilities: Capabilities = Capabilities()
    """Absent: none at all."""
    no_new_privileges: bool = False
    rlimits: tuple[Rlimit, ...] = ()
    oom_score_adj: int | None = None
    apparmor_profile: Unsupported = None
    selinux_label: Unsupported = None
    scheduler: Unsupported = None
    io_priority: Unsupported = None
    exec_cpu_affinity: Unsupported = msgspec.field(name="execCPUAffinity", default=None)
    command_line: Unsupported = None  # Windows


class Root(Part, frozen=True):
    path: str
    readonly: bool = False


class Mount(Part, frozen=True):
    destination: str
    type: str = ""
    source: str = ""
    options: tuple[str, ...] = ()
    uid_mappings: Unsupported = None
    gid_mappings: Unsupported = None


class Namespace(Part, frozen=True):
    type: NamespaceType
    path: str = ""
    """A namespace file to join (namespaces(7)); empty: a new namespace."""


class IdMapping(Part, frozen=True):
    container_id: Id = msgspec.field(name="containerID")
    host_id: Id = msgspec.field(name="hostID")
    size: Annotated[int, msgspec.Meta(ge=1, le=0xFFFFFFFF)]


class TimeOffset(Part, frozen=True):
    secs: int = 0
    nanosecs: int = 0


class Device(Part, frozen=True):
    path: str
    type: Literal["c", "b", "u", "p"]
    major: DeviceNumber = 0
    minor: DeviceNumber = 0
    file_mode: Annotated[int, msgspec.Meta(ge=0, le=0o7777)] = 0o666
    uid: Id = 0
    gid: Id = 0


class DeviceRule(Part, frozen=True):
    """One line of the devices cgroup; an absent type, major or minor means all."""

    allow: bool
    type: Literal["a", "b", "c"] = "a"
    major: DeviceNumber | None = None
    minor: DeviceNumber | None = None
    access: Annotated[str, msgspec.Meta(pattern="^[rwm]*$")] = ""
    """Letters of rwm; empty: all."""


class Memory(Part, frozen=True):
    """Bytes; -1 means no limit."""

    limit: int | None = None
    reservation: int | None = None
    swap: int | None = None
    """Memory and swap together."""
    kernel: Unsupported = None
    kernel_tcp: Unsupported = msgspec.field(name="kernelTCP", default=None)
    swappiness: Unsupported = None
    disable_oom_killer: Unsupported = msgspec.field(name="disableOOMKiller", default=None)
    use_hierarchy: Unsupported = None
    check_before_update: Unsupported = None


class Cpu(Part, frozen=True):
    shares: int | None = None
    quota: int | None = None
    """Microseconds in each period; not above 0: no limit."""
    period: int | None = None
    cpus: str = ""
    mems: str = ""
    burst: Unsupported = None
    realtime_runtime: Unsupported = None
    realtime_period: Unsupported = None
    idle: Unsupported = None


class Pids(Part, frozen=True):
    limit: int | None = None
    """0 or less: no limit."""


class Resources(Part, frozen=True):
    devices: tuple[DeviceRule, ...] = ()
    memory: Memory = Memory()
    cpu: Cpu = Cpu()
    pids: Pids = Pids()
    block_io: Unsupported = msgspec.field(name="blockIO", default=None)
    hugepage_limits: Unsupported = None
    network: Unsupported = None
    rdma: Unsupported = None
    unified: Unsupported = None


class SeccompArg(Part, frozen=True):
    index: int
    value: int
    op: str
    value_two: int = 0


class SeccompSyscall(Part, frozen=True):
    names: tuple[str, ...]
    action: str
    errno_ret: int | None = None
    args: tuple[SeccompArg, ...] = ()


class Seccomp(Part, frozen=True):
    default_action: str
    default_errno_ret: int | None = None
    architectures: tuple[str, ...] = ()
    syscalls: tuple[SeccompSyscall, ...] = ()
    flags: Unsupported = None
    listener_path: Unsupported = None
    listener_metadata: Unsupported = None


class Linux(Part, frozen=True):
    namespaces: tuple[Namespace, ...] = ()
    uid_mappings: tuple[IdMapping, ...] = ()
    gid_mappings: tuple[IdMapping, ...] = ()
    time_offsets: dict[Literal["monotonic", "boottime"], TimeOffset] = {}
    devices: tuple[Device, ...] = ()
    resources: Resources | None = None
    cgroups_path: str = ""
    rootfs_propagation: Literal["", "shared", "slave", "private", "unbindable"] = ""
    masked_paths: tuple[str, ...] = ()
    readonly_paths: tuple[str, ...] = ()
    seccomp: Seccomp | None = None
    sysctl: Unsupported = None
    mount_label: Unsupported = None
    intel_rdt: Unsupported = None
    personality: Unsupported = None
    memory_policy: Unsupported = None
    net_devices: Unsupported = None

    def namespace(self, kind: NamespaceType) -> Namespace | None:
        """The namespace of this type, None where the container shares the one of whoever starts it."""
        return next((namespace for namespace in self.namespaces if namespace.type == kind), None)

    def joins(self, kind: NamespaceType) -> bool:
        """Whether the container enters an existing namespace of this type."""
        namespace = self.namespace(kind)
        return namespace is not None and bool(namespace.path)

    def makes(self, kind: NamespaceType) -> bool:
        """Whether the container gets a new namespace of this type."""
        namespace = self.namespace(kind)
        return namespace is not None and not namespace.path


class Spec(Part, frozen=True):
    """config.json."""

    oci_version: str
    process: Process
    root: Root | None = None
    hostname: str = ""
    domainname: str = ""
    mounts: tuple[Mount, ...] = ()
    annotations: dict[str, str] = {}
    linux: Linux = Linux()
    hooks: Unsupported = None
    windows: Unsupported = None
    solaris: Unsupported = None
    vm: Unsupported = None
    zos: Unsupported = None
    freebsd: Unsupported = msgspec.field(name="freebsd", default=None)
