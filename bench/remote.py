"""What a platform costs: a decision that it scores, and decisions that it has no part in while it does not answer."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Final

import msgspec

from bench import load
from bench.daemon import Daemon, daemon
from bench.figures import JUDGED_AT, Figure, black_holed, scored
from bench.load import Target
from bench.peers import Server, ask
from bench.platform import SUBMIT, platform
from bench.processes import BenchError
from bench.rounds import Cell, alternate
from bench.rules import scored_request

ASKERS: Final = 4
PAUSE: Final = 0.1
LEAVE_WITHIN: Final = 15.0
UP: Final = "platform up"
BLACK_HOLED: Final = "platform black-holed"


def scoring(work: Path, rules: int, rounds: int, seconds: float) -> list[Figure]:
    """A decision that the platform scores beside the platform's own answer, by turns, at one connection."""
    with platform(work) as its, daemon(work, rules, platform=_address(its)) as ours:
        through = _scored(ours, work)
        servers = [its, replace(ours.server, tcp=through, unix=None)]
        for server in servers:
            server.check()
        taken = [[load.measure(one.tcp, 1, seconds, work) for one in servers] for _ in range(rounds)]
        servers[1].check()
    its_p50, our_p50 = (median(pair[at].p50 for pair in taken) for at in (0, 1))
    return [scored(its_p50, our_p50, sum(one.bad for pair in taken for one in pair))]


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
        stack.enter_context(_asked(daemons[BLACK_HOLED], work, "platform_unavailable"))
        table = alternate(todo, rounds, seconds, work)
    return black_holed(*(table[name, "tcp", JUDGED_AT] for name in (UP, BLACK_HOLED)))


def _address(its: Server) -> str:
    return its.tcp.url.removesuffix(SUBMIT)


def _scored(ours: Daemon, work: Path, number: int = 0) -> Target:
    body = work / f"scored-{number}.json"
    body.write_bytes(msgspec.json.encode(scored_request(number)))
    return Target(ours.server.tcp.url, body)


@contextmanager
def _asked(ours: Daemon, work: Path, code: str) -> Iterator[None]:
    """Four ask the daemon, ten times a second at most, each for an action of its own.

    Raises BenchError unless they were told something, and that code every time.
    """
    leave, codes = threading.Event(), list[str]()
    targets = [_scored(ours, work, number) for number in range(ASKERS)]
    askers = [threading.Thread(target=_ask, args=(target, leave, codes)) for target in targets]
    for asker in askers:
        asker.start()
    try:
        yield
    finally:
        leave.set()
        for asker in askers:
            asker.join(LEAVE_WITHIN)
    _check(codes, code)


def _ask(target: Target, leave: threading.Event, codes: list[str]) -> None:
    while not leave.wait(PAUSE):
        codes.append(ask(target)[1]["context"]["code"])


def _check(codes: Sequence[str], code: str) -> None:
    if set(codes) != {code}:
        raise BenchError(f"what the platform scores was to be {code}, and was {sorted(set(codes))}")
