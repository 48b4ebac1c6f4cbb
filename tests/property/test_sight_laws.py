"""Laws of sight: whatever comes in whatever order, it is open only if it has begun and one eye saw lately."""

from hypothesis import given
from hypothesis import strategies as st

from sidecar.service.killswitch.sight import BEACON_GAP, Sight
from tests.fakes.clock import TurnedClock

BLIND_AFTER, SKEW = 10.0, 5.0
STEPS = st.one_of(
    st.tuples(st.just("advance"), st.floats(0, 40)),
    st.tuples(st.just("received"), st.floats(0, 15)),
    st.tuples(st.just("confirmed"), st.floats(0, 15)),
    st.tuples(st.just("beacon"), st.floats(-10, 60)),
)


@given(st.booleans(), st.booleans(), st.lists(STEPS, max_size=30))
def test_it_is_open_only_on_both_conditions(has_queue, has_state, steps):
    clock = TurnedClock(1000.0)
    sight = Sight(
        clock.monotonic,
        clock.now,
        has_queue=has_queue,
        has_state=has_state,
        blind_after=BLIND_AFTER,
        skew=SKEW,
    )
    told = []
    sight.on_change(told.append)
    received, confirmed, beacons = [], [], []  # seconds of our clock
    newest = float("-inf")
    begun = not (has_queue or has_state)
    for what, amount in steps:
        now = clock.monotonic()
        if what == "advance":
            clock.advance(amount)
        elif what == "received" and has_queue:
            sight.received(now - amount)
            received.append(now - amount)
        elif what == "confirmed" and has_state:
            sight.confirmed(now - amount)
            confirmed.append(now - amount)
        elif what == "beacon" and has_queue:
            sight.beacon(now - amount)
            if now - amount > newest and -SKEW <= now - (now - amount) <= BEACON_GAP + SKEW:
                newest = now - amount
                beacons.append(now)
        sight.notice()

        now = clock.monotonic()
        eyes = [bool(confirmed)] if has_state else []
        eyes += [bool(received)] if has_queue else []
        eyes += [bool(beacons)] if has_queue and not has_state else []
        begun = begun or all(eyes)
        queue_sees = bool(received and beacons) and (
            now < max(received) + BLIND_AFTER and now < max(beacons) + BEACON_GAP
        )
        state_sees = bool(confirmed) and now < max(confirmed) + BLIND_AFTER
        has_feed = has_queue or has_state
        assert (sight.blind_because() == "") is (not has_feed or (begun and (queue_sees or state_sees)))
        assert [bool(why) for why in told] == [index % 2 == 1 for index in range(len(told))]
