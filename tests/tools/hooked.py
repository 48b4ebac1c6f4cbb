"""A hook as a host starts it: a process of its own, with the tool call on its standard input."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.tools.daemon import REPOSITORY


@dataclass(frozen=True)
class Hooked:
    """How a hook ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def command(host: str, *words: object) -> list[str]:
    return [sys.executable, "-m", "sidecar", "hook", host, *map(str, words)]


def environment(**more: str) -> dict[str, str]:
    """That of a host; nothing of the tests' own daemon."""
    return {name: value for name, value in os.environ.items() if not name.startswith("ASCEND")} | more


def start(host: str, *words: object, **environ: str) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command(host, *words),
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        cwd=REPOSITORY,
        env=environment(**environ),
    )


def hook(host: str, payload: Any, *words: object, **environ: str) -> Hooked:
    """Run it. A payload of bytes is written as it is."""
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return ended(start(host, *words, **environ), raw)


def ended(process: subprocess.Popen[bytes], raw: bytes | None = None) -> Hooked:
    out, err = process.communicate(raw, timeout=60)
    return Hooked(process.returncode, (out or b"").decode(), (err or b"").decode())


def at(socket: Path | str, timeout: float = 20) -> tuple[str, ...]:
    """The words that have it ask there, and not wait for people."""
    return ("--socket", str(socket), "--timeout", str(timeout), "--wait", "0")


def goes_on(host: str, ran: Hooked) -> bool:
    """Whether the host takes this for no objection, as its documentation has it."""
    return (ran.code, ran.out) == (0, '{"permission": "allow"}\n' if host == "cursor" else "")


def blocks(host: str, ran: Hooked) -> bool:
    """Whether the host takes this for a deny, as its documentation has it; Codex wants a reason with it."""
    if host == "cursor" and ran.code == 0:
        return bool(ran.json["permission"] == "deny" and ran.json["user_message"])
    return ran.code == 2 and bool(ran.err.strip())
