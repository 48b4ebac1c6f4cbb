"""What is kept of refused messages, and how long something that fails is left alone."""

import msgspec
import pytest

from sidecar.core.chain import is_body
from sidecar.service.killswitch.backoff import Backoff
from sidecar.service.killswitch.refusals import Refusals, beginning
from sidecar.service.ports import Message
from tests.fakes.clock import TurnedClock
from tests.fakes.decision_log import FakeDecisionLog

BODIES = {
    "short": "x",
    "long": "x" * 100_000,
    "control": "\x01" * 100_000,
    "quotes": '"' * 100_000,
    "wide": "\U0001f600" * 100_000,
}


@pytest.mark.parametrize("kind", BODIES)
def test_at_most_16_kib_of_a_body_are_kept_however_it_is_written(kind):
    body = BODIES[kind]
    kept = beginning(body)
    assert body.startswith(kept)
    size = len(msgspec.json.encode(kept)) - 2
    assert size <= 16 * 1024
    assert kept == body or size > 16 * 1024 - 8, "as much as there is room for"


@pytest.mark.parametrize("kind", BODIES)
async def test_every_body_can_be_a_record(kind):
    clock = TurnedClock()
    log = FakeDecisionLog(clock)
    await Refusals(log, clock).record([(Message("m" * 100, BODIES[kind], "h"), "untrusted", "r" * 500)])
    assert len(log.lines) == 1
    assert is_body(log.lines[0])


def test_pauses_double_up_to_the_longest_and_begin_anew():
    backoff = Backoff(1.0, lambda: 1.0)
    assert [backoff.next() for _ in range(7)] == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    for _ in range(1000):
        assert backoff.next() == 1.0
    backoff.reset()
    assert backoff.next() == 0.05


def test_half_of_a_pause_is_by_chance():
    assert Backoff(1.0, lambda: 0.0).next() == 0.025
