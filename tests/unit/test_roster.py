"""The roster: no agent is judged before its commands were read, and a fleet does not flood the platform."""

import asyncio
import time

import pytest

from sidecar.core.delegation import Lineage
from sidecar.core.killswitch import Command, Kind, Order, Proof, scope
from sidecar.core.model import Caller, Code, Door, Subject
from sidecar.core.platform import Reason, Unavailable
from sidecar.core.times import rfc3339
from sidecar.service.asked import Asked
from sidecar.service.killswitch.platform_authority import PlatformState
from sidecar.service.killswitch.roster import A_ROUND, AGENTS, Roster
from tests.fakes.halting import BLIND_AFTER, FakeHalting
from tests.fakes.platform import FakePlatform
from tests.fakes.platform_book import command_row
from tests.tools.bundles import request

DOWN = Unavailable(Reason.REFUSED)


class House(FakeHalting):
    """With the API of a fake platform as the only authority."""

    def __init__(self, **settings):
        self.platform = FakePlatform()
        # The books bear the time of this moment.
        super().__init__(lambda self: self._api(), now=time.time(), **settings)

    def _api(self):
        self.roster = Roster(
            self.platform,
            self.switch,
            self.state,
            self.clock,
            poll=2.0,
            blind_after=BLIND_AFTER,
            timeout=5.0,
        )
        return PlatformState(self.platform, self.roster, self.switch, self.clock, 5.0)

    async def decide(self, agent="a", within=None, kin=None):
        """What a decider does: read who is not known, then judge."""
        asked = Asked(request("read", f"agent:{agent}"), Caller(), Door.AUTHZEN, kin=kin)
        if lacking := self.roster.lacking(asked):
            await self.roster.read(lacking, within)
        return self.code(f"agent:{agent}")

    async def look(self):
        told = await self.authority.read()
        await self.roster._round if self.roster._round else None
        return told

    def reads(self):
        return [path.split("/")[4] for _, path, _ in self.platform.book.asked if path.endswith("/commands")]


@pytest.fixture
async def house():
    one = House()
    await one.look()
    return one


async def test_nothing_is_decided_before_the_status_was_read():
    house = House()
    assert await house.decide() is Code.KILL_SWITCH_BLIND
    await house.look()
    assert await house.decide() is Code.ALLOWED


async def test_the_switch_of_the_organization_halts_all_and_only_its_end_releases(house):
    house.platform.book.block("breach")
    await house.look()
    assert await house.decide() is Code.HALTED
    house.platform.book.unblock()
    house.clock.advance(1)
    await house.look()
    assert await house.decide() is Code.ALLOWED


async def test_a_halt_of_the_organization_that_came_by_the_queue_ends_with_the_status(house):
    order = Order(
        Command.BLOCK, scope(Kind.ORGANIZATION, "acme"), "q", proof=Proof.SNS, received_at=house.clock.now()
    )
    await house.switch.take([order])
    await house.look()
    assert await house.decide() is Code.HALTED
    house.clock.advance(2)
    await house.look()
    assert await house.decide() is Code.ALLOWED


@pytest.mark.parametrize(
    "status",
    [(500, {}), (200, []), (200, {"blocked": None}), (404, {"detail": "no"}), (403, {"blocked": False})],
    ids=["failing", "list", "null", "missing", "forbidden"],
)
async def test_an_odd_status_releases_nothing_and_is_no_sight(house, status):
    house.platform.book.block("breach")
    await house.look()
    house.platform.book.answer = lambda *_: status
    house.clock.advance(BLIND_AFTER)
    assert not await house.look()
    assert house.sight.blind_because()
    assert house.code() is Code.HALTED


async def test_a_new_agent_is_read_before_it_is_judged(house):
    house.platform.book.halt("a", "rogue")
    assert await house.decide("a") is Code.HALTED
    assert await house.decide("b") is Code.ALLOWED
    assert house.reads() == ["a", "b"]
    assert await house.decide("b") is Code.ALLOWED
    assert house.reads() == ["a", "b"]


async def test_those_whom_it_is_done_for_are_read_too(house):
    await house.decide("a", kin=Lineage((Subject("agent", "boss"),)))
    assert house.reads() == ["a", "boss"]


async def test_an_agent_that_cannot_be_read_is_blind_and_no_other(house):
    await house.decide("b")
    house.platform.failing = DOWN
    assert await house.decide("a") is Code.KILL_SWITCH_BLIND
    assert await house.decide("b") is Code.ALLOWED
    assert house.roster.failures == {"refused": 1}
    house.platform.failing = None
    assert await house.decide("a") is Code.ALLOWED


async def test_it_stays_blind_when_somebody_else_is_halted(house):
    house.platform.failing = DOWN
    await house.decide("a")
    await house.switch.take([Order(Command.BLOCK, scope(Kind.AGENT, "b"), "q")])
    assert house.code("agent:a") is Code.KILL_SWITCH_BLIND


async def test_patience_that_runs_out_leaves_it_blind(house):
    house.platform.silent = True
    assert await house.decide("a", within=0.01) is Code.KILL_SWITCH_BLIND


@pytest.mark.parametrize(
    "answer",
    [
        (200, None),
        (200, []),
        (200, {"agent_id": "a", "commands": None}),
        (403, {"agent_id": "a", "commands": []}),
    ],
    ids=["null", "list", "null-commands", "forbidden"],
)
async def test_an_odd_list_leaves_it_blind(house, answer):
    house.platform.book.answer = lambda *_: answer
    assert await house.decide("a") is Code.KILL_SWITCH_BLIND


async def test_a_halt_is_not_over_because_the_list_no_longer_names_it(house):
    house.platform.book.halt("a", "rogue")
    await house.decide("a")
    house.platform.book.commands["a"] = []
    house.clock.advance(30)
    await house.look()
    assert await house.decide("a") is Code.HALTED
    house.platform.book.release("a")
    house.clock.advance(1)
    await house.look()
    assert await house.decide("a") is Code.ALLOWED


async def test_a_release_that_is_still_listed_does_not_end_a_newer_halt(house):
    house.platform.book.order("a", command_row("c-1", "UNBLOCK", "", created_at=rfc3339(house.clock.now())))
    house.clock.advance(60)
    order = Order(Command.BLOCK, scope(Kind.AGENT, "a"), "q", proof=Proof.SNS, received_at=house.clock.now())
    await house.switch.take([order])
    house.clock.advance(60)
    await house.look()
    assert await house.decide("a") is Code.HALTED
    house.platform.book.order("a", command_row("c-2", "UNBLOCK", "", created_at=rfc3339(house.clock.now())))
    house.clock.advance(2)
    await house.look()
    assert await house.decide("a") is Code.ALLOWED


async def test_agents_that_asked_are_read_again_with_each_look(house):
    await house.decide("a")
    house.platform.book.halt("a", "rogue")
    house.clock.advance(2)
    await house.look()
    assert house.code("agent:a") is Code.HALTED


async def test_one_that_was_read_too_long_ago_is_read_again_before_it_is_judged(house):
    await house.decide("a")
    house.clock.advance(BLIND_AFTER + 1)
    house.sight.confirmed()
    house.platform.book.halt("a", "rogue")
    assert await house.decide("a") is Code.HALTED


async def test_an_agent_that_is_silent_for_long_is_not_read_any_more(house):
    await house.decide("a")
    house.clock.advance(301)
    await house.look()
    assert house.reads() == ["a"]


async def test_many_agents_are_read_by_turns_and_none_is_left_out(house):
    for number in range(3 * A_ROUND):
        await house.decide(f"a-{number}")
    house.platform.book.asked.clear()
    for _ in range(3):
        house.clock.advance(2)
        await house.look()
    assert len(house.reads()) == len(set(house.reads())) == 3 * A_ROUND
    assert house.roster.limit == 12.0
    assert house.roster.all_are_read()


async def test_one_request_serves_all_who_wait_for_an_agent(house):
    await asyncio.gather(*(house.decide("a") for _ in range(50)))
    assert house.reads() == ["a"]


async def test_the_roster_is_bounded_and_who_was_forgotten_is_read_again(house):
    now = house.clock.monotonic()
    await house.decide("first")
    for number in range(AGENTS):
        house.roster._entry(f"a-{number}", now)
    assert len(house.roster) == AGENTS
    await house.decide("first")
    assert house.reads() == ["first", "first"]


async def test_an_agent_that_is_forgotten_while_it_is_read_in_vain_is_blind_all_the_same(house):
    async def crowd():
        for number in range(AGENTS):
            house.roster._entry(f"a-{number}", house.clock.monotonic())

    house.platform.meanwhile = crowd
    house.platform.failing = DOWN
    assert await house.decide("victim") is Code.KILL_SWITCH_BLIND


async def test_a_damaged_store_is_mended_once_status_and_agents_were_read():
    house = House()
    house.store.damaged = True
    await house.switch.start()
    house.platform.failing = DOWN
    assert await house.decide("a") is Code.HALTED
    house.platform.failing = None
    await house.look()
    assert house.switch.book.is_damaged  # an agent has asked that was not read yet
    await house.look()
    assert await house.decide("a") is Code.ALLOWED


async def test_an_id_means_nothing_but_itself_in_a_path(house):
    asked = []
    house.platform.book.answer = lambda method, path, *_: asked.append(path) or (404, {})
    await house.decide("../../api/x?y#z")
    assert asked == ["/api/registry/agents/..%2F..%2Fapi%2Fx%3Fy%23z/commands"]


async def test_a_look_reads_the_agents_beside_the_status(house):
    """A slow list keeps nobody from knowing what the organization's switch says."""
    await house.decide("a")
    house.platform.silent = True
    house.clock.advance(2)
    house.roster.begin_round()
    await asyncio.sleep(0)
    house.platform.silent = False
    assert await house.authority.read()
    await house.roster.close()
