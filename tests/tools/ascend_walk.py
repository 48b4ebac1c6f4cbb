"""Every call that the SDK can make, once each, by whichever version of it is on the path.

`python -m tests.tools.ascend_walk` prints what came of each as JSON: `ok`, or the name of the exception. The approval
of an action is asked for by its own tests.
"""

import json
from collections.abc import Callable
from typing import Any

from ascend import AscendClient

REASON = "suspicious behaviour"
Calls = dict[str, tuple[str, Callable[[AscendClient], Any]]]

# name: (method and path, call). Those of CHANGES are decided as actions of their own.
CHANGES: Calls = {
    "link_model": ("PUT /api/registry/agents/{}", lambda c: c.link_model_to_agent("agent-7", 3)),
    "deregister_agent": ("DELETE /api/registry/agents/{}", lambda c: c.deregister()),
    "trigger_kill_switch": (
        "POST /api/billing/kill-switch/{}/trigger",
        lambda c: c.trigger_kill_switch(1, REASON),
    ),
    "release_kill_switch": (
        "POST /api/billing/kill-switch/{}/release",
        lambda c: c.release_kill_switch(1, REASON),
    ),
    "configure_webhook": (
        "POST /api/webhooks/configure",
        lambda c: c.configure_webhook("https://hooks.example/x", ["action.denied"], "s3cret"),
    ),
    "update_webhook": ("PUT /api/webhooks/{}", lambda c: c.update_webhook("wh-1", url="https://x.example/")),
    "delete_webhook": ("DELETE /api/webhooks/{}", lambda c: c.delete_webhook("wh-1")),
    "test_webhook": ("POST /api/webhooks/{}/test", lambda c: c.test_webhook("wh-1")),
    "register_mcp_server": ("POST /api/registry/mcp-servers", lambda c: c.register_mcp_server("crm")),
    "delete_mcp_server": ("DELETE /api/registry/mcp-servers/{}", lambda c: c.delete_mcp_server("crm")),
    "activate_mcp_server": (
        "POST /api/registry/mcp-servers/{}/activate",
        lambda c: c.activate_mcp_server("crm"),
    ),
    "deactivate_mcp_server": (
        "POST /api/registry/mcp-servers/{}/deactivate",
        lambda c: c.deactivate_mcp_server("crm", REASON),
    ),
    "scan_mcp_network": (
        "POST /api/authorization/mcp-discovery/scan-network",
        lambda c: c.scan_mcp_network(),
    ),
    "register_topology": (
        "POST /api/v1/orchestration/topology",
        lambda c: c.register_topology("boss", ["worker"]),
    ),
    "register_mcp_topology": (
        "POST /api/v1/orchestration/topology/mcp",
        lambda c: c.register_mcp_topology("boss", [4]),
    ),
    "cascade_kill": (
        "POST /api/v1/orchestration/cascade-kill/{}",
        lambda c: c.cascade_kill("boss", REASON),
    ),
    "register_component": (
        "POST /api/v1/supply-chain/components",
        lambda c: c.register_supply_chain_component("c-1", "numpy", "library"),
    ),
}


def _read(client: AscendClient) -> str:
    decision = client.evaluate_action("database.read", "orders", wait_for_decision=False)
    return str(decision.action_id)


def _connected(client: AscendClient) -> None:
    told = client.test_connection()
    if not told.connected:
        raise AssertionError(told.error)


def _taken(told: dict[str, Any]) -> None:
    if "logged_locally" in told:
        raise AssertionError(told["error"])


def _beat(client: AscendClient) -> None:
    client.heartbeat()
    if client.get_agent_status().last_heartbeat is None:
        raise AssertionError("the heartbeat was not taken")


def _unblocked(client: AscendClient) -> None:
    """As it was answered: the SDK swallows what goes wrong with a poll."""
    told = client._request("GET", "/api/sdk/kill-switch/status")
    if (told["blocked"], told["active"], told["is_active"]) != (False, False, False):
        raise AssertionError(told)


# Those of ANSWERED give a value under the default policies.
ANSWERED: Calls = {
    "health": ("GET /health", _connected),
    "deployment": ("GET /api/deployment-info", _connected),
    "register": ("POST /api/registry/agents", lambda c: c.register()),
    "commands": ("GET /api/registry/agents/{}/commands", lambda c: c.get_pending_commands("agent-7")),
    "heartbeat": ("POST /api/agents/health/heartbeat", _beat),
    "agent_status": ("GET /api/agents/health/{}", lambda c: c.get_agent_status()),
    "submit": ("POST /api/v1/actions/submit", _read),
    "status": ("GET /api/v1/actions/{}/status", lambda c: c.get_action_status(_read(c))),
    "details": ("GET /api/v1/actions/{}", lambda c: c.get_action_details(_read(c))),
    "complete": (
        "POST /api/agent-action/{}/complete",
        lambda c: _taken(c.log_action_completed(_read(c), {})),
    ),
    "fail": ("POST /api/agent-action/{}/fail", lambda c: _taken(c.log_action_failed(_read(c), "broke"))),
    "activity": ("GET /api/agent-activity", lambda c: c.list_actions()),
    "mcp_submit": (
        "POST /api/v1/mcp/actions/submit",
        lambda c: c.evaluate_mcp_action("crm", "crm", "read_contact", "contact:1"),
    ),
    "kill_switch": ("GET /api/sdk/kill-switch/status", _unblocked),
    "evaluate_policy": (
        "POST /api/governance/policies/evaluate-realtime",
        lambda c: c.evaluate_policy("query", "t"),
    ),
    "classification": (
        "GET /api/v1/resource-classifications",
        lambda c: c.get_resource_classification("database"),
    ),
    "audit_log": ("GET /audit/logs", lambda c: c.query_audit_log(5, 0)),
    "webhooks": ("GET /api/webhooks", lambda c: c.list_webhooks()),
    "mcp_servers": ("GET /api/registry/mcp-servers", lambda c: c.list_mcp_servers()),
    "mcp_health": ("GET /api/authorization/mcp-discovery/health-monitor", lambda c: c.get_mcp_health()),
    "session": ("GET /api/v1/orchestration/sessions/{}", lambda c: c.get_orchestration_session("s-1")),
    "session_risk": (
        "GET /api/v1/orchestration/sessions/{}/risk",
        lambda c: c.get_orchestration_session_risk("s-1"),
    ),
    "orchestration": ("GET /api/v1/orchestration/stats", lambda c: c.get_orchestration_stats()),
    "filter_config": ("GET /api/v1/output-filter/config", lambda c: c.get_output_filter_config()),
    "findings": ("GET /api/v1/output-filter/findings", lambda c: c.get_output_findings(limit=5)),
    "findings_of": (
        "GET /api/v1/output-filter/findings/{}",
        lambda c: c.get_output_findings_for_action(1),
    ),
    "scan": ("POST /api/v1/output-filter/scan", lambda c: c.scan_output("nothing to see", "agent-7")),
    "components": ("GET /api/v1/supply-chain/components", lambda c: c.list_supply_chain_components()),
    "chain_stats": ("GET /api/v1/supply-chain/stats", lambda c: c.get_supply_chain_stats()),
    "cve_sync": ("GET /api/v1/supply-chain/sync/status", lambda c: c.get_cve_sync_status()),
    "alerts": ("GET /api/alerts", lambda c: c.get_supply_chain_alerts(acknowledged=False)),
}
# Those of REFUSED ask for one thing that is not there.
REFUSED: Calls = {
    "ack_command": (
        "POST /api/registry/agents/{}/commands/{}/ack",
        lambda c: c.ack_command("5f0c7a7e-4f2c-4f0e-9f0a-0d7f4a3b2c1d", "agent-7"),
    ),
    "mcp_server": ("GET /api/registry/mcp-servers/{}", lambda c: c.get_mcp_server("nobody")),
    "impact": ("GET /api/v1/supply-chain/impact/{}", lambda c: c.get_supply_chain_impact(5)),
}


def walk(client: AscendClient, calls: Calls) -> dict[str, str]:
    """What came of each call."""
    outcomes = {}
    for name, (_, call) in calls.items():
        try:
            call(client)
            outcomes[name] = "ok"
        except Exception as error:  # noqa: BLE001 - which one it is, is what is told
            outcomes[name] = type(error).__name__
    return outcomes


def main() -> None:
    client = AscendClient(agent_id="agent-7", agent_name="Seven")
    print(json.dumps(walk(client, {**ANSWERED, **REFUSED, **CHANGES})))  # noqa: T201 - read by the test


if __name__ == "__main__":
    main()
