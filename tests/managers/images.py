"""Images and bundles out of the machine's busybox: a root file system, its tar, an OCI archive, an OCI bundle."""

import hashlib
import io
import json
import shutil
import subprocess
import tarfile
from pathlib import Path

BUSYBOX = Path("/bin/busybox")
IMAGE = "docker.io/library/contrace-test:latest"
"""The image's full name in containerd; docker and podman know it as contrace-test."""
SHORT = "contrace-test"


def make_rootfs(directory: Path) -> Path:
    """A root file system with busybox, all its applets as links, and two users."""
    for name in ("bin", "proc", "sys", "dev", "etc", "tmp", "root", "run", "var"):
        (directory / name).mkdir(parents=True)
    shutil.copy(BUSYBOX, directory / "bin/busybox")
    applets = subprocess.run([BUSYBOX, "--list"], check=True, capture_output=True, text=True).stdout.split()
    for applet in applets:
        if applet != "busybox":
            (directory / "bin" / applet).symlink_to("busybox")
    (directory / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/tmp:/bin/sh\n")
    (directory / "etc/group").write_text("root:x:0:\nuser:x:1000:\n")
    return directory


def make_tar(rootfs: Path, file: Path) -> Path:
    """The root file system as a tar, as `docker import` takes it."""

    def owned_by_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = "root"
        return member

    with tarfile.open(file, "w") as archive:
        archive.add(rootfs, ".", filter=owned_by_root)
    return file


def make_archive(layer: Path, file: Path) -> Path:
    """An OCI image archive (image-spec: image layout) with one layer, as `ctr image import` takes it."""
    content = layer.read_bytes()
    media = "application/vnd.oci.image."
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": ["PATH=/bin"], "Cmd": ["/bin/sh"]},
        "rootfs": {"type": "layers", "diff_ids": [_digest(content)]},
        "history": [{"created_by": "contrace tests"}],
    }
    config_blob = json.dumps(config).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": media + "manifest.v1+json",
        "config": _descriptor(config_blob, media + "config.v1+json"),
        "layers": [_descriptor(content, media + "layer.v1.tar")],
    }
    manifest_blob = json.dumps(manifest).encode()
    entry = _descriptor(manifest_blob, media + "manifest.v1+json")
    entry["annotations"] = {"io.containerd.image.name": IMAGE, "org.opencontainers.image.ref.name": "latest"}
    entry["platform"] = {"architecture": "amd64", "os": "linux"}
    files = {
        "oci-layout": b'{"imageLayoutVersion":"1.0.0"}',
        "index.json": json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode(),
    }
    for blob in (content, config_blob, manifest_blob):
        files["blobs/sha256/" + _digest(blob).removeprefix("sha256:")] = blob
    with tarfile.open(file, "w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return file


def make_bundle(directory: Path, rootfs: Path, cgroup: str, *argv: str) -> Path:
    """An OCI bundle (runtime-spec: filesystem bundle) on a shared, read-only root file system."""
    directory.mkdir(parents=True)
    subprocess.run(["runc", "spec"], cwd=directory, check=True)
    path = directory / "config.json"
    spec = json.loads(path.read_text())
    spec["process"]["terminal"] = False
    spec["process"]["args"] = list(argv)
    spec["root"] = {"path": str(rootfs), "readonly": True}
    spec["linux"]["cgroupsPath"] = cgroup
    path.write_text(json.dumps(spec, indent=1))
    return directory


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _descriptor(content: bytes, media: str) -> dict[str, object]:
    return {"mediaType": media, "digest": _digest(content), "size": len(content)}
