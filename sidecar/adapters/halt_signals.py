"""SIGUSR1 and SIGUSR2, with who sent them.

They are kept from being delivered for all of the process's life, its threads and its writer included, and are taken
from what is pending: so one that comes before anybody looks is not lost, none ends the process as is their default,
and the kernel tells who sent it, which it does not tell a handler of Python's.
"""

import signal
from collections.abc import Sequence
from typing import Final

from sidecar.service.ports import Signalled

_HALT: Final = signal.SIGUSR1
_OURS: Final = frozenset({signal.SIGUSR1, signal.SIGUSR2})
# A sender in a loop is not to keep the process busy: the rest is pending at the next look.
_AT_ONCE: Final = 16


def keep_signals() -> None:
    """From now on they wait to be looked at. For the main thread, before there is any other."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _OURS)


class PendingSignals:
    """The HaltSignals of this process."""

    def pending(self) -> Sequence[Signalled]:
        """As the port says."""
        found = []
        for _ in range(_AT_ONCE):
            info = signal.sigtimedwait(_OURS, 0)
            if info is None:
                break
            number = signal.Signals(info.si_signo)
            found.append(Signalled(number.name, number is _HALT, info.si_uid, info.si_pid))
        return sorted(found, key=lambda one: one.halts)
