"""A machine with a real systemd as process 1, in namespaces of its own, on which the units are installed.

It sees this machine's files but changes none, has a loopback network of its own and ends with its test.
"""

import contextlib
import os
import re
import shutil
import site
import subprocess
import sys
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.tools.daemon import REPOSITORY, until

UNITS = REPOSITORY / "deploy/systemd"
UNIT = "ascend-sidecar"
_SCRIPT = REPOSITORY / "tests/tools/systemd_machine.sh"
_PAGE = REPOSITORY / "docs/deploy-systemd.md"


def blocks() -> list[str]:
    """The page's blocks that a shell is to run, in their order; the first installs the units."""
    return re.findall(r"^```sh\n(.*?)^```", _PAGE.read_text(), re.MULTILINE | re.DOTALL)


def why_not() -> str:
    """What keeps this process from having such a machine; "" when nothing does."""
    if os.geteuid() != 0:
        return "only root makes namespaces with mounts"
    missing = [
        tool for tool in ("unshare", "nsenter", "setpriv", "systemctl", "curl") if not shutil.which(tool)
    ]
    if missing or not Path("/usr/lib/systemd/systemd").exists():
        return f"systemd and {', '.join(missing) or 'its manager'} are not installed"
    return "" if _cgroups() else "no cgroup v2 is mounted"


def _cgroups() -> Path | None:
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    return next((Path(mount[1]) for mount in mounts if mount[2] == "cgroup2"), None)


@dataclass
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass
class Machine:
    """Use as a context manager. `folder` is where what its systemd says goes."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None
    cgroup: Path = field(init=False)
    manager: int = 0

    def __enter__(self) -> "Machine":
        cgroups = _cgroups()
        assert cgroups is not None
        self.cgroup = cgroups / f"test-{uuid.uuid4().hex[:12]}"
        self.cgroup.mkdir()
        try:
            self._boot()
            self.shell(blocks()[0])
        except BaseException:
            self.__exit__()
            raise
        return self

    def _boot(self) -> None:
        alone = ("setpriv", "--pdeathsig", "KILL", "unshare", "--kill-child", "--fork")
        namespaces = ("--cgroup", "--mount", "--pid", "--uts", "--ipc", "--net")
        packages = next(path for path in site.getsitepackages() if path.endswith("site-packages"))
        script = ("bash", str(_SCRIPT), str(REPOSITORY), str(Path(packages).resolve()), sys.base_prefix)
        joining = f'echo $$ > {self.cgroup}/cgroup.procs; exec {" ".join((*alone, *namespaces))} "$@"'
        with (self.folder / "machine.log").open("ab") as log:
            self.process = subprocess.Popen(
                ["bash", "-c", joining, "join", *script], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        until(self._is_up, "systemd runs", 60)

    def _is_up(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "machine.log").read_text()
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        self.manager = int(children[0]) if children else 0
        if not self.manager or Path(f"/proc/{self.manager}/comm").read_text().strip() != "systemd":
            return False
        return self.run("systemctl", "is-active", "multi-user.target").out.strip() == "active"

    def run(self, *command: str, stdin: str = "") -> Ran:
        """A command in the machine, as its root."""
        entering = ("nsenter", "--target", str(self.manager), "--all", "--", *command)
        done = subprocess.run(entering, input=stdin, capture_output=True, text=True, timeout=90, check=False)
        return Ran(done.returncode, done.stdout, done.stderr)

    def shell(self, script: str) -> str:
        """A script in the machine, in its copy of the repository, which must not fail; what it prints."""
        ran = self.run("bash", "-e", "-s", stdin=f"cd /src\n{script}")
        assert ran.code == 0, f"{script}\n{ran.out}{ran.err}{self.journal()}"
        return ran.out

    def write(self, path: str, text: str, mode: str = "644") -> None:
        ran = self.run("install", "-D", "-m", mode, "/dev/stdin", path, stdin=text)
        assert ran.code == 0, ran.err

    def configure(self, **more: str) -> None:
        """The daemon's config: the policies in the package, and more lines by key."""
        lines = {"policies": "default"} | more
        self.write("/etc/ascend-sidecar/config.yaml", "".join(f"{k}: {v}\n" for k, v in lines.items()))

    def systemctl(self, *arguments: str) -> Ran:
        return self.run("systemctl", "--no-pager", *arguments)

    def property(self, name: str, unit: str = UNIT) -> str:
        return self.systemctl("show", "--value", f"--property={name}", unit).out.strip()

    def journal(self) -> str:
        return self.run("journalctl", "--no-pager", "-o", "cat", "-n", "60").out

    def curl(self, *arguments: str, user: str = "0", group: str = "0") -> Ran:
        """As a user of that number, in that group alone."""
        who = ("setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups")
        return self.run(*who, "curl", "--silent", "--show-error", "--max-time", "30", *arguments)

    def status_of(self, pid: str) -> dict[str, str]:
        """/proc/PID/status of a process of the machine."""
        lines = self.shell(f"cat /proc/{pid}/status").splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def __exit__(self, *_: Any) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        until(self._is_gone, "the machine's processes have ended", 30)

    def _is_gone(self) -> bool:
        """A cgroup can be removed once nothing runs in it."""
        for folder, _, _ in os.walk(self.cgroup, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
        return not self.cgroup.exists()
