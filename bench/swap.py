"""Swapping the policies under load: a changed folder and SIGHUP, or a newer signed file, while requests come in."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.daemon import Daemon
from bench.load import Sample, finish, start
from bench.processes import BenchError

CONNECTIONS: Final = 16
LIMIT: Final = 50.0
REST: Final = 1.0
SWAP_WITHIN: Final = 60.0
_POLL: Final = 0.02


@dataclass(frozen=True, slots=True)
class Swapped:
    """What the requests of one load saw. Times in ms; `took` is seconds from each SIGHUP to the new revision.

    `slow` counts requests over 50 ms. `covered` is False if the load ended before the last swap did.
    """

    rate: float
    answers: int
    bad: int
    longest_at_rest: float
    longest_in_swap: float
    slow: int
    took: tuple[float, ...]
    covered: bool


Change = Callable[[Daemon], None]


def change_folder(daemon: Daemon) -> None:
    """The folder is another one, and the daemon is told."""
    _touch(daemon.policies)
    daemon.reload()


def publish(revisions: list[bytes]) -> Change:
    """The next of these signed bundles takes the place of the file that the daemon watches."""

    def change(daemon: Daemon) -> None:
        new = daemon.bundle.with_suffix(".new")
        new.write_bytes(revisions.pop(0))
        new.replace(daemon.bundle)

    return change


def swap_at_rest(daemon: Daemon, change: Change = change_folder) -> float:
    """Seconds from the change to decisions under the new revision, without load."""
    began, ended = _swap(daemon, change)
    return ended - began


def swap_under_load(
    daemon: Daemon,
    swaps: int,
    budget: float,
    scratch: Path,
    rate: int | None = None,
    change: Change = change_folder,
) -> Swapped:
    """`swaps` swaps of at most `budget` seconds each, a second of rest before and after each.

    `rate` limits each of the 16 connections to so many requests a second; None: as many as they bear.
    """
    seconds = swaps * (budget + REST) + REST
    started = start(daemon.server.tcp, CONNECTIONS, seconds, scratch, rate=rate)
    before = daemon.refused()
    windows: list[tuple[float, float]] = []
    for _ in range(swaps):
        time.sleep(REST)
        windows.append(_swap(daemon, change))
    covered = started.process.poll() is None
    samples = finish(started, seconds)
    refused = daemon.refused() - before
    inside = [sample.took for sample in samples if _touches(sample, windows)]
    outside = [sample.took for sample in samples if not _touches(sample, windows)]
    return Swapped(
        rate=len(samples) / seconds,
        answers=len(samples),
        bad=started.bad(samples) + refused,
        longest_at_rest=max(outside, default=0.0),
        longest_in_swap=max(inside, default=0.0),
        slow=sum(sample.took > LIMIT for sample in samples),
        took=tuple(end - begin for begin, end in windows),
        covered=covered,
    )


def _swap(daemon: Daemon, change: Change) -> tuple[float, float]:
    before, deadline = daemon.revision(), time.monotonic() + SWAP_WITHIN
    began = time.time()
    change(daemon)
    while daemon.revision() == before:
        if time.monotonic() > deadline:
            raise BenchError(f"the daemon did not take its new policies within {SWAP_WITHIN:.0f} s")
        time.sleep(_POLL)
    return began, time.time()


def _touch(folder: Path) -> None:
    """Changes one file, so that the folder is a new revision with all its rules read again."""
    file = sorted(folder.glob("rules-*.yaml"))[-1]
    new = file.with_suffix(".new")
    new.write_text(f"{file.read_text()}# changed\n")
    new.replace(file)


def _touches(sample: Sample, windows: list[tuple[float, float]]) -> bool:
    ended = sample.began + sample.took / 1000
    return any(sample.began <= end and ended >= begin for begin, end in windows)
