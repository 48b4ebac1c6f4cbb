"""The admin socket: status and refresh, for the daemon's own user and root."""

from sidecar.api.problems import problem
from sidecar.api.wire import Call, Reply, Route, ok
from sidecar.core.errors import AuditError, BundleError, RequestError, StoreError
from sidecar.core.ijson import JsonLimits, parse_object
from sidecar.service.candidates import Candidates, NoCandidate
from sidecar.service.health import Health
from sidecar.service.refresh import Refresher


class Admin:
    """Who may come here is settled by the socket's mode, 0600: the daemon's own user, and root."""

    def __init__(self, health: Health, refresher: Refresher, candidates: Candidates | None) -> None:
        self._health = health
        self._refresher = refresher
        self._candidates = candidates

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("GET", "/v1/status", self.status),
            Route("POST", "/v1/refresh", self.refresh),
            Route("POST", "/v1/promote", self.promote),
        )

    async def status(self, _call: Call) -> Reply:
        return ok({"ready": not self._health.unready_because(), "health": self._health.report()})

    async def refresh(self, _call: Call) -> Reply:
        """422 with the findings when the new bundle is refused; the last good one stays."""
        try:
            changed = await self._refresher.refresh()
        except (BundleError, AuditError, StoreError) as error:
            return problem(422, str(error))
        return ok({"changed": changed, "health": self._health.report()})

    async def promote(self, call: Call) -> Reply:
        """Body `{"revision": …}`, or `{}` for whatever the candidate is. 409 when there is no such candidate."""
        if self._candidates is None:
            return problem(409, "no candidate is configured (shadow.source)")
        revision = parse_object(call.body, JsonLimits()).get("revision")
        if revision is not None and not isinstance(revision, str):
            raise RequestError("must be a string", field="revision")
        try:
            promoted = await self._candidates.promote(revision)
        except NoCandidate as error:
            return problem(409, str(error))
        except (BundleError, AuditError, StoreError) as error:
            return problem(422, str(error))
        return ok({"revision": promoted, "health": self._health.report()})
