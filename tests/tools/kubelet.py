"""One pod, run as kubelet would: volumes, init containers in order, sidecars before the rest and after it at the end.

Runs in namespaces that its caller made, with nothing but the standard library. Arguments: a folder with pod.json,
the root that stands for every image, the pod's address. It tells what happens, a line each; SIGTERM ends the pod.
https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
"""

import json
import signal
import sys
import threading
import time
from pathlib import Path

from kubelet_containers import Container, tell
from kubelet_volumes import Volumes


class Pod:
    """Its containers, from the first started to the last ended."""

    def __init__(self, work: Path, root: Path, address: str) -> None:
        told = json.loads((work / "pod.json").read_text())
        self._work, self._root, self._spec = work, root, told["spec"]
        group = self._spec.get("securityContext", {}).get("fsGroup")
        (work / "volumes").mkdir()
        volumes = Volumes(work / "volumes", work / "node", told["files"], group)
        self._volumes = {one["name"]: volumes.make(one) for one in self._spec["volumes"]}
        make = lambda spec: Container(spec, self._spec, told["images"][spec["image"]], address)  # noqa: E731
        self._first = [make(spec) for spec in self._spec.get("initContainers", ())]
        self._main = [make(spec) for spec in self._spec["containers"]]
        self._is_stopping = threading.Event()

    def stop(self, *_: object) -> None:
        self._is_stopping.set()

    def run(self) -> None:
        running: list[Container] = []
        for container in (*self._first, *self._main):
            if self._is_stopping.is_set():
                break
            container.start(self._root, self._volumes, self._work / f"{container.name}.log")
            if container.is_sidecar or container in self._main:
                running.append(container)
                self._await_started(container)
            elif not container.wait(60) or container.process.returncode:
                raise SystemExit(f"{container.name} failed")
        self._is_stopping.wait()
        self._end([one for one in running if not one.is_sidecar], [one for one in running if one.is_sidecar])

    def _await_started(self, container: Container) -> None:
        """The next container comes only after this one's startup probe has succeeded."""
        while "startupProbe" in container.spec and not self._is_stopping.is_set():
            status = container.probe("startupProbe")
            tell("probed", container.name, status=status)
            if status == 200:
                tell("live", container.name, status=container.probe("livenessProbe"))
                return
            if container.process is not None and container.process.poll() is not None:
                container.wait()
                raise SystemExit(f"{container.name} has ended")
            self._is_stopping.wait(container.spec["startupProbe"]["periodSeconds"])

    def _end(self, main: list[Container], sidecars: list[Container]) -> None:
        """Sidecars get SIGTERM after the last other container; what is left of the grace is theirs, be it nothing."""
        end = time.monotonic() + self._spec.get("terminationGracePeriodSeconds", 30)
        for group in (main, *([one] for one in reversed(sidecars))):
            for container in group:
                container.signal(signal.SIGTERM)
            for container in group:
                if not container.wait(max(0.0, end - time.monotonic())):
                    container.signal(signal.SIGKILL)
                    container.wait()


if __name__ == "__main__":
    pod = Pod(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
    signal.signal(signal.SIGTERM, pod.stop)
    pod.run()
