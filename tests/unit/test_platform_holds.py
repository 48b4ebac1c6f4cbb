"""What the platform holds is followed there: its people's word counts here once, and moves no deadline."""

import pytest

from sidecar.core.approval import Choice, Standing, VoteRefused
from sidecar.core.hearing import Heard, hear
from sidecar.core.model import Caller, Code, Verdict
from sidecar.core.platform import PlatformApproval, Reason, Scored, Unavailable
from sidecar.core.platform_hold import platform_hold
from sidecar.service.approvals import Approvals
from sidecar.service.platform_holds import PlatformHolds
from tests.fakes.house import House, asked
from tests.fakes.platform import FakePlatform
from tests.fakes.platform_book import Judged

ASK_ANN = "defaults: {approval: {stages: [{approvers: ['person:ann'], within: 15m}]}}\n"
SENT = "rules: [{id: r, effect: allow, score: platform, reason: fine}]\n"
LIMITED = ASK_ANN.replace("{approval", "{thresholds: {approve: 60}, approval")
HELD_TOO = (
    "rules:\n"
    "- {id: r, effect: allow, score: platform, reason: fine}\n"
    "- {id: h, effect: approve, reason: Bob must see it., approval: {stages: [{approvers: ['person:bob']}]}}\n"
)
DENIES = "rules: [{id: no, effect: deny, reason: not today}]\n"
PEOPLE = "ann: {uids: [9]}\nbob: {uids: [10]}\n"
DAY = 86_400


class Scene:
    """A house whose platform holds everything, and the round of the follower."""

    def __init__(self, rules: str, judged: Judged = Judged("pending", 20, "look at it")) -> None:
        self.house = House(rules, platform=True, people=PEOPLE)
        self.book = self.house.platform.book
        self.book.rule = lambda body: judged
        self.holds = PlatformHolds(self.house.platform, self.house.approvals, 1.0)

    async def submit(self, **parts):
        return await self.house.decider.decide(asked(action="file.read", **parts))

    async def read(self, answer):
        return (await self.house.outcomes.find(str(answer.receipt.seq), Caller())).answer.decision

    async def vote(self, answer, name: str, choice: Choice = Choice.APPROVE):
        person = self.house.state.snapshot.bundle.people.named(name)
        return await self.house.approvals.vote(answer.hold.id, person, choice, f"uid of {name}")

    def approval(self, answer):
        return self.house.approvals.book.get(answer.hold.id)

    def told(self, event: str) -> list[dict]:
        return [record for record in self.house.log.records if record.get("event") == event]


@pytest.fixture(params=[SENT + ASK_ANN, SENT], ids=["somebody is named here", "nobody is named here"])
def scene(request):
    return Scene(request.param)


async def test_a_grant_of_the_platforms_people_lets_the_waiting_caller_go_on_once(scene):
    answer = await scene.submit()
    assert (answer.decision.verdict, answer.decision.code) == (Verdict.PENDING, Code.PLATFORM_HOLD)
    await scene.holds.look()
    assert (await scene.read(answer)).verdict is Verdict.PENDING
    scene.book.resolve("ar-1", "approved", "olga", "fine by me")
    await scene.holds.look()
    decision = await scene.read(answer)
    assert (decision.verdict, decision.code) == (Verdict.ALLOW, Code.APPROVED)
    granted = scene.told("granted")[0]
    assert (granted["person"], granted["by"]) == ("platform:olga", "platform")
    await scene.submit()
    assert len(scene.book.actions) == 2  # the grant was used: the same request is an action of its own


async def test_a_deny_of_the_platforms_people_denies(scene):
    answer = await scene.submit()
    scene.book.resolve("ar-1", "rejected", "olga", "no")
    await scene.holds.look()
    decision = await scene.read(answer)
    assert decision.code is Code.APPROVAL_DENIED
    assert scene.told("denied")[0]["comment"] == "no"


async def test_an_escalation_there_is_seen_and_recorded_once(scene):
    answer = await scene.submit()
    scene.book.escalate("ar-1")
    await scene.holds.look()
    await scene.holds.look()
    assert scene.approval(answer).platform.is_escalated
    assert [record["by"] for record in scene.told("escalated")] == ["platform"]
    assert (await scene.read(answer)).verdict is Verdict.PENDING


async def test_a_stricter_policy_in_between_wins_over_the_grant(scene):
    answer = await scene.submit()
    scene.book.resolve("ar-1", "approved")
    await scene.holds.look()
    scene.house.use(DENIES)
    assert (await scene.read(answer)).code is Code.POLICY_DENIED


async def test_a_deny_there_after_the_grant_wins(scene):
    answer = await scene.submit()
    scene.book.resolve("ar-1", "approved")
    await scene.holds.look()
    scene.book.resolve("ar-1", "rejected")
    assert (await scene.read(answer)).code is Code.PLATFORM_DENIED


async def test_one_hold_is_one_action_there_and_one_grant_lets_one_through(scene):
    first, second = await scene.submit(), await scene.submit()
    assert len(scene.book.actions) == 1
    assert first.hold.id == second.hold.id
    scene.book.resolve("ar-1", "approved")
    third = await scene.submit()
    assert third.decision.verdict is Verdict.PENDING  # told by the approval alone, which knows nothing yet
    await scene.holds.look()
    verdicts = [(await scene.read(one)).verdict for one in (first, second, third)]
    assert verdicts == [Verdict.ALLOW, Verdict.DENY, Verdict.DENY]


async def test_a_grant_that_waits_is_used_by_the_next_submit(scene):
    await scene.submit()
    scene.book.resolve("ar-1", "approved")
    await scene.holds.look()
    assert (await scene.submit()).decision.code is Code.APPROVED
    assert len(scene.book.actions) == 1


async def test_silence_changes_nothing_and_the_time_runs_on(scene):
    answer = await scene.submit()
    before = scene.approval(answer)
    scene.house.platform.failing = Unavailable(Reason.REFUSED)
    await scene.holds.look()
    assert scene.approval(answer) == before
    scene.house.clock.advance(DAY)
    scene.house.platform.failing = None
    scene.book.resolve("ar-1", "approved")
    await scene.holds.look()  # too late
    assert (await scene.read(answer)).code is Code.APPROVAL_EXPIRED


async def test_what_cannot_be_recorded_does_not_count_and_is_heard_again(scene):
    answer = await scene.submit()
    scene.book.resolve("ar-1", "approved")
    scene.house.log.failing = True
    await scene.holds.look()
    assert scene.approval(answer).is_open
    scene.house.log.failing = False
    await scene.holds.look()
    assert scene.approval(answer).standing is Standing.GRANTED


async def test_it_is_followed_after_a_restart(scene):
    answer = await scene.submit()
    house = scene.house
    again = Approvals(house.store, house.log, house.clock, house.halting, 0.25)
    await again.start()
    scene.book.resolve("ar-1", "approved")
    await PlatformHolds(house.platform, again, 1.0).look()
    assert house.store.kept[answer.hold.id].standing is Standing.GRANTED


async def test_resolved_ones_are_not_asked_for_any_more(scene):
    await scene.submit()
    scene.book.resolve("ar-1", "rejected")
    await scene.holds.look()
    asked_so_far = len(scene.book.asked)
    await scene.holds.look()
    assert len(scene.book.asked) == asked_so_far


async def test_people_here_may_answer_as_well_and_their_time_is_the_one_that_counts():
    scene = Scene(SENT + ASK_ANN)
    answer = await scene.submit()
    assert answer.hold.expires_at == scene.house.clock.now() + 900
    await scene.vote(answer, "ann")
    assert (await scene.read(answer)).code is Code.APPROVED


async def test_nobody_here_may_answer_where_policy_names_nobody_and_a_day_is_the_longest():
    scene = Scene(SENT)
    answer = await scene.submit()
    assert answer.hold.expires_at == scene.house.clock.now() + DAY
    with pytest.raises(VoteRefused, match="the platform's own people"):
        await scene.vote(answer, "ann")


async def test_a_grant_there_meets_the_platforms_hold_and_no_other():
    scene = Scene(SENT + LIMITED, Judged("pending", 70))
    answer = await scene.submit()
    assert scene.approval(answer).holds == ("platform", "risk")
    scene.book.resolve("ar-1", "approved")
    await scene.holds.look()
    assert scene.approval(answer).is_open
    await scene.vote(answer, "ann")
    assert (await scene.read(answer)).code is Code.APPROVED


async def test_stages_for_the_platforms_hold_are_not_asked_once_it_is_met():
    scene = Scene(HELD_TOO + ASK_ANN)
    answer = await scene.submit()
    assert len(scene.approval(answer).stages) == 2
    scene.book.resolve("ar-1", "approved")
    await scene.holds.look()
    await scene.vote(answer, "bob")
    assert (await scene.read(answer)).code is Code.APPROVED


async def test_where_nobody_here_may_answer_it_the_platform_is_waited_for_after_the_last_stage():
    scene = Scene(HELD_TOO)
    answer = await scene.submit()
    await scene.vote(answer, "bob")
    assert scene.approval(answer).is_open
    assert (await scene.read(answer)).verdict is Verdict.PENDING
    scene.book.resolve("ar-1", "approved")
    await scene.holds.look()
    assert (await scene.read(answer)).code is Code.APPROVED


@pytest.mark.parametrize("mode", ["local", "open"])
async def test_its_silence_lifts_no_hold_that_it_made_whatever_the_mode(mode):
    scene = Scene(SENT.replace("score", f"on_platform_unavailable: {mode}, score") + ASK_ANN)
    await scene.submit()
    scene.house.platform.failing = Unavailable(Reason.REFUSED)
    assert (await scene.submit()).decision.code is Code.PLATFORM_HOLD
    assert (await scene.submit(resource_id="another")).decision.verdict is Verdict.ALLOW


async def test_a_round_is_bounded_and_all_have_their_turn():
    scene = Scene(SENT)
    for index in range(130):
        await scene.submit(resource_id=f"r-{index}")
    scene.book.asked.clear()
    await scene.holds.look()
    assert len(scene.book.asked) == 128
    await scene.holds.look()
    assert len({path for _, path, _ in scene.book.asked}) == 130


async def test_a_platform_that_does_not_answer_ends_the_round():
    scene = Scene(SENT)
    for index in range(20):
        await scene.submit(resource_id=f"r-{index}")
    scene.house.platform.failing = Unavailable(Reason.CIRCUIT_OPEN)
    scene.house.platform.calls = 0
    await scene.holds.look()
    assert scene.house.platform.calls == 8


async def test_a_grant_that_is_used_while_the_platform_is_asked_is_of_no_use_to_another(scene):
    first = await scene.submit()
    scene.book.resolve("ar-1", "approved")
    await scene.holds.look()
    scene.house.platform.meanwhile = lambda: scene.read(first)
    second = await scene.submit()
    assert (await scene.read(first)).verdict is Verdict.ALLOW
    assert second.decision.verdict is Verdict.PENDING
    assert scene.approval(second).platform.action == "2"


@pytest.mark.parametrize(("expires_in", "until"), [(60.0, 60.0), (9 * DAY, DAY), (None, DAY)])
async def test_the_platforms_deadline_counts_up_to_a_day(expires_in, until):
    scene = Scene(SENT)
    decision = (await scene.submit()).decision
    expires_at = None if expires_in is None else decision.now + expires_in
    hold = platform_hold(decision, Scored(Verdict.PENDING, action_id="1", expires_at=expires_at))
    assert hold.until == decision.now + until


async def test_what_is_heard_at_the_deadline_is_too_late(scene):
    approval = scene.approval(await scene.submit())
    said = Heard(Verdict.ALLOW)
    assert hear(approval, said, approval.due) is approval
    assert hear(approval, said, approval.due - 1).standing is Standing.GRANTED


class TwoFaced(FakePlatform):
    """Grants the action, and rejects its approval."""

    async def approval(self, approval_request_id, within):
        return PlatformApproval(Verdict.DENY, "olga", "never")


async def test_of_two_words_that_differ_the_stricter_counts(scene):
    answer = await scene.submit()
    scene.book.resolve("ar-1", "approved")
    await PlatformHolds(TwoFaced(scene.book), scene.house.approvals, 1.0).look()
    assert (await scene.read(answer)).code is Code.APPROVAL_DENIED
