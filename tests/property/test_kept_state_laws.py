"""Laws of the state document that is kept by hand: whatever a host missed, the newest version tells it all."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.core.killswitch import Command, Kind, Order, scope
from sidecar.core.killswitch.book import Book, Epoch, fold, reconcile
from sidecar.core.killswitch.document import read_document
from sidecar.core.killswitch.held import Held, newest_seq, read_held, sign_held, with_halt, without_halt
from tests.tools.signing import KEY, trust

BEGAN = 1_767_225_600.0
STEP = 10.0
AGENTS = [scope(Kind.AGENT, name) for name in ("a", "b", "c")]
TRUST = trust()
# Which agent, whether it is released, whether the host reads this version, and how late the message comes, if at all.
STEPS = st.lists(
    st.tuples(st.sampled_from(AGENTS), st.booleans(), st.booleans(), st.sampled_from([None, 0, 1, 3])),
    max_size=12,
)


class Kept:
    """The document, the host that looks at it, and the messages that are under way to it."""

    def __init__(self):
        self.held = Held("default")
        self.now = BEGAN
        self.raw = self.sign()
        self.book, self.epoch = Book(), Epoch()
        self.underway = []

    def sign(self):
        raw = sign_held(self.held, self.now, 1e6, [KEY], TRUST)
        self.held = read_held(raw, TRUST)
        return raw

    def order(self, command, agent):
        """As `publish --state` gives it: the document first."""
        newest = newest_seq(self.held, agent)
        seq = 1 if newest is None else newest + 1
        made = Order(command, agent, f"{agent}-{seq}-{command}", seq=seq, issued_at=self.now)
        if command is Command.BLOCK:
            self.held = with_halt(self.held, made)
        else:
            self.held = without_halt(self.held, agent, seq)
        self.raw = self.sign()
        return made

    def look(self):
        document = read_document(self.raw, TRUST, self.epoch, self.now, self.now)
        self.book, _ = reconcile(self.book, document.state)
        self.epoch = document.epoch

    def deliver(self, step):
        for due, order in self.underway:
            if due == step:
                received = msgspec.structs.replace(order, received_at=self.now)
                self.book, _ = fold(self.book, received)

    def halted(self):
        return {halt.scope for halt in self.book.halts()}


@given(STEPS)
@settings(max_examples=60)
def test_a_host_that_missed_any_versions_and_any_messages_stands_as_the_newest_says(steps):
    kept, intended = Kept(), set()
    for number, (agent, is_release, looks, late) in enumerate(steps):
        kept.now += STEP
        order = kept.order(Command.UNBLOCK if is_release else Command.BLOCK, agent)
        intended = intended - {agent} if is_release else intended | {agent}
        if late is not None:
            kept.underway.append((number + late, order))
        kept.deliver(number)
        if looks:
            kept.look()
            assert kept.halted() == intended
    for number in range(len(steps), len(steps) + 3):
        kept.deliver(number)
    kept.now += STEP
    kept.raw = kept.sign()
    kept.look()
    assert kept.halted() == intended
    assert {halt.scope for halt in kept.held.halts} == intended
