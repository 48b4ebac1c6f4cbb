"""Ungoverned: what agents did while they found no daemon, told by them afterwards, on record and counted."""

from sidecar.core.model import Caller
from sidecar.core.record import UngovernedRecord, encode_ungoverned
from sidecar.service.ports import DecisionLog, Metrics, Receipt
from sidecar.service.state import State


class Ungoverned:
    """Nothing is decided by it, and nothing that it says is believed further than that it was said."""

    def __init__(self, log: DecisionLog, state: State, metrics: Metrics, within: float) -> None:
        self._log = log
        self._state = state
        self._metrics = metrics
        self._within = within

    def may_tell(self, agent: str, caller: Caller) -> bool:
        """Whether this caller may speak for that agent: one that is bound is spoken for by its own."""
        bundle = self._state.snapshot.bundle
        found = bundle.agents.find(agent) if bundle else None
        return found is None or not found.is_bound or found.admits(caller)

    async def tell(self, record: UngovernedRecord) -> Receipt:
        """Raises AuditError if nothing was recorded; it is counted once it was."""
        receipt = await self._log.append(encode_ungoverned(record, self._state.masker), self._within)
        self._metrics.ungoverned(record.count)
        return receipt
