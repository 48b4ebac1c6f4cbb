"""A pod of the charts as real processes: their users, groups, mounts, network, probes and order.

There is no Kubernetes: tests/tools/kubelet.py does what it says of pods, on this machine's files as the image.
"""

import json
import os
import shlex
import shutil
import signal
import site
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.tools.chart import Ran
from tests.tools.daemon import REPOSITORY, until
from tests.tools.image import instructions

ADDRESS = "10.64.0.7"
_SCRIPT = REPOSITORY / "tests" / "tools" / "pod_node.sh"
_AGENT = {
    "entrypoint": ["python3", "/app/pod_agent.py"],
    "command": [],
    "environ": {"PATH": "/opt/ascend-sidecar/bin"},
}


def why_not() -> str:
    """What keeps this process from running a pod; "" when nothing does."""
    if os.geteuid() != 0:
        return "only root makes namespaces with mounts"
    missing = [tool for tool in ("unshare", "nsenter", "setpriv", "ip") if not shutil.which(tool)]
    return f"{', '.join(missing)} are not installed" if missing else ""


def _image() -> dict[str, Any]:
    """What the Dockerfile says of the image beside its files."""
    said = instructions((REPOSITORY / "Dockerfile").read_text())
    environ = [rest for word, rest in said if word == "ENV"][-1]
    (entrypoint,) = [json.loads(rest) for word, rest in said if word == "ENTRYPOINT"]
    (command,) = [json.loads(rest) for word, rest in said if word == "CMD"]
    named = dict(pair.partition("=")[::2] for pair in shlex.split(environ))
    return {"entrypoint": entrypoint, "command": command, "environ": named}


def config_maps(documents: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    return {
        f"configMap/{one['metadata']['name']}": one["data"] for one in documents if one["kind"] == "ConfigMap"
    }


@dataclass
class Pod:
    """Use as a context manager. `files`: ConfigMaps and Secrets, by `kind/name`, their texts by key."""

    work: Path
    spec: dict[str, Any]
    files: dict[str, dict[str, str]]
    process: subprocess.Popen[bytes] | None = None
    told: Path = field(init=False)

    def __enter__(self) -> "Pod":
        images = {
            c["image"]: _image() for c in (*self.spec.get("initContainers", ()), *self.spec["containers"])
        }
        images = {name: _AGENT if "agent" in name else image for name, image in images.items()}
        (self.work / "pod.json").write_text(
            json.dumps({"spec": self.spec, "files": self.files, "images": images})
        )
        packages = next(path for path in site.getsitepackages() if path.endswith("site-packages"))
        self.told = self.work / "events"
        # With process numbers of its own nothing of the pod outlives it: who changes users forgets its parent's end.
        alone = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child"]
        command = ["setpriv", "--pdeathsig", "KILL", *alone, "bash", str(_SCRIPT)]
        command += [str(REPOSITORY), str(Path(packages).resolve()), sys.base_prefix, str(self.work), ADDRESS]
        with self.told.open("wb") as events, (self.work / "kubelet.log").open("wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=events, stderr=log)
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def events(self, event: str, container: str) -> list[dict[str, Any]]:
        told = [json.loads(line) for line in self.told.read_text().splitlines() if line.endswith("}")]
        return [one for one in told if (one["event"], one["container"]) == (event, container)]

    def order(self, event: str) -> list[str]:
        """The containers that it happened to."""
        told = [json.loads(line) for line in self.told.read_text().splitlines() if line.endswith("}")]
        return [one["container"] for one in told if one["event"] == event]

    def await_event(self, event: str, container: str, **facts: Any) -> dict[str, Any]:
        def found() -> list[dict[str, Any]]:
            assert self.process is not None
            met = [one for one in self.events(event, container) if facts.items() <= one.items()]
            assert met or self.process.poll() is None, self.everything()
            return met

        return until(found, f"{container} {event}: {self.everything()}", 60)[0]

    def output(self, container: str) -> str:
        path = self.work / f"{container}.log"
        return path.read_text() if path.exists() else ""

    def everything(self) -> str:
        return "\n".join(f"{path.name}:\n{path.read_text()[-2000:]}" for path in
                         (self.told, *sorted(self.work.glob("*.log"))) if path.exists())  # fmt: skip

    def execute(
        self, container: str, *command: str, uid: int = 65532, gid: int = 65532, groups: str = ""
    ) -> Ran:
        """As `kubectl exec`, under users and groups of one's own choice."""
        pid = self.events("started", container)[-1]["pid"]
        node = ["nsenter", "--target", str(self._kubelet()), "--mount", "--pid", "--"]
        environ = _image()["environ"] | {"ASCEND_SIDECAR_STATE_DIR": "/var/lib/ascend-sidecar/state"}
        who = [
            "/usr/bin/setpriv",
            f"--reuid={uid}",
            f"--regid={gid}",
            f"--groups={groups}" if groups else "--clear-groups",
        ]
        inside = ["nsenter", "--target", str(pid), "--mount", "--net", "--pid", "--root", "--wd", *who]
        inside += ["/usr/bin/env", "-i", *(f"{name}={text}" for name, text in environ.items())]
        done = subprocess.run(
            [*node, *inside, *command], capture_output=True, text=True, timeout=60, check=False
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def stop(self) -> int:
        """As `kubectl delete pod`."""
        assert self.process is not None
        os.kill(self._kubelet(), signal.SIGTERM)
        return self.process.wait(90)

    def _kubelet(self) -> int:
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return int(children.read_text().split()[0])
