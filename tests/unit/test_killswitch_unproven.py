"""Halts without proof: beyond so many there is one for all, and nothing is let through for it."""

import msgspec
import pytest

from sidecar.core.killswitch import Command, Kind, Order, Proof, Scope
from sidecar.service.killswitch.unproven import MOST, Unproven
from tests.fakes.watching import Watching

ALL = Scope(Kind.ORGANIZATION)


@pytest.fixture
async def here():
    async with Watching() as found:
        yield found


def halt(number, proof=Proof.PROVISIONAL):
    return Order(Command.BLOCK, Scope(Kind.AGENT, f"a{number}"), f"c{number}", proof=proof, received_at=1.0)


async def test_a_flood_of_forged_halts_halts_all_and_is_kept_to_so_many(here):
    here.reader.judged = [halt(number) for number in range(MOST + 50)]
    await here.intake.reverify()
    scopes = {order.scope for order in here.switch.in_force()}
    assert len(scopes) == MOST + 1
    assert ALL in scopes


async def test_those_that_were_proven_or_are_over_count_no_more(here):
    unproven = Unproven(here.switch, 2)
    here.switch.apply(unproven.bounded([halt(0), halt(1)]))
    (wide,) = unproven.bounded([halt(2)])
    assert (wide.scope, wide.command_id) == (ALL, "c2")
    here.switch.apply([wide])
    assert unproven.bounded([halt(1)]) == [halt(1)]
    here.switch.apply([msgspec.structs.replace(halt(0), proof=Proof.SNS)])
    came = unproven.bounded([halt(2), halt(3)])
    assert [order.scope for order in came] == [halt(2).scope, ALL]


async def test_what_is_proven_or_releases_is_never_widened(here):
    orders = [halt(1, Proof.SNS), msgspec.structs.replace(halt(1), command=Command.UNBLOCK)]
    assert Unproven(here.switch, 0).bounded(orders) == orders
