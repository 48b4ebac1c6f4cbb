"""What a platform costs: a decision that it scores, and decisions that it has no part in while it does not answer."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Final

import msgspec

from bench import load
from bench.daemon import Daemon, daemon
from bench.figures import JUDGED_AT, Figure
from bench.load import Load, Target
from bench.peers import Server, ask
from bench.platform import SUBMIT, platform
from bench.processes import BenchError
from bench.rounds import Cell, alternate
from bench.rules import scored_request
from bench.waits import black_holed, scored

ASKERS: Final = 4
PAUSE: Final = 0.1
UP: Final = "platform up"
BLACK_HOLED: Final = "platform black-holed"
UNAVAILABLE: Final = "platform_unavailable"


def scoring(work: Path, rules: int, rounds: int, seconds: float) -> list[Figure]:
    """The platform's own answer, a decision that it scores, and a local one, by turns, at one connection."""
    with platform(work) as its, daemon(work, rules, platform=_address(its)) as ours:
        servers = [its, replace(ours.server, tcp=_scored(ours, work), unix=None), ours.server]
        for server in servers:
            server.check()
        taken = [[load.measure(one.tcp, 1, seconds, work) for one in servers] for _ in range(rounds)]
        refused = ours.refused()
    its_p50, our_p50, local_p50 = (median(column) for column in zip(*_p50(taken), strict=True))
    bad = refused + sum(one.bad for turn in taken for one in turn)
    return [scored(its_p50, our_p50, local_p50, bad)]


def silence(work: Path, rules: int, rounds: int, seconds: float) -> list[Figure]:
    """Local decisions of two daemons by turns, while others ask both for what the platform scores.

    The platform of one allows at once; that of the other accepts and never answers, so that calls hang until the
    daemon leaves it alone.
    """
    with ExitStack() as stack:
        platforms = {
            name: stack.enter_context(platform(work, silent=silent))
            for name, silent in ((UP, False), (BLACK_HOLED, True))
        }
        daemons = {
            name: stack.enter_context(daemon(work, rules, platform=_address(its)))
            for name, its in platforms.items()
        }
        todo = [Cell(replace(one.server, name=name), "tcp", JUDGED_AT) for name, one in daemons.items()]
        stack.enter_context(_asked(daemons[UP], work, "allowed"))
        stack.enter_context(_asked(daemons[BLACK_HOLED], work, UNAVAILABLE))
        table = alternate(todo, rounds, seconds, work)
        refused = sum(one.refused(but=UNAVAILABLE) for one in daemons.values())
    up, black = (table[name, "tcp", JUDGED_AT] for name in (UP, BLACK_HOLED))
    return black_holed(up, black, refused)


def _p50(taken: list[list[Load]]) -> list[list[float]]:
    return [[one.p50 for one in turn] for turn in taken]


def _address(its: Server) -> str:
    return its.tcp.url.removesuffix(SUBMIT)


def _scored(ours: Daemon, work: Path, number: int = 0) -> Target:
    body = work / f"scored-{number}.json"
    body.write_bytes(msgspec.json.encode(scored_request(number)))
    return Target(ours.server.tcp.url, body)


@contextmanager
def _asked(ours: Daemon, work: Path, code: str) -> Iterator[None]:
    """Four ask the daemon, ten times a second at most, each for an action of its own.

    Raises BenchError unless each was told something, and that code every time.
    """
    leave, targets = threading.Event(), [_scored(ours, work, number) for number in range(ASKERS)]
    with ThreadPoolExecutor(ASKERS) as askers:
        asked = [askers.submit(_ask, target, leave) for target in targets]
        try:
            yield
        finally:
            leave.set()
    told = [one.result() for one in asked]
    if any(codes != {code} for codes in told):
        raise BenchError(f"what the platform scores was to be {code}, and was {told}")


def _ask(target: Target, leave: threading.Event) -> set[str]:
    codes = set[str]()
    while not leave.wait(PAUSE):
        codes.add(ask(target)[1]["context"]["code"])
    return codes
