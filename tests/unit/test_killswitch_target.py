"""Whom a halt hits: every kind of scope, and names that are meant to slip through."""

import msgspec
import pytest

from sidecar.core.killswitch import Command, Halts, Kind, Order, Scope, agent_target, scope, target_of
from sidecar.core.killswitch.halts import with_order
from sidecar.core.model import Action, Request, Resource, Subject
from tests.tools.bundles import request

NOW = 1_000.0
NFD, NFC = "e\u0301", "\u00e9"


def asked(action="read", subject="agent:a", resource="thing:t", context=None, **properties):
    made = request(action, subject, resource, **properties)
    return msgspec.structs.replace(made, context=context or {})


def is_hit(kind, name, made, *, groups=(), above=(), **halts):
    one = Order(Command.BLOCK, scope(kind, name), "c")
    index = with_order(Halts(here=("h-1",), **halts), one, None)
    # As the control does: only what the halts in force have to do with is looked for.
    return index.find(target_of(made, groups, above, index.named), NOW) is one


@pytest.mark.parametrize("kind", [Kind.ORGANIZATION, Kind.HOST, Kind.AGENT, Kind.AGENTS, Kind.ORCHESTRATION])
def test_these_halt_every_request_when_they_halt_every_one(kind):
    assert is_hit(kind, "*", asked())
    assert is_hit(kind, "*", asked(), organization="acme")


def test_an_organization_is_ours_or_not_said():
    assert is_hit(Kind.ORGANIZATION, "acme", asked(), organization="acme")
    assert not is_hit(Kind.ORGANIZATION, "Acme", asked(), organization="acme")
    assert is_hit(Kind.ORGANIZATION, "acme", asked())


def test_a_host_is_known_by_its_names_in_any_case():
    assert is_hit(Kind.HOST, "H-1 ", asked())
    assert not is_hit(Kind.HOST, "h-2", asked())


@pytest.mark.parametrize(
    ("name", "subject", "expected"),
    [
        ("a", "agent:a", True),
        ("agent:a", "agent:a", True),
        ("service:a", "agent:a", False),
        ("A", "agent:a", False),
        ("a", "agent:a ", False),
        (NFD, f"agent:{NFC}", True),
        (NFC, f"agent:{NFD}", True),
        (f"agent:{NFC}", f"agent:{NFD}", True),
        ("a", "agent:aa", False),
        ("a:b", "agent:a:b", True),
    ],
    ids=range(10),
)
def test_an_agent_is_who_it_says_to_the_letter(name, subject, expected):
    assert is_hit(Kind.AGENT, name, asked(subject=subject)) is expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [("pay*", True), ("agent:pay*", True), ("p?y-1", True), ("*", True), ("service:*", False), ("pay", False),
     ("PAY*", False), ("*-1", True), ("pay-1\\*", False)],
    ids=range(9),
)  # fmt: skip
def test_a_glob_is_of_an_id_or_of_type_and_id(pattern, expected):
    assert is_hit(Kind.AGENTS, pattern, asked(subject="agent:pay-1")) is expected


@pytest.mark.parametrize("kind", [Kind.AGENT, Kind.AGENTS, Kind.ORCHESTRATION])
def test_who_acts_for_a_halted_agent_is_halted_too(kind):
    above = (Subject("agent", "boss"), Subject("agent", NFD))
    for name in ("boss", "agent:boss", NFC):
        assert is_hit(kind, name, asked(), above=above)
    assert not is_hit(kind, "other", asked(), above=above)


def test_a_group_is_that_of_anyone_it_is_done_for():
    assert is_hit(Kind.GROUP, "traders", asked(), groups=("x", "traders"))
    assert is_hit(Kind.GROUP, NFC, asked(), groups=(NFD,))
    assert is_hit(Kind.GROUP, "*", asked(), groups=("x",))
    assert not is_hit(Kind.GROUP, "traders", asked(), groups=("Traders",))
    assert not is_hit(Kind.GROUP, "*", asked())


def test_a_session_is_halted_with_all_that_is_in_it():
    within = asked(context={"orchestration_session_id": NFD})
    assert is_hit(Kind.ORCHESTRATION, NFC, within)
    assert not is_hit(Kind.ORCHESTRATION, "s-2", within)
    assert not is_hit(Kind.ORCHESTRATION, "s-2", asked(context={"orchestration_session_id": 7}))


@pytest.mark.parametrize(
    "made",
    [
        asked(context={"mcp_server": "files"}),
        asked(context={"mcp_server": " FILES "}),
        asked(context={"mcp_server_name": "Files"}),
        asked(context={"server_name": "files"}),
        asked(mcp_server="files"),
        asked(resource="mcp_server:Files"),
        asked(resource="MCP:files"),
        asked("files/read"),
        asked("Files.read"),
        asked("files:read"),
        asked("files__read"),
        asked("mcp__files__read"),
        asked("mcp__FILES __read"),
        asked("mcp/files/read"),
        asked("a.files.read"),
        asked(context={"mcp_server": "other"}, mcp_server="files"),
        asked(context={"mcp_server": ["files"]}),
        asked(context={"mcp_server": {"name": "files"}}),
        asked(context={"mcp_server": 42}),
        asked(context={"mcp_server": True}),
        asked("x" + "/x" * 40),
    ],
    ids=range(21),
)
def test_a_server_is_halted_wherever_it_is_named_and_where_no_text_names_it(made):
    assert is_hit(Kind.MCP_SERVER, "files", made)
    assert is_hit(Kind.MCP_SERVER, "*", made)


@pytest.mark.parametrize("name", ["com.example/files", "my__server", "a:b", "a.b.c"])
@pytest.mark.parametrize("action", ["mcp__{}__read", "{}/read", "MCP/{}/x.read"])
def test_the_name_of_a_server_may_hold_what_separates_it_from_the_tool(name, action):
    assert is_hit(Kind.MCP_SERVER, name, asked(action.format(name)))


@pytest.mark.parametrize(
    "made",
    [asked("files"), asked("read"), asked("read.files"), asked(resource="thing:files"), asked("files2/read"),
     asked(context={"mcp_server": "files2"}), asked(context={"mcp_server": None}), asked(context={"mcp_server": ""})],
    ids=range(8),
)  # fmt: skip
def test_other_servers_are_not_halted(made):
    assert not is_hit(Kind.MCP_SERVER, "files", made)


def test_a_halt_of_every_server_hits_whatever_uses_mcp():
    assert is_hit(Kind.MCP_SERVER, "*", asked("MCP__x"))
    assert is_hit(Kind.MCP_SERVER, "*", asked(context={"server_name": "x"}))
    assert not is_hit(Kind.MCP_SERVER, "*", asked("transfer"))


@pytest.mark.parametrize(
    "made",
    [
        asked("delete"),
        asked("Delete "),
        asked("files/delete"),
        asked("mcp__files__delete"),
        asked("files.DELETE"),
        asked(resource="tool:delete"),
        asked(context={"tool_name": "delete"}),
        asked(tool_name="delete"),
        asked(tool_name=["delete"]),
        asked(tool_name=7),
    ],
    ids=range(10),
)
def test_a_tool_is_halted_wherever_it_is_named(made):
    assert is_hit(Kind.TOOL, "delete", made)
    assert is_hit(Kind.TOOL, "*", made)


def test_a_tool_of_one_server_is_halted_by_its_whole_name():
    assert is_hit(Kind.TOOL, "mcp__files__delete", asked("mcp__Files__delete"))
    assert not is_hit(Kind.TOOL, "mcp__files__delete", asked("mcp__other__delete"))
    assert not is_hit(Kind.TOOL, "delete", asked("files/delete2"))


def test_capitals_without_a_composed_form_are_those_of_the_small_letters_that_have_one():
    assert is_hit(Kind.MCP_SERVER, "H\u0331", asked(context={"mcp_server": "\u1e96"}))


@pytest.mark.parametrize("name", ["", "x" * 513, "a\nb", "a\x7f", "\x00"], ids=range(5))
@pytest.mark.parametrize("kind", list(Kind))
def test_a_name_is_short_and_in_one_line(kind, name):
    with pytest.raises(ValueError, match=f"the name of {kind.value}"):
        scope(kind, name)


def test_a_glob_must_be_one():
    with pytest.raises(ValueError, match="escapes nothing"):
        scope(Kind.AGENTS, "a\\")


def test_an_agent_known_by_its_names_alone():
    one = Order(Command.BLOCK, Scope(Kind.AGENT, NFC), "c")
    assert with_order(Halts(), one, None).find(agent_target(NFD), NOW) is one


def test_a_halt_that_is_over_hits_nothing():
    over = Order(Command.BLOCK, Scope(Kind.AGENT, "a"), "c", expires_at=NOW)
    index = with_order(Halts(), over, None)
    assert index.find(agent_target("a"), NOW) is None
    assert index.find(agent_target("a"), NOW - 1) is over


def test_a_request_without_context_has_a_target():
    bare = Request(Subject("agent", "a"), Action("read"), Resource("thing", "t"))
    assert target_of(bare, (), ()).above == ("a", "agent:a")
