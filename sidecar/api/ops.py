"""The ops door: probes and metrics, never a decision."""

from collections.abc import Callable

from sidecar.api.wire import Call, Reply, Route, encode, ok
from sidecar.service.health import Health

_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Ops:
    """`/livez` never depends on disk, network or policy; `/readyz` says why not; `/healthz` tells of each part."""

    def __init__(self, health: Health, metrics: Callable[[], bytes]) -> None:
        self._health = health
        self._metrics = metrics

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("GET", "/livez", self.livez),
            Route("GET", "/readyz", self.readyz),
            Route("GET", "/healthz", self.healthz),
            Route("GET", "/metrics", self.metrics),
        )

    async def livez(self, _call: Call) -> Reply:
        return ok({"live": True}) if self._health.is_live() else Reply(503, encode({"live": False}))

    async def readyz(self, _call: Call) -> Reply:
        reasons = self._health.unready_because()
        return Reply(503 if reasons else 200, encode({"ready": not reasons, "reasons": reasons}))

    async def healthz(self, _call: Call) -> Reply:
        return ok(self._health.report())

    async def metrics(self, _call: Call) -> Reply:
        return Reply(200, self._metrics(), content_type=_METRICS_TYPE)
