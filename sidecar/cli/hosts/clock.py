"""Clock: a hook ends in time and by its own answer, whatever it waits for and whoever tells it to end."""

import signal
from time import monotonic
from typing import Final

from sidecar.cli.hosts.calls import CannotTell

_ENDINGS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM)


class Interrupted(CannotTell):
    """A signal came, or the time is over."""


def start_clock(seconds: float) -> float:
    """Now, by the monotonic clock. After so many seconds, or with a signal to end, Interrupted is raised."""

    def end(number: int, _frame: object) -> None:
        if number == signal.SIGALRM:
            raise Interrupted(f"it took longer than {seconds:g} s")
        raise Interrupted(f"the hook was told to end, by {signal.Signals(number).name}")

    for ending in _ENDINGS:
        signal.signal(ending, end)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))
    return monotonic()


def ignore_endings() -> None:
    """From here on there is an answer, and nothing keeps it from being given."""
    for ending in _ENDINGS:
        signal.signal(ending, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_REAL, 0)
