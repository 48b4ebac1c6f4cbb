"""The book of what is owed: order within an agent, room, and what goes first."""

import msgspec
import pytest

from sidecar.core.owed import Kind, Owed
from sidecar.service.outbox_book import OutboxBook

ONE = 730  # about what an item of this size takes up


def owed(kind=Kind.COMPLETION, agent="agent:a", at=1.0, size=100):
    return Owed(kind, agent, f"asc_{kind}", at, "/api/x", {"x": "x" * size})


def enter(book, *items):
    plan = book.plan(items)
    for slip in (*plan.outdated, *plan.crowded_out):
        book.strike(slip.number)
    for slip, _ in plan.entered:
        book.enter(slip)
    return plan


def numbers(slips):
    return [slip.number for slip in slips]


@pytest.fixture
def book():
    return OutboxBook(1 << 20)


def test_an_agents_items_have_their_turn_one_after_the_other(book):
    enter(book, owed(), owed(), owed(agent="agent:b"))
    first, other = book.take(0), book.take(0)
    assert (first.number, other.number) == (1, 3)
    assert book.take(0) is None
    book.strike(1)
    book.give_back("agent:a")
    assert book.take(0).number == 2


def test_an_item_that_comes_while_its_agent_is_at_work_waits(book):
    enter(book, owed())
    book.take(0)
    enter(book, owed())
    assert book.take(0) is None


def test_a_failed_item_keeps_its_agent_waiting_until_it_is_due_and_nobody_else(book):
    enter(book, owed(), owed(), owed(agent="agent:b"))
    book.take(0)
    book.give_back("agent:a", 10.0)
    enter(book, owed())
    assert book.take(9.9).number == 3
    assert book.take(9.9) is None
    assert book.take(10.0).number == 1


def test_agents_take_turns(book):
    enter(book, *(owed() for _ in range(3)), owed(agent="agent:b"))
    told = []
    for _ in range(4):
        slip = book.take(0)
        told.append(slip.agent)
        book.strike(slip.number)
        book.give_back(slip.agent)
    assert told == ["agent:a", "agent:b", "agent:a", "agent:a"]


def test_an_item_that_is_stepped_over_waits_by_itself(book):
    enter(book, owed(), owed())
    lane = book.lane_of(book.take(0).number)
    assert book.step_over(1, 50.0)
    book.give_back(lane)
    assert book.take(0).number == 2
    assert book.take(49.0) is None
    assert book.take(50.0).number == 1
    assert not book.step_over(1, 60.0)
    book.give_back(book.lane_of(1), 60.0)
    assert book.take(59.0) is None
    assert book.take(60.0).number == 1


def test_what_is_gone_while_it_is_at_work_leaves_its_agent_in_order(book):
    enter(book, owed(), owed())
    lane = book.lane_of(book.take(0).number)
    assert book.strike(1)
    assert not book.strike(1)
    assert not book.step_over(1, 5.0)
    book.give_back(lane)
    assert book.take(0).number == 2


def test_of_an_agents_heartbeats_only_the_latest_is_owed(book):
    enter(book, owed(Kind.HEARTBEAT), owed(Kind.HEARTBEAT), owed(Kind.HEARTBEAT, "agent:b"))
    assert len(book) == 2
    plan = enter(book, owed(), owed(Kind.HEARTBEAT))
    assert numbers(plan.outdated) == [1]
    assert len(book) == 3
    assert [book.take(0).number, book.take(0).number] == [2, 3]


def test_heartbeats_and_reports_go_first_oldest_first_and_what_was_promised_stays():
    book = OutboxBook(ONE * 4)
    kinds = (Kind.REPORT, Kind.COMPLETION, Kind.HEARTBEAT, Kind.ACK)
    assert len(enter(book, *(owed(kind) for kind in kinds)).entered) == 4
    assert numbers(enter(book, owed()).crowded_out) == [1]
    assert numbers(enter(book, owed(Kind.REPORT)).crowded_out) == [3]
    plan = enter(book, owed(), owed(), owed(Kind.REPORT))
    assert numbers(plan.crowded_out) == [6]
    assert [item.kind for item in plan.refused] == [Kind.COMPLETION, Kind.REPORT]
    assert book.bytes <= ONE * 4


def test_what_outdates_a_heartbeat_needs_only_the_room_that_it_adds():
    book = OutboxBook(ONE)
    enter(book, owed(Kind.HEARTBEAT))
    plan = enter(book, owed(Kind.HEARTBEAT, size=99))
    assert (numbers(plan.outdated), plan.crowded_out, plan.refused) == ([1], (), ())


def test_a_heartbeat_that_is_outdated_makes_room_only_once():
    book = OutboxBook(2 * ONE)
    enter(book, owed(Kind.HEARTBEAT), owed(Kind.REPORT))
    plan = enter(book, owed(Kind.HEARTBEAT, size=200))
    assert (numbers(plan.outdated), numbers(plan.crowded_out)) == ([1], [2])
    assert book.bytes <= 2 * ONE


def test_what_is_too_old_is_found(book):
    enter(book, owed(at=1.0), owed(at=2.0), owed(at=3.0))
    assert numbers(book.older_than(3.0)) == [1, 2]


def test_numbers_go_on_behind_what_was_left(book):
    book.enter(msgspec.structs.replace(enter(OutboxBook(1 << 20), owed()).entered[0][0], number=41))
    assert enter(book, owed()).entered[0][0].number == 42
