"""Agents seen: told to the caller that spoke of them, and bounded."""

from sidecar.core.model import Caller
from sidecar.service.agents_seen import AgentsSeen, Profile, Pulse
from tests.fakes.clock import TurnedClock

ONE, OTHER = Caller(uid=1), Caller(uid=2)


def test_a_registration_is_new_once_for_each_caller():
    seen = AgentsSeen(TurnedClock())
    assert seen.register(ONE, "a", Profile("A"))
    assert not seen.register(ONE, "a", Profile("B"))
    assert seen.register(OTHER, "a", Profile("C"))
    assert seen.find(ONE, "a").profile.display_name == "B"
    assert seen.find(OTHER, "a").profile.display_name == "C"


def test_a_heartbeat_registers_nobody_and_keeps_who_is():
    clock = TurnedClock()
    seen = AgentsSeen(clock)
    seen.beat(ONE, "a", Pulse(requests_count=1))
    assert seen.find(ONE, "a").profile is None
    assert seen.register(ONE, "a", Profile("A"))
    first = seen.find(ONE, "a").first_seen
    clock.advance(5.0)
    seen.beat(ONE, "a", Pulse(requests_count=2))
    told = seen.find(ONE, "a")
    assert (told.first_seen, told.heartbeat_at, told.pulse.requests_count) == (first, first + 5.0, 2)
    assert told.profile.display_name == "A"


def test_what_is_forgotten_is_new_again():
    seen = AgentsSeen(TurnedClock())
    seen.register(ONE, "a", Profile())
    assert seen.forget(ONE, "a")
    assert not seen.forget(ONE, "a")
    assert seen.find(ONE, "a") is None
    assert seen.register(ONE, "a", Profile())


def test_a_caller_with_very_many_agents_pushes_out_its_own():
    seen = AgentsSeen(TurnedClock())
    seen.beat(OTHER, "quiet", Pulse())
    for index in range(1500):
        seen.beat(ONE, f"a{index}", Pulse())
        seen.beat(ONE, "a0", Pulse())
    assert len(seen) == 1001
    assert seen.find(OTHER, "quiet") is not None
    assert seen.find(ONE, "a1") is None
    assert seen.find(ONE, "a0") is not None


def test_many_callers_together_are_bounded_too():
    seen = AgentsSeen(TurnedClock())
    for uid in range(11_000):
        seen.beat(Caller(uid=uid), "a", Pulse())
    assert len(seen) == 10_000
    assert seen.find(Caller(uid=0), "a") is None
    assert seen.find(Caller(uid=10_999), "a") is not None
