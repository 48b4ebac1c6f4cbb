"""What a test reads of pods while they run and end."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.tools.cluster import PAUSE, Cluster
from tests.tools.daemon import until

SIDECAR, AGENT = "ascend-sidecar", "agent"
# A pod is made, its volumes are mounted and an interpreter starts twice, on a machine that may be busy.
PATIENCE = 180.0


class Pods:
    """The pods of a namespace that a label selects."""

    def __init__(self, control: Cluster, namespace: str, label: str) -> None:
        self._control, self._namespace, self._label = control, namespace, label

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """What it printed; AssertionError when it failed or warned."""
        return self._control.kubectl("--namespace", self._namespace, *arguments, stdin=stdin).ok()

    def apply(self, *documents: dict[str, Any]) -> None:
        listed = {"apiVersion": "v1", "kind": "List", "items": documents}
        self.kubectl("apply", "--validate=strict", "-f", "-", stdin=json.dumps(listed))

    def all(self) -> list[dict[str, Any]]:
        return json.loads(self.kubectl("get", "pods", "-l", self._label, "-o", "json"))["items"]

    def wait(self, condition: Callable[[], Any], what: str) -> None:
        """AssertionError at the deadline with what the cluster tells of the pods."""
        try:
            until(condition, what, PATIENCE, PAUSE)
        except AssertionError as error:
            told = self.kubectl("describe", "pods", "-l", self._label)
            raise AssertionError(f"{error}\n{told}") from error

    def await_one(self) -> dict[str, Any]:
        """The only pod, once there is one."""
        self.wait(lambda: len(self.all()) == 1, "there is a pod")
        return self.all()[0]

    def status(self, container: str) -> dict[str, Any]:
        """Of a container, {} before it has one."""
        found = [status for pod in self.all() for status in statuses(pod) if status["name"] == container]
        return found[0] if found else {}

    def is_running(self, container: str) -> bool:
        return "running" in self.status(container).get("state", {})

    def await_running(self, container: str) -> None:
        self.wait(lambda: self.is_running(container), f"{container} runs")

    def failed_probes(self) -> int:
        """How often the kubelet told that a start-up probe failed."""
        events = json.loads(self.kubectl("get", "events", "-o", "json"))["items"]
        return sum(
            event["count"]
            for event in events
            if event["reason"] == "Unhealthy" and event["message"].startswith("Startup probe failed")
        )

    def logs(self, container: str) -> list[str]:
        """Its lines until now, none before it has started."""
        if "containerID" not in self.status(container):
            return []
        return self.kubectl("logs", self.await_one()["metadata"]["name"], "-c", container).splitlines()

    def await_log(self, container: str, line: str) -> None:
        self.wait(lambda: line in self.logs(container), f"{container} says {line}")


def statuses(pod: dict[str, Any]) -> list[dict[str, Any]]:
    """Of a pod's containers, in the order of their start."""
    status = pod["status"]
    return [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]


class Followed:
    """A command of kubectl's that prints as things happen; use as a context manager."""

    def __init__(self, control: Cluster, path: Path, *arguments: str) -> None:
        self._path = path
        with path.open("wb") as output:
            self._process = subprocess.Popen(
                [str(control.tools / "kubectl"), *arguments],
                env=control.environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> "Followed":
        until(self.text, "it follows", 60)
        return self

    def text(self) -> str:
        return self._path.read_text()

    def documents(self) -> Iterator[dict[str, Any]]:
        """Of a command that prints JSON texts one after another, those that are whole."""
        decoder, rest = json.JSONDecoder(), self.text().lstrip()
        while rest:
            try:
                value, end = decoder.raw_decode(rest)
            except json.JSONDecodeError:
                return
            yield value
            rest = rest[end:].lstrip()

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
