"""Candidates: a bundle that waits beside the one in force, verified like it, until a person promotes it."""

import logging
from dataclasses import dataclass

from sidecar.core.bundle import Bundle
from sidecar.core.errors import BundleError, SidecarError, StoreError
from sidecar.service.lookout import Lookout, again_and_again
from sidecar.service.pace import Pace
from sidecar.service.ports import Clock
from sidecar.service.refresh import Refresher

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is judged by, and its signed bytes where it has any."""

    bundle: Bundle
    raw: bytes | None


class NoCandidate(SidecarError):
    """There is nothing to promote, or not the revision that was asked for."""

    kind = "no_candidate"


class Candidates:
    """`current` is the newest good one; `refusal` says why the newest of all is not it."""

    def __init__(self, lookout: Lookout, refresher: Refresher, clock: Clock, pace: Pace) -> None:
        self.current: Candidate | None = None
        self.refusal = ""
        self._lookout = lookout
        self._refresher = refresher
        self._clock = clock
        self._pace = pace

    async def run(self) -> None:
        """Look for candidates until cancelled."""
        await again_and_again(self._look, self._pace, self._clock.monotonic, 0.0)

    async def promote(self, revision: str | None) -> str:
        """Put the candidate into force, if it is of that revision; its revision. It is verified once more.

        Raises NoCandidate, BundleError, AuditError or StoreError.
        """
        candidate = self.current
        if candidate is None:
            raise NoCandidate(f"there is no candidate{': ' + self.refusal if self.refusal else ''}")
        found = candidate.bundle.revision
        if revision not in (None, found):
            raise NoCandidate(f"the candidate is of revision {found}, not {revision}")
        await self._refresher.promote(candidate.bundle, candidate.raw)
        self.current = None
        return found

    async def close(self) -> None:
        await self._lookout.close()

    async def _look(self, wait: float) -> bool:
        try:
            look = await self._lookout.look(self.current.bundle if self.current else None, wait)
        except (BundleError, StoreError) as error:
            self.refusal = str(error)
            raise
        if look.is_confirmed:
            self.refusal = ""
        if look.bundle is not None:
            self.current = Candidate(look.bundle, look.raw)
            _log.info("bundle %s is judged beside the one in force", look.bundle.revision)
        return look.bundle is not None
