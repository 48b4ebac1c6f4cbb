"""The one mutable cell: the current snapshot, replaced whole, and how its bundle came to be there.

Few tasks touch it: the refresher replaces the bundle, the kill switch the halts, decisions read it once each, after
their last await. No lock is needed because none holds a half-made value: assignment is the swap.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import msgspec
from immutables import Map

from sidecar.core.bundle import Bundle
from sidecar.core.errors import SidecarError
from sidecar.core.killswitch import Halts
from sidecar.core.masking import Masker
from sidecar.core.model import Code
from sidecar.core.registry import Registry
from sidecar.core.snapshot import Snapshot

_NOTHING_REGISTERED: Final = Registry()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the newest bundle is not the active one. `kind` is that of the error."""

    reason: str
    kind: str
    at: float


class State:
    """Epoch seconds: `checked_at`, when it was last known that nothing newer is in force at the source; `changed_at`,
    when the bundle last became another one; `verified_at`, when its signatures were last looked at.

    `max_staleness` seconds after a successful check the bundle decides nothing any more. `unstored` says why the
    active bundle would not survive a restart, "" where it would.
    """

    def __init__(self, masker: Masker, max_staleness: float = float("inf")) -> None:
        self._snapshot = Snapshot()
        self._blind_because: Callable[[], str] | None = None
        self.masker = masker
        self.max_staleness = max_staleness
        self.refusal: Refusal | None = None
        self.checked_at = 0.0
        self.verified_at = 0.0
        self.unstored = ""
        self.stopping = False

    @property
    def snapshot(self) -> Snapshot:
        """As of this very moment: whether the kill switch is seen is asked at each look, and not only by timers."""
        if self._blind_because is not None:
            why = self._blind_because()
            if why != self._snapshot.halts.why_blind:
                halts = msgspec.structs.replace(self._snapshot.halts, is_blind=bool(why), why_blind=why)
                self._snapshot = replace(self._snapshot, halts=halts)
        return self._snapshot

    def watch_sight(self, blind_because: Callable[[], str]) -> None:
        """Ask it from now on why nobody sees what is halted; "" says that somebody does."""
        self._blind_because = blind_because

    def halt(self, halts: Halts) -> None:
        """From now on these are the halts in force."""
        seen = self._snapshot.halts
        halts = msgspec.structs.replace(
            halts, is_blind=seen.is_blind, why_blind=seen.why_blind, unread=seen.unread
        )
        self._snapshot = replace(self._snapshot, halts=halts)

    def cannot_see(self, agents: Map[str, bool]) -> None:
        """From now on these are the agents, by id, of whom nobody can say whether they are halted."""
        halts = msgspec.structs.replace(self._snapshot.halts, unread=agents)
        self._snapshot = replace(self._snapshot, halts=halts)

    @property
    def changed_at(self) -> float:
        return self.snapshot.activated_at

    @property
    def registry(self) -> Registry:
        """The servers, models and classes of data that the active bundle registers."""
        bundle = self.snapshot.bundle
        return bundle.registry if bundle else _NOTHING_REGISTERED

    @property
    def keys_version(self) -> int:
        """Of the key set that the active bundle was checked by; 0 is the first."""
        bundle = self._snapshot.bundle
        return bundle.signed.keys_version if bundle and bundle.signed else 0

    def bound_tokens(self) -> frozenset[str]:
        """Digests of the bearer tokens that the active bundle binds to some agent."""
        bundle = self.snapshot.bundle
        return bundle.agents.tokens if bundle else frozenset()

    def activate(self, bundle: Bundle, masker: Masker, now: float) -> None:
        """Swap the bundle in, as one that was found just now."""
        self.refusal = None
        self.checked_at = self.verified_at = now
        self.masker = masker
        self._snapshot = Snapshot(bundle, now, now + self.max_staleness, halts=self._snapshot.halts)

    def checked(self, now: float) -> None:
        """The source was looked at, and what is in force is what it has."""
        self.refusal = None
        self._seen_at(now)

    def found_in_store(self, checked_at: float, changed_at: float) -> None:
        """The active bundle comes from the last run, and so do the times at which the source was looked at."""
        self._snapshot = replace(self._snapshot, activated_at=changed_at)
        self._seen_at(checked_at)

    def refuse(self, error: SidecarError, now: float) -> None:
        """Keep the last good bundle and remember why the new one is not it."""
        self.refusal = Refusal(str(error), error.kind, now)

    def lacks(self, missing: Code) -> None:
        """There is no bundle, and this is why."""
        if self.snapshot.bundle is None:
            self._snapshot = Snapshot(missing=missing, halts=self._snapshot.halts)

    def _seen_at(self, checked_at: float) -> None:
        self.checked_at = checked_at
        self._snapshot = replace(self._snapshot, stale_at=checked_at + self.max_staleness)
