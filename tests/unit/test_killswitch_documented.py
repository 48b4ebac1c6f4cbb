"""The documented form: what it names, and that what cannot be made out halts more, not less."""

import msgspec
import pytest

from sidecar.core.errors import KillSwitchError
from sidecar.core.killswitch import Command, Kind, Proof, Scope
from sidecar.core.killswitch.wire import Beacon, Carrier, Refusal, read_documented

NOW = 1_767_400_000.0
SNS = Carrier("m-1", "2026-01-02T00:00:00.000Z", "arn:t", Proof.SNS, NOW, 60.0, "acme")
PROVISIONAL = msgspec.structs.replace(SNS, proof=Proof.PROVISIONAL)
ALL = Scope(Kind.ORGANIZATION)
ANY_SERVER = Scope(Kind.MCP_SERVER)
ANY_AGENT = Scope(Kind.AGENT)
FILES = Scope(Kind.MCP_SERVER, "files")


def read(carrier=SNS, **message):
    return read_documented(message, carrier)


def why(carrier=SNS, message=None, **members):
    with pytest.raises(KillSwitchError) as caught:
        read_documented(members if message is None else message, carrier)
    return Refusal(caught.value.what)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"target_type": "mcp_server", "parameters": {"mcp_server": "Files"}}, FILES),
        ({"target_type": "mcp_server", "mcp_server": "files"}, FILES),
        ({"target_type": "MCP_Server ", "mcp_server": " files "}, FILES),
        ({"target_type": "mcp_server", "mcp_server": "files", "parameters": {"mcp_server": "FILES"}}, FILES),
        ({"target_type": "mcp_server", "mcp_server": "files", "target_mcp_server_config_id": 42}, FILES),
        ({"target_type": "mcp_server", "mcp_server": "files", "parameters": "x"}, FILES),
        ({"target_type": "mcp_server", "mcp_server": "a", "parameters": {"mcp_server": "b"}}, ANY_SERVER),
        ({"target_type": "mcp_server", "target_mcp_server_config_id": 42}, ANY_SERVER),
        ({"target_type": "mcp_server", "target_mcp_server_config_id": 0}, ANY_SERVER),
        ({"target_type": "mcp_server", "mcp_server": 42}, ANY_SERVER),
        ({"target_type": "mcp_server", "mcp_server": ["files"]}, ANY_SERVER),
        ({"target_type": "mcp_server", "mcp_server": "fi\x00les"}, ANY_SERVER),
        ({"target_type": "mcp_server", "mcp_server": "x" * 600}, ANY_SERVER),
        ({"target_type": "mcp_server", "mcp_server": ""}, ANY_SERVER),
        ({"target_type": "mcp_server", "mcp_server": "  "}, ANY_SERVER),
        ({"target_type": "mcp_server"}, ANY_SERVER),
        ({"target_type": "agent", "agent_id": "payments"}, Scope(Kind.AGENT, "payments")),
        ({"agent_id": "payments"}, Scope(Kind.AGENT, "payments")),
        ({"target_type": None, "agent_id": "payments"}, Scope(Kind.AGENT, "payments")),
        ({"target_type": "agent", "target_agent_id": "e\u0301"}, Scope(Kind.AGENT, "\u00e9")),
        ({"target_type": "agent", "parameters": {"agent_id": "payments"}}, Scope(Kind.AGENT, "payments")),
        ({"target_type": "agent", "agent_id": "a", "target_agent_id": "b"}, ANY_AGENT),
        ({"target_type": "agent", "agent_id": 42}, ANY_AGENT),
        ({"target_type": "agent", "agent_id": "payments", "is_broadcast": True}, ANY_AGENT),
        ({"target_type": "agent", "agent_id": "payments", "is_broadcast": "no"}, ANY_AGENT),
        ({"target_type": "agent", "agent_id": "payments", "is_broadcast": False}, Scope(Kind.AGENT, "payments")),
        ({"target_type": "agent"}, ANY_AGENT),
        ({"target_type": "organization"}, ALL),
        ({"target_type": "organization", "agent_id": "a", "organization_id": "acme"}, ALL),
        ({}, ANY_AGENT),
    ],
    ids=range(30),
)  # fmt: skip
def test_a_block_is_for_whom_it_names_or_for_more(message, expected):
    for carrier, proof in ((SNS, Proof.SNS), (PROVISIONAL, Proof.PROVISIONAL)):
        order = read(carrier, command_type="Block", command_id="c", **message)
        assert (order.command, order.scope, order.proof) == (Command.BLOCK, expected, proof)
        assert order.seq is None


@pytest.mark.parametrize("target", ["fleet", "tool", "", 7, ["agent"]], ids=range(5))
def test_a_block_of_what_is_not_known_halts_everything(target):
    order = read(command_type="BLOCK", target_type=target, agent_id="a", command_id="c", reason="r")
    assert (order.command, order.scope, order.command_id, order.reason) == (Command.BLOCK, ALL, "c", "r")
    assert order.proof is Proof.NOT_UNDERSTOOD
    order = read(PROVISIONAL, command_type="BLOCK", target_type=target, agent_id="a")
    assert (order.scope, order.proof) == (ALL, Proof.PROVISIONAL)


@pytest.mark.parametrize(
    "message",
    [None, {}, {"command_type": "SUSPEND"}, {"command_type": None}, {"command_type": 1}, {"command_type": ["BLOCK"]},
     {"type": "beacon", "command_type": "HALT"}, {"commands": [{"command_type": "UNBLOCK"}]}],
    ids=range(8),
)  # fmt: skip
def test_what_is_proven_and_not_understood_halts_everything(message):
    order = read_documented(message, SNS)
    assert (order.command, order.scope, order.proof) == (Command.BLOCK, ALL, Proof.NOT_UNDERSTOOD)
    assert (order.command_id, order.signer, order.since) == ("sns:m-1", "arn:t", NOW)
    assert why(PROVISIONAL, {} if message is None else message) is Refusal.UNVERIFIED


@pytest.mark.parametrize("target", ["agent", "mcp_server", "fleet", None, 7], ids=range(5))
def test_a_release_never_halts_and_is_taken_with_proof_only(target):
    order = read(command_type="unblock", target_type=target, agent_id="a", mcp_server="s")
    assert order.command is Command.UNBLOCK
    assert why(PROVISIONAL, command_type="unblock", target_type=target, agent_id="a") is Refusal.UNVERIFIED


def test_times_and_texts_of_a_command():
    order = read(
        command_type="BLOCK",
        command_id="c-1",
        created_at="2026-01-02T10:00:00+01:00",
        expires_at="2026-01-09T00:00:00Z",
        reason="r" * 2000,
        issued_by="ops",
    )
    assert (order.issued_at, order.expires_at) == (1_767_344_400.0, 1_767_916_800.0)
    assert (order.command_id, order.issued_by, len(order.reason), order.signer) == (
        "c-1",
        "ops",
        1000,
        "arn:t",
    )
    assert order.received_at == NOW


def test_without_a_time_of_its_own_it_is_of_when_it_was_published():
    assert read(command_type="BLOCK").issued_at == 1_767_312_000.0
    carrier = msgspec.structs.replace(SNS, timestamp="yesterday")
    assert read(carrier, command_type="BLOCK", issued_at="x", created_at=True).issued_at == 0.0


def test_a_block_from_the_future_is_one_of_now_and_no_state_waits_for_it():
    assert read(command_type="BLOCK", issued_at="9999-01-01T00:00:00Z").since == NOW + 60.0


@pytest.mark.parametrize("end", ["never", 1e300, -1, True, [], {}, "99999-01-01"], ids=range(7))
def test_an_end_that_cannot_be_read_is_none(end):
    assert read(command_type="BLOCK", expires_at=end).expires_at is None


def test_an_expired_block_is_taken_as_one_that_is_over_and_an_expired_release_is_not_taken():
    order = read(command_type="BLOCK", expires_at=NOW - 1)
    assert not order.holds(NOW)
    assert why(command_type="UNBLOCK", expires_at=NOW) is Refusal.EXPIRED
    assert read(command_type="UNBLOCK", expires_at=NOW + 1).command is Command.UNBLOCK


@pytest.mark.parametrize("given", [None, "", "x" * 129, "a\nb", True, [], {}], ids=range(7))
def test_without_an_id_that_is_of_use_it_is_known_by_the_message(given):
    assert read(command_type="BLOCK", command_id=given).command_id == "sns:m-1"
    assert read(command_type="BLOCK", command_id=7).command_id == "7"


def test_what_is_for_another_organization_is_refused():
    assert why(command_type="BLOCK", organization_id="other") is Refusal.FOREIGN
    assert why(command_type="UNBLOCK", organization_id=7) is Refusal.FOREIGN
    assert why(command_type="SUSPEND", organization_id="other") is Refusal.FOREIGN
    for ours in ("acme", "", None, ["other"], True):
        assert read(command_type="BLOCK", organization_id=ours).command is Command.BLOCK
    anyone = msgspec.structs.replace(SNS, organization="")
    assert read(anyone, command_type="BLOCK", organization_id="other").command is Command.BLOCK


def test_a_beacon_says_when_and_which():
    assert read(type="beacon", issued_at="2026-01-02T00:00:01Z", id="b") == Beacon(1_767_312_001.0, "b")
    assert read(type="Beacon") == Beacon(1_767_312_000.0, "m-1")
    assert why(PROVISIONAL, type="beacon") is Refusal.UNVERIFIED
    assert why(type="beacon", issued_at="soon") is Refusal.MALFORMED
    assert why(type="beacon", issued_at=NOW + 61) is Refusal.NOT_YET_VALID
