"""Requests as submits: what is sent to the platform, and what is not."""

from sidecar.api.ascend_submit import parse_submit
from sidecar.core.model import Action, Request, Resource, Subject
from sidecar.core.platform import submit_body

SUBMIT = {
    "agent_id": "agent-7",
    "agent_name": "Seven",
    "action_type": "database.read",
    "resource": "customers",
    "resource_id": "c-1",
    "action_details": {"limit": 5},
    "context": {"user_request": "list them"},
    "risk_indicators": {"pii_involved": True},
    "orchestration_session_id": "s-1",
    "orchestration_depth": 2,
    "mcp_server_name": "crm",
    "model_id": "m-1",
}


def test_a_submit_that_came_in_goes_on_as_it_was():
    assert submit_body(parse_submit(SUBMIT, "production")) == SUBMIT


def test_a_number_of_ours_is_not_taken_for_one_of_the_platforms():
    assert submit_body(parse_submit(SUBMIT | {"parent_action_id": 3}, "production")) == SUBMIT


def test_what_is_empty_is_left_out():
    request = Request(Subject("agent", "a"), Action("x"), Resource("file", "/tmp/x"))
    assert submit_body(request) == {
        "agent_id": "a",
        "agent_name": "a",
        "action_type": "x",
        "resource": "/tmp/x",
    }


def test_types_that_the_platform_does_not_know_stay_with_the_names():
    body = submit_body(Request(Subject("user", "ann"), Action("x"), Resource("table", "orders")))
    assert (body["agent_id"], body["resource"]) == ("user:ann", "table:orders")


def test_a_level_that_the_caller_claims_never_stands_at_the_top():
    context = {"risk_level": "low", "risk_score": 1, "decision": "allowed"}
    request = Request(Subject("agent", "a"), Action("x"), Resource("file", "f"), context)
    assert not {"risk_level", "risk_score", "decision"} & submit_body(request).keys()
