"""A daemon that owes a simulated platform: how to start it, what to say to it, and what the platform heard."""

import re
from pathlib import Path
from typing import Any

from tests.tools.daemon import Answer, Daemon
from tests.tools.platform_served import SimulatedPlatform

_POLICY = """\
apiVersion: ascend.sidecar/v1
kind: Policy
metadata: {name: scored}
rules:
  - {id: scored, effect: allow, score: platform, on_platform_unavailable: open, reason: fine}
"""
# No process of a test runs under this uid.
_AGENTS = "agent:of-others: {uids: [54321]}\n"


def owing_daemon(folder: Path, platform: SimulatedPlatform, **environ: str) -> Daemon:
    """Everything is allowed, scored by the platform, and let through while that does not answer.

    `agent:of-others` is bound to a uid that no test has.
    """
    policies = folder / "policies"
    policies.mkdir(exist_ok=True)
    (policies / "scored.yaml").write_text(_POLICY)
    (policies / "data").mkdir(exist_ok=True)
    (policies / "data" / "agents.yaml").write_text(_AGENTS)
    named = {
        "ASCEND_SIDECAR_PLATFORM_URL": platform.url,
        "ASCEND_SIDECAR_PLATFORM_KEY": "ask_test",
        "ASCEND_SIDECAR_PLATFORM_TIMEOUT": "1s",
    }
    return Daemon(folder, policies, environ=named | environ)


def submit(daemon: Daemon, agent: str, action: str = "file.read") -> Any:
    """The envelope of an allowed action."""
    body = {"agent_id": agent, "action_type": action, "resource": "orders", "context": {"note": "x"}}
    answer = daemon.post("/api/v1/actions/submit", body)
    assert answer.body["decision"] == "allowed", answer.body
    return answer.body


def complete(daemon: Daemon, action_id: object, result: object) -> Answer:
    body = {"action_id": str(action_id), "status": "completed", "completed_at": "now", "result": result}
    return daemon.post(f"/api/agent-action/{action_id}/complete", body)


def outbox(daemon: Daemon) -> Any:
    """The part of that name in health."""
    parts = {part["name"]: part for part in daemon.get("/healthz", "ops").body["parts"]}
    return parts.get("outbox")


def completed(platform: SimulatedPlatform, agent: str) -> list[object]:
    """The results of an agent's actions in the order in which the platform first heard of each."""
    told: dict[object, None] = {}
    for _, path, body in list(platform.book.asked):
        found = re.fullmatch(r"/api/agent-action/(\d+)/complete", path)
        if found and body and platform.book.actions[int(found[1])].body["agent_id"] == agent:
            told.setdefault(body["result"])
    return list(told)


def marks(platform: SimulatedPlatform) -> list[Any]:
    """The marks of the decisions that were reported, by number, each once."""
    bodies = [body for _, path, body in list(platform.book.asked) if path.endswith("/submit") and body]
    found = [body["context"]["ascend_sidecar"] for body in bodies if "ascend_sidecar" in body["context"]]
    return list({mark["decision_id"]: mark for mark in found}.values())
