"""Ours: `ascend-sidecar serve` on a generated policy folder, with every default that a user gets."""

import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from bench.dialects import write_ours, write_scored
from bench.load import Target
from bench.peers import EVALUATION, Server
from bench.processes import running, wait_until
from bench.rules import REQUEST, rule_set
from bench.signed import Publisher

NAME: Final = "ascend-sidecar"
_REFUSALS: Final = ("ascend_sidecar_decisions_total", "ascend_sidecar_unrecorded_denies_total")


class _Listening(msgspec.Struct):
    """What the daemon writes of its doors."""

    decision: str
    decision_socket: str
    ops: str
    pid: int


@dataclass(frozen=True, slots=True)
class Daemon:
    """A daemon that is ready; `took` is the time from spawning it to /readyz 200, in seconds."""

    server: Server
    ops: str
    process: subprocess.Popen[bytes]
    policies: Path
    bundle: Path
    took: float

    def reload(self) -> None:
        """Has it read its policy folder again; returns at once."""
        self.process.send_signal(signal.SIGHUP)

    def revision(self) -> str:
        """The revision of the policies that decide at this moment."""
        revision: str = self._context()["policy"]["revision"]
        return revision

    def sequence(self) -> int:
        """The number of the newest decision record."""
        number: int = self._context()["audit"]["seq"]
        return number

    def refused(self, but: str = "") -> int:
        """How many answers so far were another verdict than allow, recorded or not, except those of one code."""
        with urllib.request.urlopen(f"{self.ops}/metrics", timeout=10) as answer:
            families = text_string_to_metric_families(answer.read().decode())
        samples = [sample for family in families for sample in family.samples if sample.name in _REFUSALS]
        others = [sample for sample in samples if sample.labels["code"] != but]
        return round(sum(sample.value for sample in others if sample.labels.get("verdict") != "allow"))

    def _context(self) -> dict[str, Any]:
        context: dict[str, Any] = self.server.check()["context"]
        return context


def policies(work: Path, rules: int, *, scored: bool = False) -> Path:
    """A policy folder with so many rules, written once; `scored`: and one more, by which the platform scores."""
    folder = work / f"policies-{rules}{'-scored' if scored else ''}"
    if not folder.exists():
        write_ours(folder, rule_set(rules))
        if scored:
            write_scored(folder)
    return folder


@contextmanager
def daemon(
    work: Path,
    rules: int,
    state: str = "",
    publisher: Publisher | None = None,
    platform: str = "",
    settings: str = "",
    environ: Mapping[str, str] | None = None,
) -> Iterator[Daemon]:
    """A daemon on a fresh state, or on the named state of an earlier one.

    With a publisher it gets its rules as a signed file, `bundle.dsse` beside its state, and no folder. `platform` is
    the address of one, which then scores what one more rule leaves to it. With a publisher, `settings`
    are more YAML for its config file. `environ` is the environment instead of ours.
    """
    folder, home = (
        policies(work, rules, scored=bool(platform)),
        work / (state or f"state-{time.monotonic_ns()}"),
    )
    home.mkdir(mode=0o700, exist_ok=True)
    output, listening, body = work / f"{home.name}.log", home / "listen.json", work / "body.json"
    body.write_text(REQUEST)
    listening.unlink(missing_ok=True)
    # Sockets have short names of their own: a path over 107 bytes cannot be one.
    with TemporaryDirectory(prefix="bench-") as sockets:
        folder_source: list[str | Path] = ["--policies", folder, *_platform(home, platform)]
        source = _signed(home, publisher, settings) if publisher else folder_source
        line = command(source, home, Path(sockets))
        began = time.perf_counter()
        with running(line, output, environ) as process:
            wait_until(lambda: _is_ready(listening), process, output)
            took = time.perf_counter() - began
            doors = _doors(listening)
            server = _server(doors, process.pid, body)
            yield Daemon(server, doors.ops, process, folder, bundle_file(home), took)


def command(source: Sequence[str | Path], state: Path, doors: Path) -> list[str | Path]:
    """How the daemon is started: rules and places, everything else as it ships."""
    line: list[str | Path] = [sys.executable, "-m", "sidecar", "serve", *source]
    line += ["--state-dir", state, "--run-dir", doors]
    return [*line, "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0"]


def bundle_file(state: Path) -> Path:
    """Where the daemon of this state looks for its signed bundle."""
    return state.with_suffix(".dsse")


def _signed(state: Path, publisher: Publisher, settings: str) -> list[str | Path]:
    """The first revision is there, and a config file says by whose key."""
    bundle_file(state).write_bytes(publisher.next())
    config = state.with_suffix(".yaml")
    trusted = f"bundle: {{source: {bundle_file(state)}}}\ntrust: {{keys: [{publisher.key}]}}\n"
    config.write_text(trusted + settings)
    return ["--config", config]


def _platform(state: Path, url: str) -> list[str | Path]:
    """A config file says where the platform is, and which file holds the key for it."""
    if not url:
        return []
    key, config = state.with_suffix(".key"), state.with_suffix(".yaml")
    key.touch(0o600)
    key.write_text("ask_bench")
    config.write_text(f"platform: {{url: {url}, key_file: {key}}}\n")
    return ["--config", config]


def _doors(listening: Path) -> _Listening:
    return msgspec.json.decode(listening.read_bytes(), type=_Listening)


def _server(doors: _Listening, pid: int, body: Path) -> Server:
    url = f"{doors.decision}{EVALUATION}"
    return Server(NAME, pid, Target(url, body), Target(url, body, Path(doors.decision_socket)))


def _is_ready(listening: Path) -> bool:
    try:
        with urllib.request.urlopen(f"{_doors(listening).ops}/readyz", timeout=1) as answer:
            status: int = answer.status
            return status == 200
    except (FileNotFoundError, msgspec.DecodeError, urllib.error.URLError, ConnectionError, TimeoutError):
        return False
