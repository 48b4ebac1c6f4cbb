"""Root trees as a file of images that containerd imports: an OCI image layout in a tar of its own."""

import gzip
import hashlib
import io
import json
import platform
import subprocess
import tarfile
from pathlib import Path
from typing import Any

from tests.tools.image import Stage

_TYPE = "application/vnd.oci.image"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def pack(image: Stage, name: str, path: Path) -> str:
    """Write `image` to `path` under `name`; the digest of its manifest, `sha256:…`."""
    tar = subprocess.run(
        ["tar", "--numeric-owner", "-C", str(image.root), "-c", "."], capture_output=True, check=True
    ).stdout
    blobs: dict[str, bytes] = {}
    settings = {
        "User": image.user,
        "Env": [f"{key}={value}" for key, value in image.environ.items()],
        "Entrypoint": image.entrypoint,
        "Cmd": image.command,
        "Volumes": {volume: {} for volume in image.volumes},
        "StopSignal": image.stop_signal,
    }
    config = {
        "architecture": _ARCHITECTURES[platform.machine()],
        "os": "linux",
        "config": settings,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(tar).hexdigest()}"]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{_TYPE}.manifest.v1+json",
        "config": _kept(blobs, f"{_TYPE}.config.v1+json", json.dumps(config).encode()),
        "layers": [_kept(blobs, f"{_TYPE}.layer.v1.tar+gzip", gzip.compress(tar, 1, mtime=0))],
    }
    entry = _kept(blobs, f"{_TYPE}.manifest.v1+json", json.dumps(manifest).encode())
    entry["annotations"] = {"io.containerd.image.name": name}
    files = {
        "oci-layout": json.dumps({"imageLayoutVersion": "1.0.0"}).encode(),
        "index.json": json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode(),
    }
    with tarfile.open(path, "w") as packed:
        for where, content in (files | blobs).items():
            member = tarfile.TarInfo(where)
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
    return str(entry["digest"])


def _kept(blobs: dict[str, bytes], kind: str, content: bytes) -> dict[str, Any]:
    """The descriptor of a blob that is put among the others."""
    digest = hashlib.sha256(content).hexdigest()
    blobs[f"blobs/sha256/{digest}"] = content
    return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(content)}
