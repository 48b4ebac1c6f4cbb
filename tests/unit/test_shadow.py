"""A candidate judges beside what is in force: counted, recorded, never enforced, promoted by a person only."""

import msgspec
import pytest

from sidecar.core.delegation import PARENT, Lineage
from sidecar.core.errors import RolledBackBundle, UntrustedBundle
from sidecar.core.judge import judge
from sidecar.core.model import Caller, Code, Door, Subject
from sidecar.service.asked import Asked
from sidecar.service.candidates import NoCandidate
from tests.fakes.supply import FakeSupply
from tests.tools.bundles import request
from tests.tools.signing import NOW, key, signed, trust

DENIES = "rules: [{id: no-reads, match: {actions: [read]}, effect: deny, reason: Not any more.}]\n"


@pytest.fixture
async def one():
    supply = FakeSupply(trust(), signed(revision=2), now=NOW)
    await supply.refresher.refresh()
    supply.candidate_source.put(signed(DENIES, 3))
    await supply.candidates._look(0.0)
    return supply


def answer(supply: FakeSupply, action: str = "read", seq: int = 5) -> None:
    asked = Asked(request(action), Caller(), Door.AUTHZEN)
    decision = judge(supply.state.snapshot, asked.request, asked.caller, supply.clock.now())
    supply.shadow.saw(asked, decision, seq)


async def test_a_difference_is_counted_and_recorded_and_nothing_is_enforced(one):
    answer(one)
    await one.shadow.compare(10)
    assert one.code is Code.ALLOWED
    assert (one.shadow.compared, one.shadow.differing) == (1, 1)
    assert one.counted('ascend_sidecar_shadow_decisions_total{candidate="deny",verdict="allow"} 1.0')
    details = one.events[-1]["details"]
    assert one.events[-1]["event"] == "shadow_difference"
    assert (details["decision"], details["verdict"]) == (5, "allow")
    assert details["candidate"] == {
        "revision": "3", "verdict": "deny", "code": "policy_denied", "rules": ["no-reads"],
    }  # fmt: skip


async def test_an_equal_verdict_is_counted_and_not_recorded(one):
    answer(one, "write")
    await one.shadow.compare(10)
    assert (one.shadow.compared, one.shadow.differing) == (1, 0)
    assert [event["event"] for event in one.events] == ["activated"]


async def test_what_was_delegated_is_compared_under_the_same_parent(one):
    one.candidate_source.put(signed(revision=4))
    await one.candidates._look(0.0)
    child = msgspec.structs.replace(request(), context={PARENT: 3})
    asked = Asked(child, Caller(), Door.AUTHZEN, kin=Lineage((Subject("agent", "boss"),)))
    decision = judge(one.state.snapshot, child, Caller(), one.clock.now(), kin=asked.kin)
    assert decision.code is Code.ALLOWED
    one.shadow.saw(asked, decision, 5)
    await one.shadow.compare(1)
    assert (one.shadow.compared, one.shadow.differing) == (1, 0)


async def test_without_a_candidate_nothing_is_kept():
    supply = FakeSupply(trust(), signed(), now=NOW)
    await supply.refresher.refresh()
    answer(supply)
    await supply.shadow.compare(10)
    assert supply.shadow.compared == 0


async def test_what_there_is_no_time_for_is_counted_as_dropped(one):
    for seq in range(1030):
        answer(one, seq=seq)
    assert one.counted("ascend_sidecar_shadow_dropped_total 6.0")


async def test_many_differences_are_recorded_a_few_a_second_and_the_rest_counted(one):
    for seq in range(25):
        answer(one, seq=seq)
    await one.shadow.compare(25)
    assert len(one.events) == 1 + 10
    one.clock.advance(1)
    answer(one)
    await one.shadow.compare(1)
    assert one.events[-1]["details"]["not_recorded_before"] == 15


async def test_a_candidate_that_nobody_vouches_for_is_none():
    supply = FakeSupply(trust(), signed(), now=NOW)
    supply.candidate_source.put(signed(DENIES, 3, key(9)))
    with pytest.raises(UntrustedBundle):
        await supply.candidates._look(0.0)
    assert supply.candidates.current is None
    with pytest.raises(NoCandidate, match="trusted keys"):
        await supply.candidates.promote(None)


async def test_promoting_puts_the_candidate_into_force_and_stores_it(one):
    assert await one.candidates.promote("3") == "3"
    assert (one.code, one.revision) == (Code.POLICY_DENIED, "3")
    assert one.store.kept.raw == signed(DENIES, 3)
    assert one.store.floors["default"].revision == 3
    assert one.candidates.current is None


async def test_promoting_another_revision_than_the_candidates_is_refused(one):
    with pytest.raises(NoCandidate, match="of revision 3, not 4"):
        await one.candidates.promote("4")
    assert one.revision == "2"


async def test_a_candidate_that_was_overtaken_cannot_be_promoted(one):
    one.source.put(signed(revision=4))
    await one.refresher.refresh()
    with pytest.raises(RolledBackBundle):
        await one.candidates.promote(None)
    assert one.revision == "4"
