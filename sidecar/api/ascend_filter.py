"""The output filter in the ASCEND dialect: texts are scanned for what the masking table takes for secrets.

A finding names the pattern and never what it found. Findings are told at once and not kept.
"""

import asyncio
from collections import Counter
from typing import Annotated

import msgspec
from msgspec import Meta

from sidecar.api.ascend_replies import PAGE, guarded, number, number_in_path
from sidecar.api.wire import Call, Reply, Route, ok, parse_body, read
from sidecar.core.ijson import JsonLimits
from sidecar.core.leaks import find_leaks
from sidecar.service.state import State

_FILTER = "/api/v1/output-filter"


class Scan(msgspec.Struct, frozen=True):
    """A text to be scanned, and whose it is."""

    content: str
    agent_id: Annotated[str, Meta(min_length=1)]
    action_id: Annotated[int, Meta(ge=1)] | None = None


class AscendFilter:
    """The four routes; without a bundle every text is blocked."""

    def __init__(self, state: State, limits: JsonLimits) -> None:
        self._state = state
        self._limits = limits

    def routes(self) -> tuple[Route, ...]:
        found, scan = f"{_FILTER}/findings", f"{_FILTER}/scan"
        return (
            Route("GET", f"{_FILTER}/config", guarded(self.config), about="What is searched for (ASCEND)."),
            Route("GET", found, guarded(self.findings), about="Findings: none are kept (ASCEND)."),
            Route("GET", f"{found}/{{}}", guarded(self.of_action), about="Findings of an action (ASCEND)."),
            Route(
                "POST", scan, guarded(self.scan), reads_json=True, about="Scan a text (ASCEND).", reads=Scan
            ),
        )

    async def config(self, _call: Call) -> Reply:
        bundle = self._state.snapshot.bundle
        patterns = [pattern.name for pattern in bundle.masking.patterns] if bundle else []
        return ok({"enabled": True, "on_finding": "block", "findings_kept": False, "patterns": patterns})

    async def findings(self, call: Call) -> Reply:
        limit = number(call, "limit", PAGE, least=1, most=100)
        return ok({"findings": [], "total": 0, "limit": limit, "offset": number(call, "offset", 0)})

    async def of_action(self, call: Call) -> Reply:
        return ok({"action_id": number_in_path(call), "findings": [], "total": 0})

    async def scan(self, call: Call) -> Reply:
        scan = read(parse_body(call, self._limits), Scan)
        bundle = self._state.snapshot.bundle
        if bundle is None:
            return ok(
                _result(scan, [], blocked=True, reason="There is no bundle that says what to look for.")
            )
        counts: Counter[str] = Counter()
        for found in find_leaks(scan.content, bundle.masking):
            counts.update(found)
            await asyncio.sleep(0)  # decisions go first
        findings = [{"pattern": name, "category": "secret", "count": count} for name, count in counts.items()]
        reason = "The text holds what looks like a secret." if findings else ""
        return ok(_result(scan, findings, blocked=bool(findings), reason=reason))


def _result(
    scan: Scan, findings: list[dict[str, object]], *, blocked: bool, reason: str
) -> dict[str, object]:
    told: dict[str, object] = {
        "blocked": blocked,
        "result": "blocked" if blocked else "clean",
        "reason": reason,
        "agent_id": scan.agent_id,
        "findings": findings,
        "findings_count": len(findings),
    }
    return told if scan.action_id is None else told | {"action_id": scan.action_id}
