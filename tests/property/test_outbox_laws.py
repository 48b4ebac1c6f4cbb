"""Whatever happens to items that are owed, none is lost, and those of one agent never overtake each other."""

from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.owed import Kind, Owed
from sidecar.service.outbox_book import OutboxBook

_DELAY = 3.0


class Worked:
    """A book that is worked on; `stepped` are those that were let behind on purpose."""

    def __init__(self):
        self.book = OutboxBook(1 << 20)
        self.now = 0.0
        self.at_work = []
        self.entered, self.done, self.stepped = [], [], set()

    def owe(self, agent, which):
        item = Owed(Kind.COMPLETION, f"agent:{agent}", "asc_1", 1.0, "/api/x", {})
        (slip, _), *_ = self.book.plan([item]).entered
        self.book.enter(slip)
        self.entered.append(slip.number)

    def take(self, agent, which):
        slip = self.book.take(self.now)
        if slip is not None:
            assert slip not in [one for one, _ in self.at_work]
            self.at_work.append((slip, self.book.lane_of(slip.number)))

    def deliver(self, agent, which):
        if self.at_work:
            slip, lane = self.at_work.pop(which % len(self.at_work))
            assert self.book.strike(slip.number)
            self.done.append(slip)
            self.book.give_back(lane)

    def fail(self, agent, which):
        if self.at_work:
            _, lane = self.at_work.pop(which % len(self.at_work))
            self.book.give_back(lane, self.now + _DELAY)

    def step_over(self, agent, which):
        if self.at_work:
            slip, lane = self.at_work.pop(which % len(self.at_work))
            is_alone = self.book.step_over(slip.number, self.now + _DELAY)
            self.stepped.add(slip.number)
            self.book.give_back(lane, 0.0 if is_alone else self.now + _DELAY)

    def deliver_the_rest(self):
        self.now += 1000.0
        while self.at_work or len(self.book):
            self.deliver("", 0)
            self.take("", 0)


_steps = st.lists(
    st.tuples(
        st.sampled_from(["owe", "take", "deliver", "fail", "step_over"]),
        st.sampled_from("abc"),
        st.integers(0, 9),
    ),
    max_size=80,
)


@given(_steps)
def test_nothing_is_lost_and_an_agents_items_never_overtake(steps):
    worked = Worked()
    for step, agent, which in steps:
        worked.now += 1.0
        getattr(worked, step)(agent, which)
    worked.deliver_the_rest()
    assert sorted(slip.number for slip in worked.done) == worked.entered
    assert worked.book.bytes == 0
    for agent in {slip.agent for slip in worked.done}:
        kept = [slip.number for slip in worked.done if slip.agent == agent]
        in_turn = [number for number in kept if number not in worked.stepped]
        assert in_turn == sorted(in_turn)
