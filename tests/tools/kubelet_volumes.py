"""Volumes as kubelet lays them out: owners, modes, and the links by which a ConfigMap changes as a whole.

https://kubernetes.io/docs/tasks/configure-pod-container/security-context/#configure-volume-permission-and-ownership-change-policy-for-pods
"""

import os
import subprocess
from pathlib import Path
from typing import Any

Files = dict[str, dict[str, str]]


class Volumes:
    """Of one pod. `files`: what ConfigMaps and Secrets hold, by `kind/name` and key. `host`: the node's own files."""

    def __init__(self, folder: Path, host: Path, files: Files, group: int | None) -> None:
        self._folder, self._host, self._files, self._group = folder, host, files, group

    def make(self, volume: dict[str, Any]) -> Path:
        """The folder that is mounted into containers."""
        path = self._folder / volume["name"]
        (kind,) = volume.keys() - {"name"}
        source = volume[kind]
        if kind == "hostPath":
            path = self._host / source["path"].lstrip("/")
            path.mkdir(mode=0o755, parents=True, exist_ok=True)
            return path
        path.mkdir()
        if source.get("medium") == "Memory":
            subprocess.run(
                ["mount", "-t", "tmpfs", "-o", f"size={_bytes(source['sizeLimit'])}", "tmpfs", path],
                check=True,
            )
        if kind in {"emptyDir", "persistentVolumeClaim", "ephemeral"}:
            self._own(path, 0o777 if kind == "emptyDir" else 0o755, 0o2770)
        else:
            self._publish(path, dict(self._projected(kind, source)), source.get("defaultMode", 0o644))
        return path

    def _own(self, path: Path, mode: int, of_group: int) -> None:
        """fsGroup: the group owns the folder and what is made in it."""
        path.chmod(mode)
        if self._group is not None:
            os.chown(path, -1, self._group)
            path.chmod(mode | of_group)

    def _projected(self, kind: str, source: dict[str, Any]) -> Any:
        for one in source.get("sources", [{kind: source}]):
            ((of, part),) = one.items()
            if of == "serviceAccountToken":
                yield part["path"], "a token of the pod's account"
                continue
            held = self._files[f"{of}/{part.get('name') or part.get('secretName')}"]
            paths = {item["key"]: item["path"] for item in part.get("items", ())} or {
                key: key for key in held
            }
            yield from ((path, held[key]) for key, path in paths.items())

    def _publish(self, path: Path, files: dict[str, str], mode: int) -> None:
        """In a folder of its own that `..data` leads to, so that all files change at once."""
        data = path / "..version"
        data.mkdir()
        for name, text in files.items():
            target = data / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
            target.chmod(mode | (0o440 if self._group is not None else 0))
            if self._group is not None:
                os.chown(target, -1, self._group)
        (path / "..data").symlink_to(data.name)
        for first in {name.split("/")[0] for name in files}:
            (path / first).symlink_to(f"..data/{first}")


def _bytes(amount: str) -> int:
    units = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}
    return int(amount[:-2]) * units[amount[-2:]]
