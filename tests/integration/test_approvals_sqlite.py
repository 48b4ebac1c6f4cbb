"""Approvals on a real disk: what a halt has ended stays ended, and several are put together or not at all."""

import msgspec
import pytest

from sidecar.adapters.sqlite import ApprovalsSqlite
from sidecar.core.approval import Standing, halted
from sidecar.core.delegation import Lineage
from sidecar.core.errors import StoreError
from sidecar.core.model import Subject
from tests.fakes.house import House, asked
from tests.tools.halt_cases import CALLER, PAY, PEOPLE, RULES


@pytest.fixture
async def approval():
    house = House(RULES, people=PEOPLE)
    answer = await house.decider.decide(asked(CALLER, **PAY))
    return msgspec.structs.replace(
        house.store.kept[answer.hold.id],
        opened_at=4e9,
        lineage=Lineage((Subject("agent", "boss"),), 1),
    )


async def test_what_was_ended_is_there_after_a_restart(tmp_path, approval):
    store = ApprovalsSqlite(tmp_path)
    others = [msgspec.structs.replace(approval, id=f"apr_{number}") for number in range(3)]
    await store.put([approval, *others])
    await store.put([halted(one, "It went rogue.", 4e9) for one in (approval, *others)])
    await store.close()
    again = ApprovalsSqlite(tmp_path)
    found = {one.id: one for one in await again.load()}
    await again.close()
    assert {one.standing for one in found.values()} == {Standing.HALTED}
    assert found[approval.id] == halted(approval, "It went rogue.", 4e9)


async def test_several_are_put_together_or_not_at_all(tmp_path, approval):
    store = ApprovalsSqlite(tmp_path)
    broken = msgspec.structs.replace(
        approval, id="apr_broken", resolved_at=float("nan")
    )  # SQLite takes that for NULL
    with pytest.raises(StoreError):
        await store.put([approval, broken])
    assert await store.load() == []
    await store.close()
