"""A daemon that listens: how soon a halt denies, beside a bare receive loop, and what it costs to listen.

Both read a queue of their own from the same topic, in the same run. A server hands a message to one of them first, so
they take turns to be the one that it is delivered to last.
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from bench import load
from bench.daemon import Daemon, daemon, policies
from bench.figures import JUDGED_AT, Figure
from bench.halting import Halted, Held, enforced, listener, reached
from bench.peers import ask
from bench.prober import Prober, Stopped
from bench.processes import BenchError, family, processor_time, resident, running
from bench.signed import Publisher
from bench.topic import Queue, Topic, environment, topic
from sidecar.adapters.audit_files.layout import Layout
from sidecar.adapters.audit_files.lines import whole_lines

STATE: Final = "state-listening"
HALTS: Final = 200
WARM_UP: Final = 5
PAUSE: Final = 0.02
IDLE: Final = 10.0
SETTLE: Final = 0.5
SIGHTED_WITHIN: Final = 15.0
_ORDER: Final = b'"kill_switch_order"'


class _Order(msgspec.Struct):
    command_id: str
    received_at: float


class _Record(msgspec.Struct):
    order: _Order
    enforced_at: float
    stored_at: float


@dataclass(frozen=True, slots=True)
class _Bare:
    """The bare loop: its queue, and the file that it writes to."""

    queue: Queue
    output: Path

    def received(self) -> dict[str, float]:
        """When each message was first in hand, by the id that SNS gave it."""
        times: dict[str, float] = {}
        for line in self.output.read_text().splitlines():
            message_id, at = line.split()
            times.setdefault(message_id, float(at))
        return times


def listening(work: Path, rules: int, seconds: float) -> list[Figure]:
    """All figures of a daemon with a queue. Raises BenchError where it does not hear of a halt."""
    publisher = Publisher(policies(work, rules))
    with topic(work, publisher.signer) as source:
        queue, bare = source.queue("daemon"), source.queue("bare")
        with (
            daemon(
                work, rules, STATE, publisher, settings=source.settings(queue), environ=environment()
            ) as ours,
            source.beacons(),
        ):
            _until_sighted(ours)
            figures = _cost(work, rules, publisher, ours, seconds)
            with _receiver(work, source, bare) as receiving:
                stops = asyncio.run(_stops(source, ours, queue, receiving))
                received = receiving.received()
    halts = _timed(stops, received, _records(work / STATE))
    return [*reached(halts), enforced(halts), *figures]


def _cost(work: Path, rules: int, publisher: Publisher, ours: Daemon, seconds: float) -> list[Figure]:
    """Memory after the same load, then processor time without any, beside a daemon that has no queue."""
    with daemon(work, rules, publisher=publisher, environ=environment()) as deaf:
        held = []
        for one in (deaf, ours):
            load.measure(one.server.tcp, JUDGED_AT, seconds, work)
        time.sleep(SETTLE)
        pids = [one.server.pid for one in (deaf, ours)]
        before, began = [processor_time(pid) for pid in pids], time.monotonic()
        time.sleep(IDLE)
        took = time.monotonic() - began
        for pid, spent in zip(pids, before, strict=True):
            share = (processor_time(pid) - spent) / took
            held.append(Held(resident(pid), sum(map(resident, family(pid))), share))
    return listener(*held)


def _until_sighted(ours: Daemon) -> None:
    """A daemon with a queue denies until it has seen a beacon come by it."""
    deadline = time.monotonic() + SIGHTED_WITHIN
    while (answer := ask(ours.server.tcp))[1].get("decision") is not True:
        if time.monotonic() > deadline:
            raise BenchError(f"the daemon saw no beacon within {SIGHTED_WITHIN:g} s: {answer}")
        time.sleep(0.05)


@contextmanager
def _receiver(work: Path, source: Topic, queue: Queue) -> Iterator[_Bare]:
    output = work / "receiver.txt"
    line = [sys.executable, "-m", "bench.receiver", source.endpoint, queue.url]
    with running(line, output, environment()):
        yield _Bare(queue, output)


async def _stops(source: Topic, ours: Daemon, queue: Queue, bare: _Bare) -> list[Stopped]:
    """Half of the halts with each of the two as the last that is delivered to."""
    prober, stops = Prober(source, ours.server.tcp.url), list[Stopped]()
    for last in (bare.queue, queue):
        source.last(last)
        await prober.stop(WARM_UP, PAUSE)
        stops += await prober.stop(HALTS // 2, PAUSE)
    return stops


def _timed(stops: list[Stopped], received: dict[str, float], records: dict[str, _Record]) -> list[Halted]:
    """Raises BenchError unless the bare loop had every message, and the log has every order."""
    for known, name in ((received, "bare loop"), (records, "log")):
        halts = {one.message_id if known is received else one.command_id for one in stops}
        if missing := halts - known.keys():
            raise BenchError(f"{len(missing)} of {len(stops)} halts are missing from the {name}")
    return [_halted(one, received[one.message_id], records[one.command_id]) for one in stops]


def _halted(one: Stopped, received: float, record: _Record) -> Halted:
    times = (one.published, received, record.order.received_at, record.enforced_at, record.stored_at)
    return Halted(*((at - one.began) * 1000 for at in (*times, one.denied)))


def _records(state: Path) -> dict[str, _Record]:
    """What the log says of each order, by its id."""
    lines = (found.line for one in Layout(state).segments() for found in whole_lines(one.path))
    records = [msgspec.json.decode(line, type=_Record) for line in lines if _ORDER in line]
    return {record.order.command_id: record for record in records}
