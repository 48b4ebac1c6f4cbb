"""A real daemon in a process of its own, on free ports, with its state in a folder of the test."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

REPOSITORY = Path(__file__).parents[2]
DEADLINE = 60.0
# For a daemon whose decisions must not be denied because the machine is slow at writing its log.
PATIENT = {"ASCEND_SIDECAR_AUDIT_DEADLINE": "10s"}


def until(condition, what: str, deadline: float = DEADLINE, pause: float = 0.02):
    """The first true value of `condition()`, polled; AssertionError naming `what` at the deadline, all in seconds."""
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(pause)
    raise AssertionError(f"not within {deadline} s: {what}")


@dataclass
class Answer:
    """An HTTP answer with its body read."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(30)
        self.sock.connect(self._path)


@dataclass
class Daemon:
    """`start` returns when it is ready; use as a context manager so that it never outlives its test."""

    folder: Path
    policies: Path | str | None = "default"
    arguments: tuple[str, ...] = ()
    environ: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def command(self) -> list[str]:
        return [
            *(sys.executable, "-m", "sidecar", "serve"),
            *(("--policies", str(self.policies)) if self.policies is not None else ()),
            *("--state-dir", str(self.state), "--run-dir", str(self.folder / "run")),
            *("--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", *self.arguments),
        ]

    def spawn(self) -> "Daemon":
        environ = {name: value for name, value in os.environ.items() if not name.startswith("ASCEND")}
        self.log_path = self.folder / "daemon.log"
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(), cwd=REPOSITORY, env=environ | self.environ, stdout=log, stderr=log
            )
        return self

    def start(self) -> "Daemon":
        self.spawn()
        return self.await_ready()

    def await_ready(self) -> "Daemon":
        until(self._is_ready, f"the daemon is ready: {self.output()}")
        return self

    def await_doors(self) -> "Daemon":
        """For a daemon that has nothing to decide by yet, and so is not ready."""
        until(self._is_open, f"the daemon opens its doors: {self.output()}")
        return self

    def _is_ready(self) -> bool:
        return self._is_open() and self.get("/readyz", "ops").status == 200

    def _is_open(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.output()
        listen = self.state / "listen.json"
        if not listen.exists() or json.loads(listen.read_bytes())["pid"] != self.process.pid:
            return False
        self.listen = json.loads(listen.read_bytes())
        return True

    def output(self) -> str:
        return self.log_path.read_text(errors="replace")[-4000:]

    def ask(self, method: str, path: str, body: Any = None, door: str = "decision", **headers: str) -> Answer:
        """One request on a connection of its own. A `bytes` body is sent as it is."""
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        given = {"Content-Type": "application/json"} if raw is not None else {}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        address = self.listen[door]
        if address.startswith("/"):
            connection: http.client.HTTPConnection = UnixConnection(address)
        else:
            connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
        try:
            connection.request(method, path, raw, given)
            response = connection.getresponse()
            return Answer(response.status, dict(response.headers), response.read())
        finally:
            connection.close()

    def get(self, path: str, door: str = "decision", **headers: str) -> Answer:
        return self.ask("GET", path, None, door, **headers)

    def post(self, path: str, body: Any, door: str = "decision", **headers: str) -> Answer:
        return self.ask("POST", path, body, door, **headers)

    def evaluate(
        self, subject: str, action: str, resource: str, door: str = "decision", **more: Any
    ) -> Answer:
        """An AuthZEN evaluation; subject and resource as `type:id`."""
        return self.post("/access/v1/evaluation", evaluation(subject, action, resource, **more), door)

    def stop(self, how: int = signal.SIGTERM) -> int:
        """The exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(DEADLINE)

    def __enter__(self) -> "Daemon":
        try:
            return self.start()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def evaluation(subject: str, action: str, resource: str, **more: Any) -> dict[str, Any]:
    """The AuthZEN body; `properties` go to the action, `context` to the context."""
    who, which = subject.partition(":"), resource.partition(":")
    return {
        "subject": {"type": who[0], "id": who[2]},
        "action": {"name": action, "properties": more.get("properties", {})},
        "resource": {"type": which[0], "id": which[2]},
        "context": more.get("context", {}),
    }
