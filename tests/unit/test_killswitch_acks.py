"""Acknowledgements: each order of the fleet once per daemon, whatever is killed, sent twice or fails in between."""

import pytest

from sidecar.core.errors import StoreError
from sidecar.core.killswitch import Command, Kind, Origin, Proof
from sidecar.core.killswitch.book import State
from sidecar.core.owed import Fate
from tests.fakes.acking import HOST, AckHouse, Killed, order

UNBLOCK = order("c-2", Command.UNBLOCK)


@pytest.fixture
async def house(tmp_path):
    async with AckHouse(tmp_path).running() as one:
        yield one


async def test_an_order_is_acknowledged_with_its_times_and_the_agents_that_it_hits(house):
    house.seen("bot")
    house.seen("other")
    house.platform.book.order("bot", {"command_id": "c-1"})
    house.clock.advance(2)
    await house.switch.take([order()])
    await house.catch_up()
    (told,) = house.topic.heard
    now = house.clock.now()
    assert told.body == {
        "type": "kill_switch_ack",
        "id": told.id,
        "command_id": "c-1",
        "command_type": "BLOCK",
        "scope": {"kind": "agent", "name": "bot"},
        "host": HOST,
        "received_at": 1_700_000_000.0,
        "stored_at": now,
        "enforced_at": now,
        "agents": ["agent:bot"],
        "agents_count": 1,
    }
    (asked,) = house.platform.book.asked
    assert asked[:2] == ("POST", "/api/registry/agents/bot/commands/c-1/ack")
    assert asked[2]["agents"] == ["agent:bot"]
    assert house.platform.book.commands["bot"] == []
    assert house.counted('ascend_sidecar_killswitch_acks_total{to="topic"} 1.0')
    assert house.counted('ascend_sidecar_outbox_delivered_total{kind="reply"} 1.0')


async def test_the_log_has_the_order_its_signer_who_gave_it_and_each_acknowledgement(house):
    house.seen("bot")
    await house.switch.take([order(signer="key-1", issued_by="ann", reason="rogue")])
    await house.catch_up()
    (record,) = house.records("kill_switch_order")
    given = record["order"]
    assert (given["signer"], given["issued_by"], given["reason"]) == ("key-1", "ann", "rogue")
    assert (record["outcome"], record["enforced_at"], record["stored_at"]) == (
        "applied",
        1_700_000_000.0,
        1_700_000_000.0,
    )
    acks = house.records("kill_switch_ack")
    assert [ack["to"] for ack in acks] == ["platform", "the topic"]
    assert {(ack["command_id"], *ack["agents"], ack["agents_count"]) for ack in acks} == {
        ("c-1", "agent:bot", 1)
    }


async def test_what_comes_again_is_not_acknowledged_again(house, tmp_path):
    await house.switch.take([order(), order()])
    await house.switch.take([order()])
    await house.catch_up()
    await house.switch.take([order()])
    await house.catch_up()
    async with AckHouse(tmp_path, house).running() as later:
        await later.switch.take([order()])
        await later.catch_up()
    assert len(house.topic.heard) == 1


async def test_an_overtaken_order_and_one_of_this_host_are_not_acknowledged(house):
    await house.switch.take([order("c-9", seq=9), order("c-8", seq=8), order("l", origin=Origin.ADMIN)])
    await house.catch_up()
    assert [told.body["command_id"] for told in house.topic.heard] == ["c-9"]


async def test_where_nobody_listens_nothing_is_kept(tmp_path):
    async with AckHouse(tmp_path, is_asked=False).running() as house:
        await house.switch.take([order()])
        assert house.switch.answers.due() == []
        assert list((await house.halts.load()).acks) == []


async def test_killed_at_any_step_it_acknowledges_all_the_same_under_one_id(tmp_path):
    """The queue brings the order again until it is deleted, which is after the daemon has settled it."""
    for last in range(1, 100):
        folder = tmp_path / str(last)
        folder.mkdir()
        first = AckHouse(folder, last_step=last)
        killed_at = "start"
        try:
            async with first.running():
                killed_at = "settle"
                await first.switch.take([order()])
                killed_at = "giving"
                await first.catch_up()
                killed_at = ""
        except Killed:
            pass
        async with AckHouse(folder, first).running() as second:
            if killed_at in ("start", "settle"):
                await second.switch.take([order()])
            await second.catch_up()
        heard = [told.id for told in first.topic.heard]
        assert len(set(heard)) == 1, last
        assert len(first.records("kill_switch_ack")) >= 2, last
        assert len(first.records("kill_switch_order")) >= 1, last
        bodies = [body for _, _, body in first.platform.book.asked]
        assert {body["command_id"] for body in bodies} == {"c-1"}, last
        if not killed_at:
            break
    assert last > 12


async def test_killed_between_store_and_acknowledgement_the_second_arrival_is_a_duplicate_and_it_is_told(
    tmp_path,
):
    house = AckHouse(tmp_path)
    async with house.running():
        await house.switch.take([order()])
    async with AckHouse(tmp_path, house).running() as later:
        (taken,) = await later.switch.take([order()])
        assert taken.outcome == "duplicate"
        await later.catch_up()
    assert [told.body["command_id"] for told in house.topic.heard] == ["c-1"]


async def test_what_cannot_be_recorded_is_not_told_and_is_told_once_it_can(house):
    await house.switch.take([order()])
    house.disk_log.failing = True
    await house.catch_up()
    assert house.topic.heard == []
    house.disk_log.failing = False
    await house.catch_up()
    assert len(house.topic.heard) == len(house.platform.book.asked) == 1


async def test_one_who_cannot_be_owed_keeps_no_other_from_hearing_and_nothing_is_told_twice(house):
    house.stores[0].failing = True
    await house.switch.take([order()])
    await house.catch_up()
    await house.catch_up()
    assert len(house.topic.heard) == 1
    house.stores[0].failing = False
    await house.catch_up()
    assert (len(house.topic.heard), len(house.platform.book.asked)) == (1, 1)
    assert len(house.records("kill_switch_ack")) == 2


async def test_an_order_that_could_not_be_stored_is_told_once_it_is(house):
    house.halts.failing = StoreError("full")
    with pytest.raises(StoreError):
        await house.switch.take([order()])
    await house.catch_up()
    assert house.topic.heard == []
    house.halts.failing = None
    house.clock.advance(5)
    await house.switch.take([order()])
    await house.catch_up()
    (told,) = house.topic.heard
    assert told.body["stored_at"] - told.body["enforced_at"] == 5


async def test_after_an_outage_of_the_topic_all_arrive_in_their_order(house):
    house.topic.fate = Fate.NOT_NOW
    for number in range(20):
        await house.switch.take([order(f"c-{number}", name=f"bot-{number}")])
        await house.catch_up()
    assert house.outboxes[1].status().count == 20
    house.topic.fate = Fate.DELIVERED
    house.clock.advance(60)
    await house.deliver()
    assert [told.body["command_id"] for told in house.topic.heard] == [f"c-{n}" for n in range(20)]


async def test_a_hint_of_release_is_acknowledged_when_its_scope_is_released(house, tmp_path):
    await house.switch.take([order()])
    await house.switch.take([UNBLOCK])
    await house.catch_up()
    async with AckHouse(tmp_path, house).running() as later:
        await later.catch_up()
        assert [told.body["command_id"] for told in house.topic.heard] == ["c-1"]
        later.clock.advance(60)
        await later.switch.restate(State(later.clock.now()))
        await later.catch_up()
    told = house.topic.heard[-1].body
    assert (told["command_id"], told["command_type"]) == ("c-2", "UNBLOCK")
    assert told["enforced_at"] - told["received_at"] == 60


async def test_a_hint_of_what_is_released_already_is_acknowledged_at_once(house):
    await house.switch.take([UNBLOCK])
    await house.catch_up()
    assert [told.body["command_id"] for told in house.topic.heard] == ["c-2"]


@pytest.mark.parametrize("first", ["state", "queue"])
async def test_an_order_that_comes_by_queue_and_state_is_acknowledged_once(house, first):
    given = order(seq=7)
    stated = State(house.clock.now(), (order(seq=7, proof=Proof.STATE),))
    ways = [lambda: house.switch.restate(stated), lambda: house.switch.take([given])]
    for way in ways if first == "state" else reversed(ways):
        await way()
        await house.catch_up()
    assert [told.body["command_id"] for told in house.topic.heard] == ["c-1"]


async def test_old_halts_of_a_state_are_not_news_until_their_message_comes(house):
    old = order(seq=7, proof=Proof.STATE, issued_at=house.clock.now() - 7200)
    await house.switch.restate(State(house.clock.now(), (old,)))
    await house.catch_up()
    assert house.topic.heard == []
    await house.switch.take([order(seq=7, issued_at=old.issued_at)])
    await house.catch_up()
    assert [told.body["command_id"] for told in house.topic.heard] == ["c-1"]


async def test_a_wider_order_is_acknowledged_to_the_platform_for_each_agent_that_it_hits(house):
    await house.switch.take([order("c-0", kind=Kind.MCP_SERVER, name="files")])
    house.seen("a", mcp_server="files")
    house.seen("b", mcp_server="files")
    house.seen("c")
    await house.catch_up()
    await house.switch.take([order("c/1", kind=Kind.MCP_SERVER, name="none")])
    await house.catch_up()
    paths = [path for _, path, _ in house.platform.book.asked]
    assert paths == [
        "/api/registry/agents/a/commands/c-0/ack",
        "/api/registry/agents/b/commands/c-0/ack",
        f"/api/registry/agents/{HOST}/commands/c%2F1/ack",
    ]


async def test_an_order_for_an_agent_that_is_not_here_is_left_for_its_own_host_to_acknowledge(house):
    house.platform.book.order("bot", {"command_id": "c-1"})
    house.seen("other")
    await house.switch.take([order()])
    await house.catch_up()
    assert [path for _, path, _ in house.platform.book.asked] == [
        f"/api/registry/agents/{HOST}/commands/c-1/ack"
    ]
    assert len(house.platform.book.commands["bot"]) == 1


async def test_an_order_for_one_agent_is_no_command_of_those_below_it(house):
    house.seen("child", above=["bot"], orchestration_session_id="s")
    house.seen("bot")
    await house.switch.take([order()])
    await house.catch_up()
    assert [path for _, path, _ in house.platform.book.asked] == ["/api/registry/agents/bot/commands/c-1/ack"]
    assert house.topic.heard[0].body["agents"] == ["agent:child", "agent:bot"]


async def test_what_the_platform_states_without_an_id_is_not_acknowledged(house):
    halt = order("platform-status", kind=Kind.ORGANIZATION, name="*", proof=Proof.STATE)
    await house.switch.restate(State(house.clock.now(), (halt,)))
    await house.catch_up()
    assert house.topic.heard == []


async def test_of_many_agents_the_first_hundred_are_named_and_all_are_counted(house):
    for number in range(250):
        house.seen(f"bot-{number}")
    await house.switch.take([order(kind=Kind.ORGANIZATION, name="*")])
    await house.catch_up()
    (told,) = house.topic.heard
    assert (len(told.body["agents"]), told.body["agents_count"]) == (100, 250)


async def test_long_names_do_not_make_a_record_longer_than_the_log_takes(house):
    for number in range(100):
        house.seen(f"{number}" + "x" * 2000)
    await house.switch.take([order(kind=Kind.ORGANIZATION, name="*")])
    await house.catch_up()
    (told,) = house.topic.heard
    assert told.body["agents_count"] == 100
    assert 0 < len(told.body["agents"]) < 5
    assert len(house.records("kill_switch_ack")) == 2
