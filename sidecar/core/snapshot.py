"""The snapshot: all that a decision depends on besides the request. Immutable, swapped whole."""

from dataclasses import dataclass

from sidecar.core.bundle import Bundle
from sidecar.core.killswitch import NO_HALTS, Halts
from sidecar.core.model import Code


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Times are epoch seconds. `bundle` is None until one is verified; `missing` then says why there is none.

    From `stale_at` on nothing is decided by the bundle, because nobody could look for a newer one for too long.
    """

    bundle: Bundle | None = None
    activated_at: float = 0.0
    stale_at: float = float("inf")
    missing: Code = Code.NO_BUNDLE
    halts: Halts = NO_HALTS

    @property
    def revision(self) -> str:
        return self.bundle.revision if self.bundle else ""
