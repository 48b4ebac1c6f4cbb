"""Laws of approvals: whatever people say, in whatever order and however late, only a quorum in time grants.

The machine votes and lets time pass at random; after each step it compares the approval with what it wrote down
itself: who said what when, by the words of the rules and not by the code.
"""

from dataclasses import dataclass, field
from typing import Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sidecar.core.approval import USABLE_FOR, Approval, Choice, Standing, VoteRefused, advance, cast, used
from sidecar.core.model import Caller, Stage
from sidecar.core.people import Approver, People, Person
from tests.tools.approving import NOW, approval

GROUPS: Final = ("group:a", "group:b", "person:p0")
# Of each two uids; p3 is in no group, and called as a subject and a token may be.
PERSONS: Final = {
    "p0": Person(uids=(10, 20), groups=("a",)),
    "p1": Person(uids=(11, 21), groups=("a",)),
    "p2": Person(uids=(12, 22), groups=("a", "b")),
    "p3": Person(uids=(13, 23)),
    "p4": Person(uids=(14, 24), groups=("b",)),
}
PEOPLE: Final = People(PERSONS)
asked = st.lists(st.sampled_from(GROUPS), min_size=1, max_size=2, unique=True).map(tuple)
stages = st.lists(
    st.builds(
        Stage,
        approvers=asked,
        quorum=st.integers(1, 3),
        within=st.sampled_from([10.0, 30.0]),
        escalate=st.just(()) | asked,
    ),
    min_size=1,
    max_size=3,
)
uids = st.sampled_from([10, 21, 13, 99])
callers = st.builds(Caller, uid=st.none() | uids, token_id=st.sampled_from([None, "p1", "ab" * 32]))
subjects = st.sampled_from(["agent:x", "user:p2", "agent:p4"])
waits = st.sampled_from([0.0, 1.0, 9.0, 10.0, 11.0, 29.0, 30.0, 45.0, 100.0])
peers = st.sampled_from([uid for person in PERSONS.values() for uid in person.uids])


@dataclass
class Diary:
    """What happened, as somebody would note it who knows the rules of approvals by heart."""

    stages: tuple[Stage, ...]
    requester: frozenset[str]
    stage: int = 0
    began: float = NOW
    escalated: bool = False
    said: set[str] = field(default_factory=set)
    standing: Standing = Standing.OPEN
    resolved_at: float = 0.0

    @property
    def now_asked(self) -> Stage:
        return self.stages[self.stage]

    def let_pass(self, now: float) -> None:
        while self.standing is Standing.OPEN and now >= self.began + self.now_asked.within:
            self.began += self.now_asked.within
            if self.escalated or not self.now_asked.escalate:
                self.standing, self.resolved_at = Standing.EXPIRED, self.began
            self.escalated = True

    def may(self, name: str, choice: Choice) -> bool:
        asked = set(self.now_asked.approvers) | set(self.now_asked.escalate if self.escalated else ())
        person = PERSONS[name]
        is_asked = f"person:{name}" in asked or any(f"group:{group}" in asked for group in person.groups)
        is_new = choice is Choice.DENY or name not in self.said
        return self.standing is Standing.OPEN and is_asked and is_new and name not in self.requester

    def note(self, name: str, choice: Choice, now: float) -> None:
        if choice is Choice.DENY:
            self.standing, self.resolved_at = Standing.DENIED, now
            return
        self.said.add(name)
        if len(self.said) == self.now_asked.quorum:
            if self.stage + 1 == len(self.stages):
                self.standing, self.resolved_at = Standing.GRANTED, now
            else:
                self.stage, self.began, self.escalated, self.said = self.stage + 1, now, False, set()


def requesters(caller: Caller, subject: str) -> frozenset[str]:
    """The persons who ask, by any of the three ways in which a request tells who that is."""
    names = {name for name, person in PERSONS.items() if caller.uid in person.uids}
    return frozenset(names | {caller.token_id or "", subject.partition(":")[2]})


class Answering(RuleBasedStateMachine):
    """Any number of votes of anybody, and any time between them."""

    @initialize(stages=stages, caller=callers, subject=subjects)
    def open(self, stages: list[Stage], caller: Caller, subject: str) -> None:
        self.now = NOW
        self.approval = approval(*stages, caller=caller, subject=subject)
        self.diary = Diary(tuple(stages), requesters(caller, subject))
        self.resolved: Approval | None = None

    @rule(seconds=waits)
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.diary.let_pass(self.now)
        self.approval = advance(self.approval, self.now)

    @rule(seconds=waits, uid=peers, choice=st.sampled_from([Choice.APPROVE] * 6 + [Choice.DENY]))
    def answer(self, seconds: float, uid: int, choice: Choice) -> None:
        """By one who comes when it suits them, before anybody looked at what time it is."""
        self.now += seconds
        self.diary.let_pass(self.now)
        who = PEOPLE.behind(uid)
        assert who is not None
        may = self.diary.may(who.name, choice)
        try:
            self.approval = cast(advance(self.approval, self.now), who, choice, self.now, f"uid:{uid}")
        except VoteRefused:
            assert not may
            self.approval = advance(self.approval, self.now)
            return
        assert may
        self.diary.note(who.name, choice, self.now)

    @rule(seconds=waits, uid=peers)
    def answer_too_late(self, seconds: float, uid: int) -> None:
        """A vote after the end of the open stage counts for nothing, though nobody let that time pass."""
        who = PEOPLE.behind(uid)
        assert who is not None
        with pytest.raises(VoteRefused):
            cast(self.approval, who, Choice.APPROVE, max(self.now, self.approval.due) + seconds, f"uid:{uid}")

    @precondition(lambda self: not self.approval.is_open and not self.approval.used_at)
    @rule(seconds=waits)
    def use(self, seconds: float) -> None:
        self.now += seconds
        in_time = self.diary.standing is Standing.GRANTED and self.now < self.diary.resolved_at + USABLE_FOR
        assert self.approval.is_usable(self.now) == in_time
        if in_time:
            spent = used(self.approval, self.now, 7, 8)
            assert not any(spent.is_usable(self.now + later) for later in (0.0, 1.0, USABLE_FOR))
            self.approval = self.resolved = spent

    @invariant()
    def stands_where_the_diary_says(self) -> None:
        now, diary = self.approval, self.diary
        assert (now.standing, now.resolved_at) == (diary.standing, diary.resolved_at)
        assert (now.stage, now.since) == (diary.stage, diary.began) or not now.is_open
        assert now.escalated == diary.escalated or not now.is_open

    @invariant()
    def a_resolved_one_never_changes_again(self) -> None:
        if self.approval.is_open:
            return
        self.resolved = self.resolved or self.approval
        assert self.approval == self.resolved
        assert advance(self.approval, self.now + 1e6) == self.approval

    @invariant()
    def every_granted_stage_had_its_quorum_of_persons_in_its_time(self) -> None:
        passed = self.approval.stage + (self.approval.standing is Standing.GRANTED)
        for index, stage in enumerate(self.approval.stages[:passed]):
            votes = [vote for vote in self.approval.votes if vote.stage == index]
            persons = {vote.person for vote in votes if vote.choice is Choice.APPROVE}
            assert len(persons) == stage.quorum
            assert not persons & self.diary.requester
            longest = stage.within * (2 if stage.escalate else 1)
            began = max((vote.at for vote in self.approval.votes if vote.stage == index - 1), default=NOW)
            assert all(began <= vote.at < began + longest for vote in votes)

    @invariant()
    def its_times_come_true(self) -> None:
        now = self.approval
        if now.is_open:
            assert self.now < now.due <= now.ends_at
            assert advance(now, now.due - 0.001) == now
            at_due, at_end = advance(now, now.due), advance(now, now.ends_at)
            assert at_due != now
            assert (at_end.standing, at_end.resolved_at) == (Standing.EXPIRED, now.ends_at)
            assert advance(now, now.ends_at - 0.001).is_open

    @invariant()
    def it_is_read_back_as_it_was_written(self) -> None:
        assert msgspec.json.decode(msgspec.json.encode(self.approval), type=Approval) == self.approval


TestAnswering = Answering.TestCase
TestAnswering.settings = settings(max_examples=300, stateful_step_count=25, deadline=None)


@given(stages=stages, times=st.lists(st.floats(0, 200), min_size=1, max_size=5).map(sorted))
def test_how_often_time_is_looked_at_changes_nothing(stages, times):
    step_by_step = at_once = approval(*stages)
    for time in times:
        step_by_step = advance(step_by_step, NOW + time)
    assert step_by_step == advance(at_once, NOW + times[-1])


@given(names=st.permutations(["p0", "p1", "p2"]), quorum=st.integers(1, 3), again=st.integers(0, 3))
def test_in_whatever_order_it_takes_as_many_persons_as_the_quorum(names, quorum, again):
    one = approval(Stage(("group:a",), quorum))
    for count, name in enumerate(names[:quorum], 1):
        assert one.is_open
        who = Approver(name, PERSONS[name])
        one = cast(one, who, Choice.APPROVE, NOW + count, f"uid:{name}")
        for _ in range(again):
            with pytest.raises(VoteRefused):
                cast(one, who, Choice.APPROVE, NOW + count, f"key:{name}")
    assert one.standing is Standing.GRANTED
