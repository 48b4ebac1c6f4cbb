"""Approvals on disk."""

from collections.abc import Sequence
from typing import Protocol

from sidecar.core.approval import Approval


class ApprovalStore(Protocol):
    """Approvals on disk. What `put` returned from is there after a crash."""

    async def load(self) -> Sequence[Approval]:
        """Those that are open, and those that were resolved within the last hour. Raises StoreError."""
        ...

    async def put(self, approvals: Sequence[Approval]) -> None:
        """Insert each, or replace the one of its id: all of them or none. Raises StoreError."""
        ...

    async def close(self) -> None: ...
