"""The admin socket: status and refresh, for the daemon's own user and root."""

from sidecar.api.problems import problem
from sidecar.api.wire import Call, Reply, Route, ok
from sidecar.core.errors import AuditError, BundleError
from sidecar.service.health import Health
from sidecar.service.refresh import Refresher


class Admin:
    """Who may come here is settled by the socket's mode, 0600: the daemon's own user, and root."""

    def __init__(self, health: Health, refresher: Refresher) -> None:
        self._health = health
        self._refresher = refresher

    def routes(self) -> tuple[Route, ...]:
        return (Route("GET", "/v1/status", self.status), Route("POST", "/v1/refresh", self.refresh))

    async def status(self, _call: Call) -> Reply:
        return ok({"ready": not self._health.unready_because(), "health": self._health.report()})

    async def refresh(self, _call: Call) -> Reply:
        """422 with the findings when the new bundle is refused; the last good one stays."""
        try:
            changed = await self._refresher.refresh()
        except (BundleError, AuditError) as error:
            return problem(422, str(error))
        return ok({"changed": changed, "health": self._health.report()})
