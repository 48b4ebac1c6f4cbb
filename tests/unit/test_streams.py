"""Event streams, apart from HTTP: who is told what, in which order, and what it costs to read slowly."""

import pytest

from sidecar.core.approval import Choice
from sidecar.core.delegation import PARENT, SESSION
from sidecar.core.errors import StoreError
from sidecar.core.killswitch import Command, Kind, Order, scope
from sidecar.core.model import Caller
from sidecar.service.killswitch.streams import TooManyStreams
from sidecar.service.killswitch.subscription import Subscription
from tests.fakes.house import asked
from tests.fakes.switched import Switched
from tests.tools.halt_cases import AGENTS, CALLER, PAY, PEOPLE, READ, RULES, decided, vote

OTHER = Caller(uid=501)


@pytest.fixture
def house():
    return Switched(RULES, people=PEOPLE, agents=AGENTS)


async def told(subscription: Subscription) -> list[tuple[str, str]]:
    """What is new, as words and what they are about; there must be something."""
    return [(event.word, event.about) for _, event in await anext(subscription)]


def is_silent(subscription: Subscription) -> bool:
    try:
        anext(subscription).send(None)
    except StopIteration:
        return False
    return True


async def test_first_comes_how_everything_is_and_then_what_changes(house):
    stream = house.streams.of_agents(CALLER, ["agent:a"])
    assert await told(stream) == [("clear", "*"), ("clear", "agent:a")]
    await house.block()
    assert await told(stream) == [("blocked", "agent:a")]
    await house.block()  # once more: nothing changes but the reason's date
    await house.release()
    assert (await told(stream))[-1] == ("clear", "agent:a")


async def test_it_is_told_before_anything_is_stored(house):
    stream = house.streams.of_agents(CALLER, ["agent:a"])
    await told(stream)
    house.halt_store.failing = True
    with pytest.raises(StoreError):
        await house.block()
    assert await told(stream) == [("blocked", "agent:a")]


async def test_events_are_numbered_and_say_why_since_when_and_by_whom(house):
    stream = house.streams.of_agents(CALLER, ["agent:a"])
    await house.block()
    numbers, events = zip(*await anext(stream), strict=True)
    assert numbers == (1, 2, 3)
    assert "It went rogue." in events[-1].reason
    assert events[-1].details == {
        "agent": "agent:a",
        "blocked": True,
        "reason": events[-1].reason,
        "since": "2023-11-14T22:13:20.000000Z",
        "by": "ann",
    }


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        (Kind.AGENT, "a", [("blocked", "agent:a")]),
        (Kind.AGENT, "b", []),
        (Kind.AGENTS, "agent:?", [("blocked", "agent:a")]),
        (Kind.GROUP, "traders", [("blocked", "agent:a")]),
        (Kind.GROUP, "others", []),
        (Kind.HOST, "this-host", [("blocked", "*"), ("blocked", "agent:a")]),
        (Kind.HOST, "that-host", []),
        (Kind.ORGANIZATION, "*", [("blocked", "*"), ("blocked", "agent:a")]),
        (Kind.AGENT, "*", [("blocked", "*"), ("blocked", "agent:a")]),
        (Kind.MCP_SERVER, "crm", []),
    ],
)
async def test_a_reader_is_told_of_what_touches_its_agents_and_of_what_hits_everybody(
    house, kind, name, expected
):
    stream = house.streams.of_agents(CALLER, ["agent:a"])
    await told(stream)
    await house.block(kind, name)
    if expected:
        assert await told(stream) == expected
    assert is_silent(stream)


async def test_what_an_agent_was_seen_with_blocks_it_in_part(house):
    top = await decided(house, {SESSION: "s1"}, subject="agent:boss", **READ)
    await decided(house, {PARENT: top.receipt.seq, SESSION: "s1", "mcp_server": "crm"}, **READ)
    for kind, name in ((Kind.MCP_SERVER, "crm"), (Kind.ORCHESTRATION, "s1"), (Kind.AGENT, "boss")):
        stream = house.streams.of_agents(CALLER, ["agent:a"])
        await told(stream)
        await house.block(kind, name)
        house.streams.looked()  # parts are looked at a little later while there are many orders
        assert await told(stream) == [("partly", "agent:a")]
        await house.release(kind, name)
        stream.close()


async def test_without_names_it_is_those_that_the_caller_asks_for(house):
    await decided(house, subject="agent:known", **READ)
    await house.decider.decide(asked(OTHER, subject="agent:theirs", **READ))
    stream = house.streams.of_agents(CALLER)
    assert await told(stream) == [("clear", "*"), ("clear", "agent:known")]
    await decided(house, subject="agent:new", **READ)
    assert await told(stream) == [("clear", "agent:new")]
    await house.decider.decide(asked(OTHER, subject="agent:another", **READ))
    await house.block(Kind.AGENT, "theirs")
    assert is_silent(stream)
    await house.block(Kind.AGENT, "new")
    assert await told(stream) == [("blocked", "agent:new")]


async def test_named_agents_are_all_that_is_watched(house):
    stream = house.streams.of_agents(CALLER, ["agent:a"])
    await told(stream)
    await decided(house, subject="agent:new", **READ)
    assert is_silent(stream)


async def test_blindness_and_sight_are_events(house):
    stream, everything = house.streams.of_agents(CALLER, ["agent:a"]), house.streams.of_everything()
    await told(stream)
    assert await told(everything) == [("sighted", "*")]
    house.blind = "Nothing was heard."
    house.vigil.look()
    assert await told(stream) == [("blind", "*"), ("blind", "agent:a")]
    assert await told(everything) == [("blind", "*")]
    house.blind = ""
    house.vigil.look()
    assert await told(stream) == [("clear", "*"), ("clear", "agent:a")]
    assert await told(everything) == [("sighted", "*")]


async def test_a_halt_that_is_over_by_its_time_is_an_event(house):
    await house.block(expires_at=house.clock.now() + 60)
    stream = house.streams.of_agents(CALLER, ["agent:a"])
    assert (await told(stream))[-1] == ("blocked", "agent:a")
    house.vigil.look()
    assert is_silent(stream)
    house.clock.advance(61)
    house.vigil.look()
    assert await told(stream) == [("clear", "agent:a")]


async def test_who_may_read_everything_is_told_of_every_order(house):
    await house.block(Kind.TOOL, "wipe")
    stream = house.streams.of_everything()
    assert await told(stream) == [("sighted", "*"), ("halted", "tool:wipe")]
    await house.block(Kind.GROUP, "others")
    await house.release(Kind.TOOL, "wipe")
    assert await told(stream) == [("halted", "group:others"), ("released", "tool:wipe")]


@pytest.mark.parametrize("choice", list(Choice))
async def test_what_becomes_of_an_approval_is_told_to_those_who_wait_for_it(house, choice):
    answer = await decided(house, **PAY)
    stream, others = house.streams.of_agents(CALLER, ["agent:a"]), house.streams.of_agents(OTHER, ["agent:a"])
    await told(stream), await told(others)
    await vote(house, answer, choice)
    word = "granted" if choice is Choice.APPROVE else "denied"
    assert await told(stream) == [(word, f"decision:{answer.receipt.seq}")]
    assert is_silent(others)


async def test_the_end_of_an_approval_by_a_halt_is_told(house):
    answer = await decided(house, **PAY)
    stream = house.streams.of_agents(CALLER)
    await told(stream)
    await house.block()
    await house.sweep()
    assert await told(stream) == [("blocked", "agent:a"), ("halted", f"decision:{answer.receipt.seq}")]


async def test_one_who_lets_too_much_pile_up_is_cut_and_holds_no_memory(house):
    stream, other = house.streams.of_agents(CALLER, ["agent:a"]), house.streams.of_agents(CALLER, ["agent:b"])
    for _ in range(1025):
        house.streams.beat()
        await told(other)
    assert await told(stream) == [("cut", "")]
    with pytest.raises(StopAsyncIteration):
        await anext(stream)
    assert len(house.streams) == 1


async def test_streams_are_bounded_and_make_room_when_their_readers_leave():
    house = Switched(RULES, limit=2)
    first, _ = house.streams.of_agents(CALLER), house.streams.of_agents(CALLER)
    with pytest.raises(TooManyStreams):
        house.streams.of_agents(CALLER)
    first.close()
    house.streams.of_agents(CALLER)
    for _ in range(16):  # for people there is always room
        house.streams.of_everything()
    with pytest.raises(TooManyStreams):
        house.streams.of_everything()


async def test_a_bundle_that_puts_an_agent_into_a_halted_group_is_an_event(house):
    await house.block(Kind.GROUP, "lenders")
    stream = house.streams.of_agents(CALLER, ["agent:a"])
    await told(stream)
    house.clock.advance(1)
    house.use(RULES, people=PEOPLE, agents='"agent:a": {groups: [lenders]}\n')
    house.vigil.look()
    assert await told(stream) == [("blocked", "agent:a")]


async def test_the_end_of_the_daemon_is_the_last_event(house):
    streams = [house.streams.of_agents(CALLER), house.streams.of_everything()]
    house.streams.close()
    for stream in streams:
        assert (await told(stream))[-1] == ("bye", "")
        with pytest.raises(StopAsyncIteration):
            await anext(stream)


async def test_ten_thousand_orders_leave_readers_in_step(house):
    streams = [house.streams.of_agents(CALLER, [f"agent:{number}"]) for number in range(100)]
    for stream in streams:
        await told(stream)
    for number in range(10_000):
        house.switch.apply([order(house, number)])
    assert [await told(stream) for stream in streams] == [
        [("blocked", f"agent:{number}")] for number in range(100)
    ]


def order(house: Switched, number: int) -> Order:
    return Order(Command.BLOCK, scope(Kind.AGENT, str(number)), f"{number}", issued_at=house.clock.now())
