"""An image built by the Dockerfile's own steps, without a container engine, and processes run in it as one would.

Of a Dockerfile it knows what ours uses; anything else is an error, so that no step is passed over silently.
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.tools.daemon import REPOSITORY, until

_LAUNCHER = REPOSITORY / "tests/tools/image_run.py"
# What a builder lends to RUN steps and never puts into a layer.
_LENT = ("/etc/resolv.conf", "/etc/hosts")
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def instructions(dockerfile: str) -> list[tuple[str, str]]:
    """Words and what follows them, with continued lines as one and without comments."""
    lines = "\n".join(line for line in dockerfile.splitlines() if not line.startswith("#"))
    joined = re.sub(r"\\\n\s*", "", lines).splitlines()
    return [(line.split()[0].upper(), line.split(None, 1)[1].strip()) for line in joined if line.strip()]


@dataclass
class Stage:
    """One root, and what its processes get."""

    root: Path
    environ: dict[str, str] = field(default_factory=dict)
    folder: str = "/"
    user: str = "0:0"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)
    volumes: list[str] = field(default_factory=list)
    stop_signal: str = "SIGTERM"


class Builder:
    """Executes a Dockerfile; `base` is the root that stands for its base image."""

    def __init__(self, context: Path, base: Path, work: Path, arguments: dict[str, str]) -> None:
        self._context, self._base, self._work = context, base, work
        self._arguments = arguments
        self._stages: dict[str, Stage] = {}
        self._stage = Stage(work)

    def build(self) -> Stage:
        """The last stage."""
        for word, rest in instructions((self._context / "Dockerfile").read_text()):
            getattr(self, f"_{word.lower()}")(rest)
        return self._stage

    def _arg(self, rest: str) -> None:
        name, has_default, default = rest.partition("=")
        if has_default:
            self._arguments.setdefault(name, default)
        assert name in self._arguments, f"ARG {name} has no value"

    def _expanded(self, text: str) -> str:
        known = self._arguments | self._stage.environ
        return re.sub(r"\$\{(\w+)\}", lambda found: known[found[1]], text)

    def _from(self, rest: str) -> None:
        image, _, name = self._expanded(rest).partition(" AS ")
        root = self._work / (name or "last")
        if image == "scratch":
            root.mkdir()
        else:
            assert image == self._arguments["BASE"]
            subprocess.run(["cp", "-a", "--reflink=auto", str(self._base), str(root)], check=True)
        self._stage = self._stages[name or "last"] = Stage(root)

    def _env(self, rest: str) -> None:
        for pair in shlex.split(self._expanded(rest)):
            name, _, value = pair.partition("=")
            self._stage.environ[name] = value

    def _workdir(self, rest: str) -> None:
        self._stage.folder = rest
        self._inside(rest).mkdir(parents=True, exist_ok=True)

    def _inside(self, path: str) -> Path:
        return self._stage.root / Path(self._stage.folder, path).relative_to("/")

    def _copy(self, rest: str) -> None:
        words = shlex.split(rest)
        options = dict(word[2:].split("=") for word in words if word.startswith("--"))
        assert set(options) <= {"from", "chown"}, rest
        *sources, target = (word for word in words if not word.startswith("--"))
        stage = options.get("from")
        start = self._stages[stage].root if stage else self._context
        for source in sources:
            self._put(start / source.lstrip("/"), self._inside(target), is_folder=target.endswith("/"))
        if "chown" in options:
            os.chown(self._inside(target), *map(int, options["chown"].split(":")))

    def _put(self, source: Path, target: Path, *, is_folder: bool) -> None:
        """A folder's contents, not the folder."""
        if source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
            owner = () if source.is_relative_to(self._work) else ("--owner=0", "--group=0")
            packing = ["tar", "-C", source, "--exclude=__pycache__", *owner, "-c", "."]
            with subprocess.Popen(packing, stdout=subprocess.PIPE) as reading:
                unpacking = ["tar", "-C", target, "-x", "-p", "--keep-directory-symlink"]
                subprocess.run(unpacking, stdin=reading.stdout, check=True)
            assert reading.returncode == 0
        else:
            place = target / source.name if is_folder else target
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, place)

    def _run(self, rest: str) -> None:
        """As root in this stage's root, with the network and with what lets it reach the registries from here."""
        root = self._stage.root
        for path in _LENT:
            shutil.copy(path, root / path.lstrip("/"))
        shutil.copy(_CERTIFICATES, root / "lent.crt")
        lent = {name: text for name, text in os.environ.items() if name.startswith("PIP_INDEX")}
        environ = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PIP_CERT": "/lent.crt", "HOME": "/root"}
        step = f"cd {self._stage.folder}; {rest}"
        script = f"mount -t proc proc {root}/proc && exec chroot {root} sh -ec {shlex.quote(step)}"
        ran = subprocess.run(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", script],
            env=environ | lent | self._stage.environ,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        assert ran.returncode == 0, f"RUN {rest}\n{ran.stdout[-3000:]}{ran.stderr[-3000:]}"

    def _user(self, rest: str) -> None:
        self._stage.user = rest

    def _volume(self, rest: str) -> None:
        self._stage.volumes = json.loads(rest)

    def _stopsignal(self, rest: str) -> None:
        self._stage.stop_signal = rest

    def _healthcheck(self, rest: str) -> None:
        self._stage.health = json.loads(rest.partition(" CMD ")[2])

    def _entrypoint(self, rest: str) -> None:
        self._stage.entrypoint = json.loads(rest)

    def _cmd(self, rest: str) -> None:
        self._stage.command = json.loads(rest)


_ENTER = """\
set -e
mount --make-rprivate /
mount --bind {root} {root}
mount -t proc proc {root}/proc
mount -t tmpfs -o mode=755 tmpfs {root}/dev
for device in null zero full random urandom; do
  touch {root}/dev/$device
  mount --bind /dev/$device {root}/dev/$device
done
{volumes}
mount -o remount,bind,ro {root}
ip link set lo up
export PATH={path}
exec {python} -I {launcher} {root} {uid} {command}
"""


class Container:
    """The image's process with a root that is read-only but for the volumes, on a loopback network of its own."""

    def __init__(self, image: Stage, arguments: list[str], environ: dict[str, str], log: Path) -> None:
        self._image, self._log = image, log
        self._environ = image.environ | environ
        volumes = "\n".join(
            f"mount -t tmpfs -o mode={oct(path.stat().st_mode & 0o777)[2:]},uid={path.stat().st_uid},"
            f"gid={path.stat().st_gid} tmpfs {path}"
            for path in (image.root / volume.lstrip("/") for volume in image.volumes)
        )
        script = _ENTER.format(
            root=image.root,
            volumes=volumes,
            python=sys.executable,
            path=image.environ["PATH"],
            launcher=_LAUNCHER,
            uid=image.user.partition(":")[0],
            command=shlex.join(self.found([*image.entrypoint, *(arguments or image.command)])),
        )
        namespaces = ("--mount", "--pid", "--fork", "--net", "--ipc", "--uts", "--kill-child")
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "unshare", *namespaces, "sh", "-c", script],
                env=self._environ | {"PATH": os.environ["PATH"]},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def found(self, command: list[str]) -> list[str]:
        """The program by its path in the image: execve(2) looks through no PATH."""
        folders = self._image.environ["PATH"].split(":")
        paths = (f"{folder}/{command[0]}" for folder in folders)
        path = next(path for path in paths if (self._image.root / path.lstrip("/")).exists())
        return [path, *command[1:]]

    @property
    def pid(self) -> int:
        """Of the image's first process, as this host counts them."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return int(until(children.read_text, "it has begun").split()[0])

    def execute(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        """Another process in it, as the image's user."""
        nsenter = shutil.which("nsenter")
        assert nsenter
        entering = (nsenter, "--target", str(self.pid), "--mount", "--pid", "--net", "--ipc", "--uts")
        launching = (sys.executable, "-I", str(_LAUNCHER), str(self._image.root))
        uid = self._image.user.partition(":")[0]
        return subprocess.run(
            [*entering, *launching, uid, *self.found(command)],
            env=self._environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def output(self) -> str:
        return self._log.read_text(errors="replace")

    def stop(self) -> int:
        os.kill(self.pid, signal.Signals[self._image.stop_signal])
        return self.process.wait(30)

    def __enter__(self) -> "Container":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            # The first of its PID namespace, with which all others end. The signal for a parent's death is lost to
            # who becomes another user (prctl(2), PR_SET_PDEATHSIG).
            os.kill(self.pid, signal.SIGKILL)
            self.process.wait()
