"""Approvals in memory. Tests can make every write fail."""

from collections.abc import Callable, Sequence

from sidecar.core.approval import Approval
from sidecar.core.errors import StoreError


class FakeApprovalStore:
    """`kept` by id, after so many `writes`; `failing`: nothing can be put.

    `meanwhile` happens once, while the next put is under way.
    """

    def __init__(self) -> None:
        self.kept: dict[str, Approval] = {}
        self.failing = False
        self.writes = 0
        self.meanwhile: Callable[[], object] | None = None

    async def load(self) -> Sequence[Approval]:
        return list(self.kept.values())

    async def put(self, approvals: Sequence[Approval]) -> None:
        if self.failing:
            raise StoreError("made to fail")
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        self.writes += 1
        self.kept |= {approval.id: approval for approval in approvals}

    async def close(self) -> None:
        pass
