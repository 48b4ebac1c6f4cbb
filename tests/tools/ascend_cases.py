"""A small bundle that has what the conformance cases of the SDK's wire contract need, and calls that they share."""

from pathlib import Path

from ascend import AscendClient
from ascend.models import AuthorizationDecision

_POLICY = """
apiVersion: ascend.sidecar/v1
kind: Policy
metadata: {name: cases}
rules:
  - {id: reads, match: {actions: ["*read*", "tools/call", query]}, effect: allow, reason: Reading is fine.}
  - id: evaluates
    match: {actions: [code.eval], subjects: ["agent:agent-7"]}
    effect: allow
    reason: This agent may evaluate.
  - {id: drops, match: {actions: ["*drop*"]}, effect: deny, reason: Nothing is dropped here.}
  - id: sends
    match: {actions: ["*send*"]}
    effect: approve
    approval: {stages: [{approvers: ["group:x"]}]}
    reason: A person must look at what is sent.
  - {id: halted, match: {subjects: ["agent:halted"]}, effect: deny, reason: This agent may do nothing.}
  - {id: deregister, match: {actions: [platform.deregister_agent]}, effect: allow, reason: Agents may leave.}
"""
_SERVERS = "crm: {blocked_tools: [wipe_contacts], display_name: Customers}\nold: {active: false}\n"
_MODELS = "m-good: {compliance_status: approved}\nm-new: {compliance_status: pending}\n"
_CLASSES = "customers: {sensitivity_level: restricted, compliance_tags: [GDPR]}\n"


def write_cases(folder: Path, **data: str) -> Path:
    """The bundle as a folder in `folder`; `data` are documents besides its own."""
    policies = folder / "policies"
    (policies / "data").mkdir(parents=True)
    (policies / "cases.yaml").write_text(_POLICY)
    registered = {"mcp_servers": _SERVERS, "models": _MODELS, "classifications": _CLASSES}
    for name, text in (registered | data).items():
        (policies / "data" / f"{name}.yaml").write_text(text)
    return policies


def named(client: AscendClient, agent_id: str) -> AscendClient:
    """Another agent of the same caller, with a cookie jar of its own."""
    return AscendClient(agent_id=agent_id, api_url=client.api_url)


def submit(
    client: AscendClient, action: str = "contacts.read", resource: str = "orders", **more
) -> AuthorizationDecision:
    """The answer at once, whatever it is."""
    return client.evaluate_action(action, resource, wait_for_decision=False, **more)
