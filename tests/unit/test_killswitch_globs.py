"""The index of globs answers from memory, and never from what it was before a halt came or ended."""

from sidecar.core.killswitch import Command, Kind, Order, scope
from sidecar.core.killswitch.globs import GlobIndex


def halt(pattern, number=1):
    return Order(Command.BLOCK, scope(Kind.AGENTS, pattern), f"halt-{number}")


def found(index, name):
    return {order.command_id for orders in index.matching(name) for order in orders}


def test_a_name_that_was_asked_for_before_is_hit_by_a_halt_that_comes_later():
    index = GlobIndex().put("ledger-*", (halt("ledger-*"),))
    assert found(index, "payment-7") == found(index, "payment-7") == set()
    later = index.put("payment-*", (halt("payment-*", 2),))
    assert found(later, "payment-7") == {"halt-2"}


def test_a_name_that_was_hit_before_is_free_once_the_halt_has_ended():
    index = GlobIndex().put("payment-*", (halt("payment-*"),)).put("*-7", (halt("*-7", 2),))
    assert found(index, "payment-7") == found(index, "payment-7") == {"halt-1", "halt-2"}
    assert found(index.put("payment-*", ()), "payment-7") == {"halt-2"}


def test_another_halt_of_the_same_pattern_takes_the_place_of_what_was_found():
    index = GlobIndex().put("payment-*", (halt("payment-*"),))
    assert found(index, "payment-7") == {"halt-1"}
    assert found(index.put("payment-*", (halt("payment-*", 2),)), "payment-7") == {"halt-2"}


def test_what_is_kept_is_bounded_in_number_and_length():
    index = GlobIndex().put("payment-*", (halt("payment-*"),))
    for number in range(5_000):
        assert found(index, f"payment-{number}") == {"halt-1"}
    assert len(index.found) <= 4_096
    long = "payment-" + "x" * 1_000
    assert found(index, long) == {"halt-1"}
    assert long not in index.found
