"""The one mutable cell: the current snapshot, replaced whole, and how its bundle came to be there.

Two tasks touch it: the refresher replaces the snapshot, decisions read it once each, after their last await. No lock
is needed because neither holds a half-made value: assignment is the swap.
"""

from dataclasses import dataclass

from sidecar.core.bundle import Bundle
from sidecar.core.masking import Masker
from sidecar.core.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the newest bundle is not the active one."""

    reason: str
    at: float


class State:
    """`checked_at` is when the source last answered, `changed_at` when the bundle last became another one."""

    def __init__(self, masker: Masker) -> None:
        self.snapshot = Snapshot()
        self.masker = masker
        self.refusal: Refusal | None = None
        self.checked_at = 0.0
        self.stopping = False

    @property
    def changed_at(self) -> float:
        return self.snapshot.activated_at

    def bound_tokens(self) -> frozenset[str]:
        """Digests of the bearer tokens that the active bundle binds to some agent."""
        bundle = self.snapshot.bundle
        return bundle.agents.tokens if bundle else frozenset()

    def activate(self, bundle: Bundle, masker: Masker, now: float) -> bool:
        """Swap the bundle in; False if it is the one that is active already."""
        self.checked_at, self.refusal = now, None
        active = self.snapshot.bundle
        if active is not None and active.digest == bundle.digest:
            return False
        self.snapshot, self.masker = Snapshot(bundle, now), masker
        return True

    def refuse(self, reason: str, now: float) -> None:
        """Keep the last good bundle and remember why the new one is not it."""
        self.checked_at, self.refusal = now, Refusal(reason, now)
