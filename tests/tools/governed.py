"""A daemon and the platform that it asks, both real, for tests that run in one loop with the platform."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ascend import AscendClient

from tests.tools.bundles import HEAD
from tests.tools.daemon import Answer, Daemon
from tests.tools.platform_simulator import PlatformSimulator, serving

# The key of the daemon, and that of its callers.
OURS, THEIRS = "ask_daemon", "ask_caller"
# Beyond what a loaded machine needs for a loopback call, and short of what a test should wait for.
TIMEOUT = "1s"


@dataclass
class Governed:
    """Calls of `daemon` block: they are made in a thread, so that the platform can answer meanwhile."""

    daemon: Daemon
    simulator: PlatformSimulator

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request as the SDK makes it, with the caller's key unless `X_API_Key` says otherwise."""
        its_id = f"asc_{uuid.uuid4().hex[:16]}"
        given = SDK_HEADERS | {"X_API_Key": THEIRS, "X_Correlation_ID": its_id} | headers
        sent = {name: value for name, value in given.items() if value}
        return await asyncio.to_thread(self.daemon.ask, method, path, body, **sent)

    async def submit(self, action: str = "database.read", resource: str = "orders", **headers: str) -> Any:
        body = {"agent_id": "a-1", "action_type": action, "resource": resource}
        return (await self.ask("POST", "/api/v1/actions/submit", body, **headers)).body

    async def metrics(self) -> list[str]:
        return (await asyncio.to_thread(self.daemon.get, "/metrics", "ops")).raw.decode().splitlines()

    async def health(self) -> Any:
        return (await asyncio.to_thread(self.daemon.get, "/healthz", "ops")).body

    async def platform_part(self) -> Any:
        return next(part for part in (await self.health())["parts"] if part["name"] == "platform")

    async def sdk(self, call: Callable[[AscendClient], Any], **settings: Any) -> Any:
        """What a call of the unmodified SDK gives."""
        given = {"api_key": THEIRS, "agent_id": "agent-7", "agent_name": "Seven"} | settings
        client = AscendClient(api_url=self.daemon.listen["decision"], **given)
        return await asyncio.to_thread(call, client)


SDK_HEADERS = {"X_Environment": "production", "X_Request_Timestamp": "2026-01-01T00:00:00+00:00"}


@contextlib.asynccontextmanager
async def governed(
    folder: Path, rules: str, simulator: PlatformSimulator | None = None, url: str = "", **environ: str
) -> AsyncIterator[Governed]:
    """Policies given from `rules:` on. `url` of another platform than the simulator's; `environ` of the daemon."""
    simulator = simulator or PlatformSimulator()
    simulator.book.keys = {OURS, THEIRS}
    policies = folder / "policies"
    policies.mkdir(exist_ok=True)
    (policies / "policy.yaml").write_text(HEAD + rules)
    async with serving(simulator) as its_url:
        given = {
            "ASCEND_SIDECAR_PLATFORM_URL": url or its_url,
            "ASCEND_SIDECAR_PLATFORM_KEY": OURS,
            "ASCEND_SIDECAR_PLATFORM_TIMEOUT": TIMEOUT,
        }
        daemon = Daemon(folder, policies, environ=given | environ)
        try:
            await asyncio.to_thread(daemon.start)
            yield Governed(daemon, simulator)
        finally:
            await asyncio.to_thread(daemon.__exit__)
