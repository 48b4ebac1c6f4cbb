"""The shims' drivers: how each language's is built and started, and what it is told and says."""

import contextlib
import fcntl
import hashlib
import json
import os
import queue
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.tools.daemon import REPOSITORY
from tests.tools.shim_vectors import Client, Step

SHIMS = REPOSITORY / "shims"
_BUILT = REPOSITORY / "build" / "shims"
_LONGEST = 60.0


@dataclass(frozen=True)
class Language:
    """`needs` are the programs without which it cannot be built; `build` runs once, with {out} a folder for it."""

    name: str
    needs: tuple[str, ...]
    start: tuple[str, ...]
    build: tuple[str, ...] = ()

    def missing(self) -> list[str]:
        """Programs that are not installed. Where all languages must be run, that is an error."""
        absent = [program for program in self.needs if shutil.which(program) is None]
        assert not (absent and os.environ.get("SHIMS") == "all"), (
            f"{self.name}: {', '.join(absent)} not installed"
        )
        return absent

    def command(self) -> list[str]:
        """How it is started. Built before unless these very sources have been, by this process or another."""
        out = _BUILT / f"{self.name}-{self._digest()}"
        with _alone(self.name):
            if self.build and not out.exists():
                for old in _BUILT.glob(f"{self.name}-*"):
                    shutil.rmtree(old)
                half = out.with_suffix(".half")
                half.mkdir()
                words = self._filled(self.build, half)
                done = subprocess.run(words, check=False, cwd=SHIMS, capture_output=True, text=True)
                assert done.returncode == 0, done.stderr
                half.rename(out)
        return self._filled(self.start, out)

    def _digest(self) -> str:
        digest = hashlib.sha256(repr(self.build).encode())
        for path in sorted((SHIMS / self.name).rglob("*")):
            digest.update(path.read_bytes() if path.is_file() else b"")
        return digest.hexdigest()[:16]

    def _filled(self, words: tuple[str, ...], out: Path) -> list[str]:
        return [word.replace("{out}", str(out)) for word in words]


@contextlib.contextmanager
def _alone(name: str) -> Iterator[None]:
    """One process at a time builds a language."""
    _BUILT.mkdir(parents=True, exist_ok=True)
    with (_BUILT / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


# Without a C compiler, and without asking any network.
_GO = ("env", "CGO_ENABLED=0", "GOTOOLCHAIN=local", "GOPROXY=off", "go", "build", "-C", "go")
LANGUAGES = [
    Language("python", ("python3",), ("python3", "python/driver.py")),
    Language("node", ("node",), ("node", "node/driver.mjs")),
    Language("go", ("go",), ("{out}/go",), (*_GO, "-o", "{out}/go", "./driver")),
    Language(
        "rust", ("rustc",), ("{out}/rust",), ("rustc", "--edition=2021", "-o", "{out}/rust", "rust/driver.rs")
    ),
    Language(
        "java",
        ("javac", "java"),
        ("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", "{out}", "Driver"),
        ("javac", "-d", "{out}", "java/Ascend.java", "java/Driver.java"),
    ),
    Language("bash", ("bash", "curl"), ("bash", "bash/driver.sh")),
]


class Driver:
    """One running driver. `close` ends it in peace, `kill` at once."""

    def __init__(self, command: list[str]) -> None:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("ASCEND")}
        self._process = subprocess.Popen(
            command, cwd=SHIMS, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._lines: queue.Queue[bytes] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            assert self._process.wait(10) == 0
        finally:
            self.kill()

    def kill(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.kill()
        self._process.wait()
        self._reader.join(10)
        self._process.stdin.close()
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(b"")

    @property
    def pid(self) -> int:
        return self._process.pid

    def say(self, *words: str) -> list[str]:
        """The fields that it answers with; a line end inside of one becomes a space, as in what it says."""
        self.tell(*words)
        return self.heard()

    def tell(self, *words: str) -> None:
        assert self._process.stdin is not None
        line = "\t".join(re.sub(r"[\t\r\n]", " ", word) or "-" for word in words)
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def heard(self) -> list[str]:
        answer = self._lines.get(timeout=_LONGEST)
        assert answer.endswith(b"\n"), "the driver has ended"
        return [
            "" if word == "-" else word for word in answer.decode(errors="replace").rstrip("\n").split("\t")
        ]

    def open(self, address: str, client: Client) -> None:
        duties = "accept" if client.accept_obligations else "refuse"
        limits = [f"{limit:g}" for limit in (client.deadline, client.wait, client.silence)]
        assert self.say("open", address, client.agent, client.token, *limits, duties) == ["ok"]

    def shut(self) -> None:
        """Ends the client that `open` made."""
        assert self.say("close") == ["closed"]

    def do(self, step: Step) -> dict[str, str | bool]:
        """What came of a step, by the names that vectors use."""
        if step.do == "authorize":
            return self.authorize(step.action, step.resource, step.properties, step.context)
        if step.do == "report":
            return {"error": self._said("reported", "report", step.outcome, json.dumps(step.details))}
        if step.do == "watch":
            return {"state": self._said("watching", "watch")}
        words = ("await", "yes" if step.expect["blocked"] else "no") if step.do == "await" else (step.do,)
        return {"blocked": self._said("blocked", *words) == "yes"}

    def authorize(self, action: str, resource: str, properties=None, context=None) -> dict[str, str | bool]:
        given = (json.dumps(properties or {}, ensure_ascii=False), json.dumps(context or {}))
        word, allowed, *rest = self.say("authorize", action, resource, *given)
        assert word == "decision"
        assert allowed in ("allowed", "refused")
        names = ("error", "code", "id", "risk", "reason")
        return {"allowed": allowed == "allowed", **dict(zip(names, rest, strict=True))}

    def _said(self, expected: str, *words: str) -> str:
        word, value = self.say(*words)
        assert word == expected
        return value
