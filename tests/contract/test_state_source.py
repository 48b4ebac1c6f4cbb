"""Every authority on what is halted keeps the port's promises: the signed document, and the platform's API."""

import pytest

from sidecar.core.errors import FeedError, KillSwitchError, SourceUnavailable
from sidecar.core.killswitch import Kind, Scope
from sidecar.core.killswitch.book import Epoch
from sidecar.core.platform import Reason, Unavailable
from sidecar.service.killswitch.platform_authority import PlatformState
from sidecar.service.killswitch.roster import Roster
from sidecar.service.killswitch.signed_state import SignedState
from tests.fakes.bundle_source import FakeBundleSource
from tests.fakes.halting import BLIND_AFTER, FakeHalting
from tests.fakes.halts_book import HaltsBook
from tests.fakes.platform import FakePlatform
from tests.tools.signing import trust

EVERYONE = Scope(Kind.ORGANIZATION)


class Signed(FakeHalting):
    def __init__(self):
        self.book, self.place = HaltsBook(), FakeBundleSource()
        super().__init__(lambda self: SignedState(self.place, trust(), self.clock))
        self.publish()

    def publish(self):
        self.place.put(self.book.sign(self.clock.now()))

    def block(self):
        self.book.block(EVERYONE)
        self.publish()

    def unblock(self):
        self.book.unblock(EVERYONE)
        self.publish()

    def cut(self):
        self.place.failing = SourceUnavailable("cut")

    def garble(self):
        self.place.put(b"garbage")


class Api(FakeHalting):
    def __init__(self):
        self.platform = FakePlatform()
        super().__init__(
            lambda self: PlatformState(self.platform, self.roster(), self.switch, self.clock, 5.0)
        )

    def roster(self):
        return Roster(
            self.platform, self.switch, self.state, self.clock, poll=2, blind_after=BLIND_AFTER, timeout=5.0
        )

    def block(self):
        self.platform.book.block("breach")

    def unblock(self):
        self.platform.book.unblock()

    def cut(self):
        self.platform.failing = Unavailable(Reason.CUT)

    def garble(self):
        self.platform.book.answer = lambda *_: (200, ["garbage"])


@pytest.fixture(params=[Signed, Api])
async def house(request):
    one = request.param()
    yield one
    await one.source.close()


async def test_it_says_what_is_halted(house):
    house.block()
    reading = await house.source.read(Epoch())
    assert [order.scope for order in reading.state.halts] == [EVERYONE]


async def test_that_nobody_is_halted_is_said_of_the_whole_organization(house):
    state = (await house.source.read(Epoch())).state
    assert state.halts == ()
    assert state.covers is None or EVERYONE in state.covers
    assert state.is_whole


async def test_what_it_says_is_not_of_a_later_time_than_that_it_was_asked_at(house):
    began = house.clock.now()
    assert (await house.source.read(Epoch())).state.as_of <= began


async def test_a_halt_that_it_ended_is_released_by_its_next_word(house):
    house.block()
    await house.authority.read()
    house.unblock()
    house.clock.advance(1)
    await house.authority.read()
    assert not house.switch.halts.named


async def test_what_cannot_be_read_is_a_feed_error(house):
    house.cut()
    with pytest.raises(FeedError):
        await house.source.read(Epoch())


async def test_what_cannot_be_believed_is_a_kill_switch_error_for_as_long_as_it_is_there(house):
    house.garble()
    for _ in range(2):
        with pytest.raises(KillSwitchError):
            await house.source.read(Epoch())


async def test_it_has_a_name_for_people(house):
    assert house.source.name
