"""Halts in force: what a hundred thousand of them cost decisions that none of them hits, and a start."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec

from bench.daemon import Daemon, daemon
from bench.figures import JUDGED_AT, Figure
from bench.halting import beside_halts
from bench.load import Target
from bench.peers import ask
from bench.prober import HALTED
from bench.processes import BenchError, resident
from bench.rounds import Cell, alternate
from bench.rules import REQUEST
from sidecar.adapters.sqlite import HaltsSqlite
from sidecar.core.delegation import SESSION
from sidecar.core.killswitch import Command, Kind, Order, Origin, Proof, scope
from sidecar.service.ports import HaltChange

STATE: Final = "state-halted"
NONE: Final = "no halt"
SHARES: Final = {
    Kind.AGENT: 90_000,
    Kind.AGENTS: 4_000,
    Kind.TOOL: 2_000,
    Kind.ORCHESTRATION: 2_000,
    Kind.GROUP: 1_000,
    Kind.MCP_SERVER: 1_000,
}
COUNT: Final = sum(SHARES.values())
MANY: Final = f"{COUNT:,} halts"
_NAMES: Final = {
    Kind.AGENT: "invoice-{}",
    Kind.AGENTS: "fleet-{}-*",
    Kind.TOOL: "ledgers.verb-{}",
    Kind.ORCHESTRATION: "s-halted-{}",
    Kind.GROUP: "team-{}",
    Kind.MCP_SERVER: "server-{}",
}
# One in so many begins as the name of the measured agent does, so that each request has to try it.
_NEAR: Final = 1_000
_NEAR_NAME: Final = "payment-*-site-{}"
_HIT: Final = (
    ("subject", "id", "invoice-2"),
    ("subject", "id", "invoice-3"),
    ("subject", "id", "fleet-7-eu"),
    ("action", "name", "ledgers.verb-7"),
    ("context", SESSION, "s-halted-7"),
    ("context", "mcp_server", "server-7"),
)


def in_force(work: Path, rules: int, rounds: int, seconds: float) -> list[Figure]:
    """The measured request at two daemons by turns; one of them was started on 100,000 halts of every kind."""
    began = time.monotonic()
    _store(work / STATE)
    print(f"{MANY}, stored in {time.monotonic() - began:.1f} s", flush=True)
    with daemon(work, rules) as free, daemon(work, rules, STATE) as halted:
        memory = resident(halted.server.pid) - resident(free.server.pid)
        _check(halted, work)
        denied = halted.refused()
        servers = [replace(free.server, name=NONE), replace(halted.server, name=MANY)]
        table = alternate([Cell(server, "tcp", JUDGED_AT) for server in servers], rounds, seconds, work)
        refused = free.refused() + halted.refused() - denied
    none, many = (table[name, "tcp", JUDGED_AT] for name in (NONE, MANY))
    return beside_halts(none, many, refused, halted.took, memory)


def _check(halted: Daemon, work: Path) -> None:
    """Raises BenchError unless the halts of each kind that a request names by itself are in force."""
    for number, (part, key, name) in enumerate(_HIT):
        request = msgspec.json.decode(REQUEST)
        request[part][key] = name
        body = work / f"halted-{number}.json"
        body.write_bytes(msgspec.json.encode(request))
        status, answer = ask(Target(halted.server.tcp.url, body))
        if status != 200 or answer["context"]["code"] != HALTED:
            raise BenchError(f"{name} was to be halted, and was answered {status}: {answer}")


def halts() -> Iterator[Order]:
    """100,000 halts without an end, none of which hits the measured request."""
    now = time.time()
    for kind, count in SHARES.items():
        for number in range(count):
            yield Order(
                Command.BLOCK,
                scope(kind, _name(kind, number)),
                f"{kind.value}-{number}",
                Origin.FLEET,
                Proof.SIGNED,
                seq=number,
                issued_at=now,
                received_at=now,
                reason="halted for a measurement",
                issued_by="operator",
            )


def _name(kind: Kind, number: int) -> str:
    """Agents by their id, and every other one as `type:id`."""
    if kind is Kind.AGENTS and number % _NEAR == 0:
        return _NEAR_NAME.format(number)
    name = _NAMES[kind].format(number)
    return f"agent:{name}" if kind is Kind.AGENT and number % 2 else name


def _store(state: Path) -> None:
    state.mkdir(mode=0o700)
    asyncio.run(_put(state))


async def _put(state: Path) -> None:
    store = HaltsSqlite(state)
    await store.put(HaltChange(tuple(halts())))
    await store.close()
