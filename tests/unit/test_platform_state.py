"""What the ASCEND API says is halted, and what of its answers is refused."""

import pytest

from sidecar.core.errors import KillSwitchError
from sidecar.core.killswitch import Command, Kind, Proof, Scope, scope
from sidecar.core.killswitch.platform_state import MOST_COMMANDS, read_commands, read_status

NOW = 1_767_312_000.0  # 2026-01-02T00:00:00Z
AGENT = scope(Kind.AGENT, "a")


@pytest.mark.parametrize("body", [{"blocked": False}, {"active": False, "is_active": False}])
def test_only_false_says_that_the_organization_may_act(body):
    assert read_status(body, NOW) is None


@pytest.mark.parametrize("flag", [True, 1, "true", "false"])
@pytest.mark.parametrize("name", ["blocked", "active", "is_active"])
def test_anything_that_is_on_for_the_sdk_is_a_halt(name, flag):
    body = {"blocked": False, name: flag, "reason": "breach", "activated_by": "ann"}
    halt = read_status(body | {"activated_at": "2026-01-01T00:00:00"}, NOW)
    assert (halt.command, halt.scope, halt.proof) == (Command.BLOCK, Scope(Kind.ORGANIZATION), Proof.STATE)
    assert (halt.reason, halt.issued_by, halt.issued_at) == ("breach", "ann", NOW - 86_400)


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "no",
        {},
        {"blocked": None},
        {"blocked": 0},
        {"reason": "x"},
        {"is_active": False, "blocked": ""},
    ],
    ids=["null", "list", "text", "empty", "null-flag", "zero", "without", "empty-text"],
)
def test_anything_odd_says_nothing(body):
    with pytest.raises(KillSwitchError):
        read_status(body, NOW)


def row(command_type="BLOCK", created_at="2026-01-01T12:00:00Z", **more):
    return {"command_id": "c-1", "command_type": command_type, "created_at": created_at} | more


def told(*rows, **more):
    return {"agent_id": "a", "commands": list(rows), "count": len(rows)} | more


def halts(*rows):
    return [halt for state in read_commands("a", told(*rows), NOW) for halt in state.halts]


def test_a_list_without_commands_says_nothing_of_the_agent():
    assert read_commands("a", told(), NOW) == ()


def test_the_newest_command_decides():
    block, release = row(), row("unblock", "2026-01-01T13:00:00+00:00")
    for rows in ([block, release], [release, block]):
        (stated,) = read_commands("a", told(*rows), NOW)
        assert (stated.halts, stated.covers, stated.is_whole) == ((), frozenset({AGENT}), False)
        assert stated.as_of == NOW - 11 * 3600
    (halt,) = halts(block, release, row(created_at="2026-01-01T14:00:00Z"))
    assert (halt.scope, halt.command_id) == (AGENT, "c-1")


def test_of_the_same_time_a_halt_decides():
    for rows in ([row(), row("UNBLOCK")], [row("UNBLOCK"), row()]):
        assert halts(*rows)


@pytest.mark.parametrize("when", [None, "soon", 17, "2026-13-01T00:00:00Z"])
def test_without_a_time_a_halt_is_newer_than_any_release(when):
    release = row("UNBLOCK", "2026-01-01T23:00:00Z")
    assert halts(row(created_at=when), release)
    assert halts(row(), row("UNBLOCK", when))


@pytest.mark.parametrize("status", ["pending", "acknowledged", "delivered"])
def test_whether_it_is_acknowledged_does_not_matter(status):
    assert halts(row(status=status))


def test_what_is_expired_does_not_count():
    release = row("UNBLOCK", "2026-01-01T13:00:00Z", expires_at="2026-01-01T23:00:00Z")
    assert read_commands("a", told(row(status="expired")), NOW) == ()
    assert read_commands("a", told(row(expires_at="2026-01-01T13:00:00Z")), NOW) == ()
    assert halts(row(), release)
    (halt,) = halts(row(expires_at="2026-01-02T00:00:01Z"))
    assert halt.expires_at == NOW + 1


@pytest.mark.parametrize("kind", ["QUARANTINE", "", None, 7])
def test_a_command_that_is_not_understood_halts(kind):
    (halt,) = halts(row(kind))
    assert halt.proof is Proof.NOT_UNDERSTOOD


def test_a_broadcast_is_for_every_agent_and_a_server_is_named():
    assert [halt.scope for halt in halts(row(is_broadcast=True))] == [Scope(Kind.AGENT)]
    server = row(target_type="mcp_server", parameters={"mcp_server": "Files"})
    assert [halt.scope for halt in halts(server)] == [scope(Kind.MCP_SERVER, "files")]


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {"agent_id": "a", "commands": None},
        {"agent_id": "b", "commands": []},
        {"commands": []},
        {"agent_id": "a", "commands": [7]},
        {"agent_id": "a", "commands": [], "count": 3},
        {"agent_id": "a", "commands": [row()] * (MOST_COMMANDS + 1)},
    ],
    ids=["null", "list", "null-commands", "another", "nobody", "no-row", "part", "many"],
)
def test_a_list_that_is_odd_says_nothing(body):
    with pytest.raises(KillSwitchError):
        read_commands("a", body, NOW)
