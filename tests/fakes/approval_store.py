"""Approvals in memory. Tests can make every write fail."""

from collections.abc import Sequence

from sidecar.core.approval import Approval
from sidecar.core.errors import StoreError


class FakeApprovalStore:
    """`kept` by id; `failing`: nothing can be put."""

    def __init__(self) -> None:
        self.kept: dict[str, Approval] = {}
        self.failing = False

    async def load(self) -> Sequence[Approval]:
        return list(self.kept.values())

    async def put(self, approval: Approval) -> None:
        if self.failing:
            raise StoreError("made to fail")
        self.kept[approval.id] = approval

    async def close(self) -> None:
        pass
