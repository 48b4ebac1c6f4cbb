"""The snapshot: all that a decision depends on besides the request. Immutable, swapped whole."""

from dataclasses import dataclass

from sidecar.core.bundle import Bundle


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`bundle` is None until the first one is verified; times are epoch seconds."""

    bundle: Bundle | None = None
    activated_at: float = 0.0

    @property
    def revision(self) -> str:
        return self.bundle.revision if self.bundle else ""
