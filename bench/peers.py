"""Those who run beside us: the bare handler, Cerbos and OPA. Each answers the measured request with allow."""

import http.client
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from bench.dialects import opa_request, write_cerbos, write_rego
from bench.load import Target
from bench.processes import BenchError, accepts, free_port, running, wait_until
from bench.rules import REQUEST, rule_set

CACHE: Final = Path(__file__).parent / ".cache"
CERBOS: Final = "0.51.0"
OPA: Final = "v1.22.2"
EVALUATION: Final = "/access/v1/evaluation"


class MissingToolError(Exception):
    """A peer that cannot run here. The message says what is missing."""


@dataclass(frozen=True, slots=True)
class Server:
    """One server of the run: its name in tables, its process, its doors, and where its answer says allow."""

    name: str
    pid: int
    tcp: Target
    unix: Target | None = None
    key: str = "decision"

    def check(self) -> dict[str, Any]:
        """Asks once on each door. Raises BenchError unless the answer is 200 and allow."""
        answers = [ask(target) for target in (self.tcp, self.unix) if target]
        for status, answer in answers:
            if status != 200 or answer.get(self.key) is not True:
                raise BenchError(f"{self.name} does not allow the measured request: {status} {answer}")
        return answers[0][1]


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=10)
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)


def ask(target: Target) -> tuple[int, dict[str, Any]]:
    """One request outside any load: status and JSON answer."""
    host, _, path = target.url.removeprefix("http://").partition("/")
    connection = (
        _UnixConnection(target.socket) if target.socket else http.client.HTTPConnection(host, timeout=10)
    )
    try:
        connection.request("POST", f"/{path}", target.body.read_bytes(), {"content-type": "application/json"})
        answer = connection.getresponse()
        return answer.status, msgspec.json.decode(answer.read() or b"null")
    finally:
        connection.close()


@contextmanager
def bare(work: Path) -> Iterator[Server]:
    """The ceiling: aiohttp that decodes the same JSON and answers a constant."""
    port, path, output = free_port(), work / "bare.sock", work / "bare.log"
    with running([sys.executable, "-m", "bench.bare", str(port), str(path)], output) as process:
        wait_until(path.exists, process, output)
        url, body = f"http://127.0.0.1:{port}{EVALUATION}", _body(work, REQUEST)
        yield Server("bare aiohttp", process.pid, Target(url, body), Target(url, body, path))


@contextmanager
def cerbos(work: Path, rules: int) -> Iterator[Server]:
    """Cerbos with its decision log in a file, its log of single requests off."""
    program = _cerbos_program()
    write_cerbos(work / "cerbos-policies", rule_set(rules))
    port, output, config = free_port(), work / "cerbos.log", work / "cerbos.yaml"
    config.write_text(yaml.safe_dump(_cerbos_config(work, port)))
    line: list[str | Path] = [
        program,
        "server",
        "--config",
        config,
        "--log-level=warn",
        "--debug-listen-addr=",
    ]
    with running(line, output) as process:
        wait_until(accepts(port), process, output)
        yield Server(
            "Cerbos", process.pid, Target(f"http://127.0.0.1:{port}{EVALUATION}", _body(work, REQUEST))
        )


def _cerbos_config(work: Path, port: int) -> dict[str, Any]:
    return {
        "server": {"httpListenAddr": f"127.0.0.1:{port}", "grpcListenAddr": f"127.0.0.1:{free_port()}"},
        "storage": {
            "driver": "disk",
            "disk": {"directory": str(work / "cerbos-policies"), "watchForChanges": False},
        },
        "audit": {
            "enabled": True,
            "accessLogsEnabled": False,
            "decisionLogsEnabled": True,
            "backend": "file",
            "file": {"path": str(work / "cerbos-audit.log")},
        },
        "telemetry": {"disabled": True},
    }


def _cerbos_program() -> Path:
    home = CACHE / "npm"
    pattern = "node_modules/@cerbos/cerbos-*/cerbos-*"
    if not list(home.glob(pattern)):
        _need("npm")
        home.mkdir(parents=True, exist_ok=True)
        _install(["npm", "install", "--prefix", home, "--no-audit", "--no-fund", f"cerbos@{CERBOS}"])
    return next(home.glob(pattern))


@contextmanager
def opa(work: Path, rules: int, *, request_log: bool) -> Iterator[Server]:
    """OPA with its decision log on the console (a file here). Its log of single requests is on by default."""
    program = _opa_program()
    name = "OPA, request log on" if request_log else "OPA"
    folder, port, output = work / "opa-policies", free_port(), work / f"opa-{request_log}.log"
    write_rego(folder, rule_set(rules))
    level = "info" if request_log else "error"
    line: list[str | Path] = [
        program,
        "run",
        "--server",
        "--disable-telemetry",
        "--set",
        "decision_logs.console=true",
    ]
    line += [
        "--addr",
        f"127.0.0.1:{port}",
        "--log-level",
        level,
        folder / "policy.rego",
        folder / "data.json",
    ]
    with running(line, output) as process:
        wait_until(accepts(port), process, output)
        target = Target(f"http://127.0.0.1:{port}/v1/data/ascend/decision", _body(work, opa_request()))
        yield Server(name, process.pid, target, key="result")


def _opa_program() -> Path:
    program = CACHE / "bin" / "opa"
    if not program.exists():
        _need("go")
        package = f"github.com/open-policy-agent/opa@{OPA}"
        _install(["env", f"GOBIN={program.parent}", "go", "install", package])
    return program


def _need(tool: str) -> None:
    if not shutil.which(tool):
        raise MissingToolError(f"{tool} is not installed")


def _install(line: list[str | Path]) -> None:
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=900)
    if done.returncode:
        raise MissingToolError(f"{' '.join(map(str, line))} failed: {done.stderr.strip()[-300:]}")


def _body(work: Path, text: str) -> Path:
    path = work / f"body-{len(text)}.json"
    path.write_text(text)
    return path
