"""Health tells the truth: live, ready, and how each part fares."""

from sidecar.core.errors import Diagnostic, MalformedBundle, Place
from sidecar.core.model import Caller
from sidecar.service.health import Health, Status
from tests.fakes.house import House

ALLOW = "rules: [{id: all, effect: allow, reason: fine}]\n"
OWN_UID = 900


def health(house: House, fsync: str = "always") -> Health:
    return Health(house.state, house.log, house.clock, fsync, OWN_UID)


def part(house: House, name: str):
    return next(one for one in health(house).report().parts if one.name == name)


def test_a_sound_house_is_live_ready_and_ok():
    house = House(ALLOW)
    found = health(house)
    assert found.is_live()
    assert found.unready_because() == ()
    assert found.report().status is Status.OK
    assert found.report().warnings == ()


def test_a_log_that_cannot_be_written_is_failing_and_not_ready_but_live():
    house = House(ALLOW)
    house.log.failing = True
    assert part(house, "audit").status is Status.FAILING
    assert "cannot be written" in health(house).unready_because()[0]
    assert health(house).is_live()


def test_what_the_log_warns_of_is_degraded_and_still_ready():
    house = House(ALLOW)
    house.log.warned = ("the log is damaged: record 7",)
    assert part(house, "audit").status is Status.DEGRADED
    assert "record 7" in part(house, "audit").detail
    assert health(house).unready_because() == ()


def test_a_refused_bundle_is_degraded_with_the_ages_of_the_one_in_force():
    house = House(ALLOW)
    house.clock.advance(60)
    house.state.refuse(MalformedBundle(Diagnostic(Place("policy.yaml", 4, 7), "wrong")), house.clock.now())
    house.clock.advance(5)
    bundle = part(house, "bundle")
    assert bundle.status is Status.DEGRADED
    assert "policy.yaml:4:7" in bundle.detail
    assert "malformed" in bundle.detail
    assert bundle.facts["checked_seconds_ago"] == 65  # a look that ends in a refusal confirms nothing
    assert bundle.facts["changed_seconds_ago"] == 65
    assert str(bundle.facts["source"]).startswith("unsigned source")


def test_a_house_that_stops_is_not_ready():
    house = House(ALLOW)
    house.state.stopping = True
    assert health(house).unready_because() == ("the daemon is stopping",)


def test_a_caller_under_the_daemons_own_uid_is_a_warning():
    house = House(ALLOW)
    found = health(house)
    found.saw_peer(Caller(uid=OWN_UID + 1))
    assert found.report().warnings == ()
    found.saw_peer(Caller(uid=OWN_UID))
    assert "own uid" in found.report().warnings[0]


def test_durability_that_was_traded_away_is_named():
    assert "interval" in health(House(ALLOW), "interval").report().warnings[0]
