"""The signed state over real HTTP: whatever the server does, what cannot be read is an error that has a name."""

import time

import pytest

from sidecar.core.errors import FeedError, KillSwitchError
from sidecar.core.killswitch import Kind, scope
from sidecar.core.killswitch.book import Epoch
from sidecar.service.killswitch.signed_state import SignedState
from tests.fakes.clock import TurnedClock
from tests.tools import platform_faults as faults
from tests.tools.bundle_http import source_of
from tests.tools.platform_simulator import STATE_PATH, PlatformSimulator, serving
from tests.tools.signing import trust


@pytest.fixture
async def house():
    simulator = PlatformSimulator()
    async with (
        serving(simulator) as url,
        source_of(url + STATE_PATH, max_download=100_000, max_size=100_000, timeout=1.0) as source,
    ):
        state = SignedState(source, trust(), TurnedClock(time.time()))
        yield simulator, state
        await state.close()


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (faults.raw(b'{"payload": 1}'), KillSwitchError),
        (faults.raw(b"garbage"), FeedError),
        (faults.raw(b""), FeedError),
        (faults.cut_mid_body, FeedError),
        (faults.reset_mid_body, FeedError),
        (faults.black_hole, FeedError),
        (faults.drip, FeedError),
        (faults.endless, FeedError),
        (faults.status(503), FeedError),
        (faults.status(401), FeedError),
        (faults.status(304), FeedError),
        (faults.raw(b"<html>", Content_Type="text/html"), FeedError),
    ],
    ids=[
        "other-json",
        "garbage",
        "empty",
        "cut",
        "reset",
        "silent",
        "drip",
        "endless",
        "503",
        "401",
        "304",
        "page",
    ],
)
async def test_each_fault_is_told_and_what_is_right_is_read_afterwards(house, fault, kind):
    simulator, state = house
    simulator.book.halts.block(scope(Kind.AGENT, "a"))
    simulator.faults = [fault]
    with pytest.raises(kind):
        await state.read(Epoch())
    reading = await state.read(Epoch())
    assert [order.scope.name for order in reading.state.halts] == ["a"]
    assert await state.read(reading.epoch) is None  # 304: it is what was read last
