"""What only a platform keeps, in the ASCEND dialect: webhooks, the software supply chain and its alerts.

Here there are none of these, and the answers say so in the shapes that the SDK reads.
"""

from sidecar.api.ascend_replies import PAGE, detail, guarded, number, number_in_path, truth
from sidecar.api.wire import Call, Reply, Route, ok

_CHAIN = "/api/v1/supply-chain"


class AscendUnkept:
    """Empty lists and, where something is asked for by its number, a refusal in words."""

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("GET", "/api/webhooks", guarded(self.webhooks), about="Webhooks: none (ASCEND)."),
            Route(
                "GET", f"{_CHAIN}/components", guarded(self.components), about="Components: none (ASCEND)."
            ),
            Route("GET", f"{_CHAIN}/impact/{{}}", guarded(self.impact), about="Impact of one (ASCEND)."),
            Route("GET", f"{_CHAIN}/stats", guarded(self.stats), about="Numbers of components (ASCEND)."),
            Route(
                "GET", f"{_CHAIN}/sync/status", guarded(self.sync), about="Whether CVEs are read (ASCEND)."
            ),
            Route("GET", "/api/alerts", guarded(self.alerts), about="Alerts: none (ASCEND)."),
        )

    async def webhooks(self, _call: Call) -> Reply:
        return ok({"webhooks": [], "total": 0})

    async def components(self, call: Call) -> Reply:
        for name in ("active_only", "has_vulnerabilities"):
            truth(call, name)
        limit, offset = number(call, "limit", 100, least=1), number(call, "offset", 0)
        return ok({"components": [], "total": 0, "limit": limit, "offset": offset})

    async def impact(self, call: Call) -> Reply:
        text = f"No component {number_in_path(call)} is known: only the ASCEND platform keeps components."
        return detail(422, text)

    async def stats(self, _call: Call) -> Reply:
        return ok({"total_components": 0, "vulnerable_components": 0, "by_type": {}, "by_risk_level": {}})

    async def sync(self, _call: Call) -> Reply:
        return ok({"status": "not_configured", "enabled": False, "last_sync": None})

    async def alerts(self, call: Call) -> Reply:
        truth(call, "acknowledged")
        return ok({"alerts": [], "total": 0, "limit": number(call, "limit", PAGE, least=1, most=500)})
