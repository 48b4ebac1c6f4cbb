"""Containers as kubelet has them run: one process each, with its user, groups, capabilities, mounts and variables."""

import contextlib
import http.client
import json
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

_FIELDS = {"spec.nodeName": "node-1", "metadata.name": "demo-0"}


def tell(event: str, container: str, **more: Any) -> None:
    sys.stdout.write(json.dumps({"event": event, "container": container, **more}) + "\n")
    sys.stdout.flush()


class Container:
    """One process in the pod's network, with its own mounts and process numbers."""

    def __init__(
        self, spec: dict[str, Any], pod: dict[str, Any], image: dict[str, Any], address: str
    ) -> None:
        self.spec, self._pod, self._image, self._address = spec, pod, image, address
        self.name, self.is_sidecar = spec["name"], spec.get("restartPolicy") == "Always"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, root: Path, volumes: dict[str, Path], log: Path) -> None:
        script = "\n".join(
            [*self._mounts(root, volumes), f"exec chroot {root} {shlex.join(self._command())}"]
        )
        alone = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *alone, "sh", "-euc", script],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        tell("started", self.name, pid=self._init())

    def _mounts(self, root: Path, volumes: dict[str, Path]) -> list[str]:
        lines = []
        for mount in self.spec.get("volumeMounts", ()):
            place = shlex.quote(f"{root}{mount['mountPath']}")
            lines += [f"mkdir -p {place}", f"mount --bind {shlex.quote(str(volumes[mount['name']]))} {place}"]
            lines += [f"mount -o remount,bind,ro {place}"] if mount.get("readOnly") else []
        lines.append(f"mount -t proc proc {root}/proc")
        if self.spec["securityContext"].get("readOnlyRootFilesystem"):
            lines += [
                f"mount -o remount,bind,ro {root}{folder}"
                for folder in ("", "/run", "/var/lib", "/opt", "/tmp")
            ]
        return lines

    def _command(self) -> list[str]:
        context = self._pod.get("securityContext", {}) | self.spec["securityContext"]
        groups = [context[name] for name in ("fsGroup",) if name in context] + context.get(
            "supplementalGroups", []
        )
        capabilities = context.get("capabilities", {})
        kept = [f"+{name.lower()}" for name in capabilities.get("add", ())]
        who = [
            "/usr/bin/setpriv",
            f"--reuid={context['runAsUser']}",
            f"--regid={context.get('runAsGroup', 0)}",
        ]
        who.append(f"--groups={','.join(map(str, groups))}" if groups else "--clear-groups")
        if "ALL" in capabilities.get("drop", ()):
            who += ["--inh-caps=-all", f"--bounding-set={','.join(['-all', *kept])}"]
        if context.get("allowPrivilegeEscalation") is False:
            who.append("--no-new-privs")
        program = self.spec.get("command", self._image["entrypoint"])
        arguments = self.spec.get("args", [] if "command" in self.spec else self._image["command"])
        return [
            *who,
            "/usr/bin/env",
            "-i",
            *(f"{k}={v}" for k, v in self._environ().items()),
            *program,
            *arguments,
        ]

    def _environ(self) -> dict[str, str]:
        """Variables of the container win over the image's, and may name those before them."""
        environ = dict(self._image["environ"])
        for one in self.spec.get("env", ()):
            text = one.get("value") or _FIELDS[one["valueFrom"]["fieldRef"]["fieldPath"]]
            environ[one["name"]] = re.sub(r"\$\((\w+)\)", lambda found: environ.get(found[1], found[0]), text)
        return environ

    def _init(self) -> int:
        """The number, outside, of the process that is 1 inside."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        while self.process.poll() is None:
            with contextlib.suppress(OSError):
                if found := children.read_text().split():
                    return int(found[0])
            time.sleep(0.01)
        return 0

    def probe(self, kind: str) -> int:
        """The status of the answer at the pod's address; 0 without one."""
        asked = self.spec[kind]["httpGet"]
        ports = {one["name"]: one["containerPort"] for one in self.spec["ports"]}
        connection = http.client.HTTPConnection(
            self._address, ports[asked["port"]], timeout=self.spec[kind]["timeoutSeconds"]
        )
        try:
            connection.request("GET", asked["path"])
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    def signal(self, number: int) -> None:
        with contextlib.suppress(OSError):
            os.kill(self._init(), number)

    def wait(self, seconds: float | None = None) -> bool:
        """Whether it has ended, and told so."""
        assert self.process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            tell("ended", self.name, code=self.process.wait(seconds))
            return True
        return False
