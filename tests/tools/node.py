"""A node with a real kubelet and containerd, joined to a control plane, on this machine and without installing any.

They run in namespaces of their own, so that with them ends whatever they started or mounted; their pods have networks
of their own, that reach this machine and each other. Nothing here applies a NetworkPolicy.
"""

import contextlib
import json
import os
import shutil
import subprocess
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from tests.tools.cluster import PAUSE
from tests.tools.control_plane import ControlPlane
from tests.tools.daemon import REPOSITORY, until
from tests.tools.node_settings import NETWORK, containerd, kubelet

_SCRIPT = REPOSITORY / "tests/tools/node.sh"
_CGROUPS = Path("/sys/fs/cgroup")


@dataclass
class Node:
    """Use as a context manager. `images` has files of images; `name` is what pods are bound to."""

    control: ControlPlane
    folder: Path
    images: Path
    name: str = "localhost"
    process: subprocess.Popen[bytes] | None = None
    _cgroup: str = field(default_factory=lambda: f"e2e-{uuid.uuid4().hex[:12]}")

    def __enter__(self) -> "Node":
        self.folder.mkdir()
        self._configure()
        for hierarchy in self._hierarchies():
            (hierarchy / self._cgroup).mkdir()
        alone = ("setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child")
        given = (self.control.tools, self.folder, self.images, self.name)
        with (self.folder / "kubelet.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*alone, "bash", str(_SCRIPT), *map(str, given)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            until(self._is_ready, "the node is ready", 180, PAUSE)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.logs()
        ran = self.control.kubectl("get", "node", self.name, "-o", "json")
        conditions = ran.items[0]["status"].get("conditions", []) if ran.code == 0 else []
        return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)

    def logs(self) -> str:
        return "\n".join(path.read_text(errors="replace")[-6000:] for path in self.folder.glob("*.log"))

    def _configure(self) -> None:
        (self.folder / "config.toml").write_text(containerd(self.folder, self.control.tools))
        (self.folder / "cni").mkdir()
        (self.folder / "cni/e2e.conf").write_text(json.dumps(NETWORK))
        authority = self.control.authority
        shown = authority.issue("kubelet", f"system:node:{self.name}", "system:nodes")
        shutil.copy(self.control.config_of("kubelet", shown), self.folder)
        serving = authority.issue("kubelet-serving", self.name, hosts=("127.0.0.1", self.name))
        settings = kubelet(self.folder, serving, authority.root, self._cgroup)
        (self.folder / "kubelet.yaml").write_text(json.dumps(settings))

    def pids(self, container: str) -> list[int]:
        """Of a container's processes, by its id as its status has it, as this machine counts them."""
        which = container.partition("://")[2]
        for hierarchy in self._hierarchies():
            for path in (hierarchy / self._cgroup).rglob(f"*{which}/cgroup.procs"):
                if pids := path.read_text().split():
                    return [int(pid) for pid in pids]
        return []

    def _hierarchies(self) -> list[Path]:
        """Where cgroups are made: each hierarchy that is mounted."""
        mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
        return [Path(mount[1]) for mount in mounts if mount[2] in {"cgroup", "cgroup2"}]

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        until(self._is_gone, "the node's processes have ended", 60)

    def _is_gone(self) -> bool:
        """A cgroup can be removed once nothing runs in it."""
        made = [hierarchy / self._cgroup for hierarchy in self._hierarchies()]
        for path in made:
            for folder, _, _ in os.walk(path, topdown=False):
                with contextlib.suppress(OSError):
                    Path(folder).rmdir()
        return not any(path.exists() for path in made)
