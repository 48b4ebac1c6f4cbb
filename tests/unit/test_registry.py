"""Servers, tools and models that a bundle registers: what is not in good standing is denied, whatever rules say."""

import pytest

from sidecar.core.errors import MalformedBundle
from sidecar.core.judge import judge
from sidecar.core.model import Action, Caller, Code, Control, Request, Resource, Subject, Verdict
from tests.fakes.replaying import recorded, replayed
from tests.tools.bundles import bundle, snapshot

ALLOW_ALL = "rules: [{id: all, effect: allow, reason: fine}]\n"
SERVERS = """
crm: {blocked_tools: [delete_record, "Drop "]}
old: {active: false}
"""
MODELS = """
m-1: {compliance_status: approved}
m-2: {compliance_status: partially_approved}
m-3: {compliance_status: pending}
m-4: {compliance_status: rejected}
"""
GATED = snapshot(ALLOW_ALL, mcp_servers=SERVERS, models=MODELS)
FREE = snapshot(ALLOW_ALL)


def ask(action="read", resource="thing:t", properties=None, **context) -> Request:
    kind, _, name = resource.partition(":")
    return Request(Subject("agent", "a"), Action(action, properties or {}), Resource(kind, name), context)


def decide(request: Request, shot=GATED):
    return judge(shot, request, Caller(), 0.0)


@pytest.mark.parametrize(
    ("context", "code"),
    [
        ({}, Code.ALLOWED),
        ({"mcp_server": None, "model_id": None}, Code.ALLOWED),
        ({"mcp_server": "crm"}, Code.ALLOWED),
        ({"mcp_server": "crm", "model_id": "m-1"}, Code.ALLOWED),
        ({"model_id": "m-2"}, Code.ALLOWED),
        ({"mcp_server": "CRM"}, Code.MCP_SERVER_UNREGISTERED),
        ({"mcp_server": ""}, Code.MCP_SERVER_UNREGISTERED),
        ({"mcp_server": ["crm"]}, Code.MCP_SERVER_UNREGISTERED),
        ({"mcp_server": "old"}, Code.MCP_SERVER_DEACTIVATED),
        ({"mcp_server": "old", "model_id": "m-1"}, Code.MCP_SERVER_DEACTIVATED),
        ({"model_id": "m-3"}, Code.MODEL_NOT_APPROVED),
        ({"model_id": "m-4"}, Code.MODEL_NOT_APPROVED),
        ({"model_id": "m-5"}, Code.MODEL_NOT_APPROVED),
        ({"model_id": {"id": "m-1"}}, Code.MODEL_NOT_APPROVED),
        ({"mcp_server": "crm", "model_id": "m-5"}, Code.MODEL_NOT_APPROVED),
    ],
)
def test_what_is_named_must_be_registered_and_in_good_standing(context, code):
    decision = decide(ask(**context))
    assert decision.code is code
    assert (decision.verdict is Verdict.ALLOW) == (code is Code.ALLOWED)
    assert decision.reason
    if code is not Code.ALLOWED:
        assert Control.REGISTRY in {ruling.control for ruling in decision.rulings}


@pytest.mark.parametrize(
    "request_",
    [
        ask("delete_record", mcp_server="crm"),
        ask("DELETE_RECORD", mcp_server="crm"),
        ask("crm.delete_record", mcp_server="crm"),
        ask("mcp__crm__delete_record", mcp_server="crm"),
        ask("tools/call", "tool:drop", mcp_server="crm"),
        ask("tools/call", properties={"tool_name": " delete_record"}, mcp_server="crm"),
        ask("tools/call", properties={"tool": "drop"}, mcp_server="crm"),
        ask("tools/call", properties={"tool_name": ["delete_record"]}, mcp_server="crm"),
        ask("tools/call", mcp_server="crm", tool_name="delete_record"),
    ],
)
def test_a_blocked_tool_is_found_wherever_it_is_named(request_):
    assert decide(request_).code is Code.MCP_TOOL_BLOCKED


def test_another_tool_of_the_same_server_is_not_blocked():
    assert decide(ask("tools/call", "tool:read", {"tool_name": "x"}, mcp_server="crm")).code is Code.ALLOWED


def test_without_a_document_nothing_is_gated_and_each_document_gates_alone():
    named = ask(mcp_server="nobody", model_id="nobody")
    assert decide(named, FREE).code is Code.ALLOWED
    assert decide(named, snapshot(ALLOW_ALL, models="{}\n")).code is Code.MODEL_NOT_APPROVED
    assert decide(named, snapshot(ALLOW_ALL, mcp_servers="{}\n")).code is Code.MCP_SERVER_UNREGISTERED


def test_a_policy_that_denies_as_well_takes_nothing_away():
    deny = "rules: [{id: all, effect: deny, reason: no}]\n"
    assert (
        decide(ask(mcp_server="x"), snapshot(deny, mcp_servers=SERVERS)).code is Code.MCP_SERVER_UNREGISTERED
    )
    assert decide(ask(mcp_server="crm"), snapshot(deny, mcp_servers=SERVERS)).code is Code.POLICY_DENIED


@pytest.mark.parametrize(
    ("document", "content", "told"),
    [
        ("mcp_servers", "crm: {actve: true}\n", "actve"),
        ("mcp_servers", "crm: {blocked_tools: delete}\n", "data/mcp_servers.yaml:1:"),
        ("models", "m-1: {compliance_status: aproved}\n", "aproved"),
        ("models", "m-1: {}\n", "compliance_status"),
        ("classifications", "customers: {level: high}\n", "sensitivity_level"),
    ],
)
def test_a_document_of_the_wrong_shape_is_refused_with_its_place(document, content, told):
    with pytest.raises(MalformedBundle) as refused:
        bundle(ALLOW_ALL, **{document: content})
    assert told in str(refused.value)


def test_a_replay_leaves_undecided_what_the_log_has_masked_of_the_names():
    gated = bundle(ALLOW_ALL, mcp_servers=SERVERS)
    long = ask(mcp_server="crm", note=["x" * 3000] * 12)
    kept = ask(mcp_server="nobody")
    for request, undecidable in ((long, 1), (kept, 0)):
        replay = replayed(gated, recorded(bundle(ALLOW_ALL), request))
        assert len(replay.undecidable) == undecidable
        assert replay.same == 0
