"""Bundles come into force, stay, and end: what is verified, stored, recorded, and what each failure leaves behind."""

import pytest

from sidecar.core.bundle import Floor
from sidecar.core.errors import (
    AuditError,
    MalformedBundle,
    NotYetValidBundle,
    RolledBackBundle,
    SourceUnavailable,
    UntrustedBundle,
)
from sidecar.core.model import Code
from sidecar.service.health import Health, Status
from tests.fakes.supply import FakeSupply
from tests.tools.bundles import HEAD
from tests.tools.signing import DAY, ISSUED, NOW, RULES, key, signed, trust

NOTHING = "rules: [{id: none, match: {actions: [other]}, effect: allow, reason: x}]\n"
FOLDER = {"policy.yaml": (HEAD + RULES).encode()}


def supply(content=None, **more) -> FakeSupply:
    return FakeSupply(trust(), content, **{"now": NOW, **more})


def health(one: FakeSupply) -> Health:
    return Health(one.state, one.log, one.clock, "always", 900, one.shadow)


def part(one: FakeSupply, name: str = "bundle"):
    return next(part for part in health(one).report().parts if part.name == name)


async def test_a_signed_bundle_comes_into_force_and_is_recorded_and_stored():
    one = supply(signed(revision=3))
    assert one.code is Code.NO_BUNDLE
    assert await one.refresher.refresh()
    assert (one.code, one.revision) == (Code.ALLOWED, "3")
    assert one.store.kept.raw == signed(revision=3)
    assert one.store.floors["default"].revision == 3
    (event,) = one.events
    assert event["event"] == "activated"
    assert (event["details"]["revision"], event["details"]["floor"]) == ("3", 3)
    assert event["details"]["signers"] == [key(1).public.id]


async def test_the_same_bundle_again_is_confirmed_and_nothing_else():
    one = supply(signed())
    await one.refresher.refresh()
    one.clock.advance(100)
    assert not await one.refresher.refresh()
    assert len(one.events) == 1
    assert one.state.checked_at == one.state.verified_at == NOW + 100
    assert one.state.changed_at == NOW


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (signed(NOTHING, 2, key(9)), UntrustedBundle),
        (signed(NOTHING, 1), RolledBackBundle),
        (b"<html>", Exception),
        (signed("rules: [{id: x}]\n", 3), MalformedBundle),
    ],
)
async def test_what_is_refused_leaves_the_last_good_bundle_and_everything_says_why(raw, error):
    one = supply(signed(revision=2))
    await one.refresher.refresh()
    one.source.put(raw)
    one.clock.advance(5)
    with pytest.raises(error):
        await one.refresher.refresh()
    assert (one.code, one.revision) == (Code.ALLOWED, "2")
    assert one.store.kept.raw == signed(revision=2)
    assert part(one).status is Status.DEGRADED
    assert part(one).facts["checked_seconds_ago"] == 5
    assert one.counted(f'ascend_sidecar_bundle_refusals_total{{reason="{one.state.refusal.kind}"}} 1.0')
    assert health(one).unready_because() == ()


async def test_refused_bytes_are_not_loaded_again_and_confirm_nothing():
    one = supply(signed(revision=2))
    await one.refresher.refresh()
    one.source.put(signed(NOTHING, 1))
    with pytest.raises(RolledBackBundle):
        await one.refresher._look(0.0)
    one.clock.advance(50)
    assert not await one.refresher._look(0.0)  # the source says that nothing changed
    assert one.state.checked_at == NOW
    assert part(one).status is Status.DEGRADED


async def test_a_bundle_from_the_near_future_is_taken_when_its_time_comes():
    one = supply(signed(issued_at=NOW + 3600))
    with pytest.raises(NotYetValidBundle):
        await one.refresher._look(0.0)
    one.clock.advance(3600)
    assert await one.refresher._look(0.0)


async def test_without_a_look_for_too_long_everything_is_denied_until_there_is_one():
    one = supply(signed(), max_staleness=3600)
    await one.refresher.refresh()
    one.source.failing = SourceUnavailable("gone")
    one.clock.advance(3599)
    with pytest.raises(SourceUnavailable):
        await one.refresher.refresh()
    assert one.code is Code.ALLOWED
    one.clock.advance(1)
    assert one.code is Code.BUNDLE_STALE
    assert part(one).status is Status.FAILING
    assert "too long ago" in health(one).unready_because()[0]
    one.source.failing = None
    await one.refresher.refresh()
    assert one.code is Code.ALLOWED


async def test_an_expired_bundle_decides_nothing_however_fresh_its_source_is():
    one = supply(signed(expires_at=NOW + 60))
    await one.refresher.refresh()
    one.clock.advance(60)
    await one.refresher._look(0.0)
    assert one.code is Code.BUNDLE_EXPIRED
    assert "expired" in health(one).unready_because()[0]


async def test_the_next_run_goes_on_with_the_stored_bundle_without_its_source():
    one = supply(signed(revision=2))
    await one.refresher.refresh()
    one.clock.advance(DAY / 2)
    two = one.again()
    await two.refresher.start(require=False)
    assert (two.code, two.revision) == (Code.ALLOWED, "2")
    assert two.state.checked_at == NOW
    two.clock.advance(DAY / 2)
    assert two.code is Code.BUNDLE_STALE  # a restart makes no bundle younger


async def test_a_look_of_a_time_that_is_still_to_come_makes_no_bundle_young():
    one = supply(signed(issued_at=NOW - DAY, expires_at=NOW + 10 * DAY), max_staleness=DAY / 2)
    one.clock.advance(5 * DAY)
    await one.refresher.refresh()
    two = one.again(now=NOW)
    await two.refresher.start(require=False)
    assert two.state.checked_at == NOW - DAY
    assert two.code is Code.BUNDLE_STALE


async def test_without_a_note_of_the_last_look_staleness_counts_from_when_it_was_issued():
    one = supply(signed(), max_staleness=2 * DAY)
    await one.refresher.refresh()
    one.store.note(0.0, 0.0)
    two = one.again()
    await two.refresher.start(require=False)
    assert two.state.checked_at == ISSUED


async def test_a_stored_bundle_that_has_expired_denies_as_such():
    one = supply(signed(expires_at=NOW + 60))
    await one.refresher.refresh()
    one.clock.advance(61)
    two = one.again()
    await two.refresher.start(require=False)
    assert two.code is Code.BUNDLE_EXPIRED
    assert two.store.set_aside is None


@pytest.mark.parametrize("raw", [b"garbage", signed(key=key(9)), b""])
async def test_a_corrupt_store_is_put_aside_and_the_source_is_asked(raw):
    one = supply(signed())
    one.store.save(raw)
    await one.refresher.start(require=False)
    assert one.store.set_aside == raw
    assert one.code is Code.NO_BUNDLE
    assert await one.refresher.refresh()
    assert one.code is Code.ALLOWED


async def test_when_a_bundle_is_required_a_start_without_one_fails():
    one = supply()
    with pytest.raises(Exception, match="there is none"):
        await one.refresher.start(require=True)
    two = supply(signed())
    await two.refresher.start(require=True)
    assert two.code is Code.ALLOWED


async def test_what_was_stored_below_the_floor_is_not_used():
    one = supply()
    one.store.save(signed(revision=2))
    one.store.set_floor("default", Floor(3))
    await one.refresher.start(require=False)
    assert one.code is Code.NO_BUNDLE
    assert one.state.refusal.kind == "rolled_back"


async def test_a_full_disk_does_not_keep_a_stricter_policy_out():
    one = supply(signed(revision=1))
    await one.refresher.refresh()
    one.source.put(signed(NOTHING, 2))
    one.store.full = True
    await one.refresher.refresh()
    assert (one.code, one.revision) == (Code.NO_MATCHING_RULE, "2")
    assert "would not survive a restart: no space left" in part(one).detail
    assert one.counted("ascend_sidecar_bundle_unstored_total 1.0")


async def test_what_cannot_be_recorded_does_not_come_into_force():
    one = supply(signed(revision=1))
    await one.refresher.refresh()
    one.source.put(signed(NOTHING, 2))
    one.log.failing = True
    with pytest.raises(AuditError):
        await one.refresher.refresh()
    assert one.revision == "1"
    assert one.store.kept.raw == signed(revision=1)


async def test_a_log_that_takes_no_record_at_the_start_denies_until_it_does():
    one = supply(signed(revision=2))
    await one.refresher.refresh()
    two = one.again()
    two.source.failing = SourceUnavailable("gone")
    two.log.failing = True
    await two.refresher.start(require=False)
    assert two.code is Code.NO_BUNDLE
    two.log.failing = False
    with pytest.raises(SourceUnavailable):
        await two.refresher._look(0.0)
    assert (two.code, two.revision) == (Code.ALLOWED, "2")


async def test_a_signed_downgrade_is_taken_and_recorded_as_one():
    one = supply(signed(revision=9))
    await one.refresher.refresh()
    one.source.put(signed(NOTHING, 4, allow_rollback_to=4, issued_at=NOW - 60))
    await one.refresher.refresh()
    assert one.revision == "4"
    assert one.store.floors["default"].revision == 4
    assert one.events[-1]["details"]["downgrade_from"] == 9
    one.source.put(signed(revision=9))
    await one.refresher.refresh()
    one.source.put(signed(NOTHING, 4, allow_rollback_to=4, issued_at=NOW - 60))
    with pytest.raises(RolledBackBundle):
        await one.refresher.refresh()  # the same downgrade brought back


async def test_the_clock_never_falls_behind_when_the_bundle_was_issued():
    one = supply(signed(issued_at=NOW + 30))
    await one.refresher.refresh()
    assert one.clock.now() == NOW + 30


async def test_with_trust_a_folder_is_never_used_and_without_it_no_signed_bytes():
    with pytest.raises(UntrustedBundle, match="not signed"):
        await supply(FOLDER).refresher.refresh()
    with pytest.raises(UntrustedBundle, match="no keys"):
        await FakeSupply(None, signed(), now=NOW).refresher.refresh()


async def test_a_folder_is_unsigned_and_touches_no_floor():
    one = FakeSupply(None, FOLDER, now=NOW)
    await one.refresher.refresh()
    assert one.code is Code.ALLOWED
    assert one.store.floors == {}
    assert one.store.kept is None
    assert str(part(one).facts["source"]).startswith("unsigned source")


async def test_health_and_metrics_tell_the_truth_of_the_fleet():
    one = supply(signed(revision=3))
    await one.refresher.refresh()
    one.clock.advance(7)
    bundle, facts = one.state.snapshot.bundle, part(one).facts
    assert (facts["revision"], facts["digest"], facts["source"]) == ("3", bundle.digest, "memory")
    assert (facts["signer"], facts["age_seconds"]) == (key(1).public.id, DAY + 7)
    assert (facts["checked_seconds_ago"], facts["changed_seconds_ago"]) == (7, 7)
    assert facts["verified_seconds_ago"] == 7
    signer = key(1).public.id
    assert one.counted(
        f'ascend_sidecar_bundle_info{{digest="{bundle.digest}",name="default",revision="3",'
        f'signer="{signer}",source="memory"}} 1.0'
    )
    assert one.counted("ascend_sidecar_bundle_revision 3.0")
    assert one.counted("ascend_sidecar_bundle_checked_timestamp_seconds 1.767312e+09")
