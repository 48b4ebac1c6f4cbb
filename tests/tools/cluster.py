"""What is said to a Kubernetes cluster by kubectl and Helm, and what they print."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.tools.daemon import until

# Seconds between two questions by kubectl, which costs a tenth of one.
PAUSE = 0.4


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    def ok(self) -> str:
        """What it printed; AssertionError when it failed or warned."""
        assert self.code == 0, self.out + self.err
        assert "warning" not in self.err.lower(), self.err
        return self.out

    @property
    def items(self) -> list[dict[str, Any]]:
        """What `-o json` printed: a list's items, or the one object."""
        printed = json.loads(self.ok())
        return printed["items"] if printed["kind"].endswith("List") else [printed]


class Cluster:
    """Programs are in `tools` and `helm`, which use the kubeconfig `config` and leave what they keep in `folder`."""

    def __init__(self, tools: Path, helm: Path, folder: Path, config: Path) -> None:
        self.tools, self._helm = tools, helm
        self.folder, self._config = folder, config

    @property
    def environ(self) -> dict[str, str]:
        """For programs that are to talk to this cluster and to no other: also without the user's own settings."""
        return {
            "PATH": f"{self.tools}:{self._helm}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "KUBECONFIG": str(self._config),
        }

    def run(self, *command: str, stdin: str = "", cwd: Path | None = None) -> Ran:
        done = subprocess.run(
            command,
            input=stdin,
            env=self.environ,
            cwd=cwd or self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def kubectl(self, *arguments: str, stdin: str = "") -> Ran:
        return self.run(str(self.tools / "kubectl"), *arguments, stdin=stdin)

    def namespace(self, name: str, level: str) -> str:
        """A new one that is held to a level of Pod Security, of workloads' templates too, by warnings."""
        labels = {f"pod-security.kubernetes.io/{mode}": level for mode in ("enforce", "warn", "audit")}
        made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
        self.kubectl("apply", "-f", "-", stdin=json.dumps(made)).ok()
        asking = ("get", "serviceaccount", "default", "-n", name)
        until(lambda: self.kubectl(*asking).code == 0, f"{name} takes pods in", 60, PAUSE)
        return name
