"""An approval: who may answer when, how many must, and what time does to it."""

import msgspec
import pytest

from sidecar.core.approval import (
    USABLE_FOR,
    Approval,
    Choice,
    Standing,
    VoteRefused,
    advance,
    cast,
    holds_of,
    used,
)
from sidecar.core.judge import judge
from sidecar.core.model import Caller
from sidecar.core.people import Approver
from tests.tools.approving import NOW, approval, approver, stage
from tests.tools.bundles import request, snapshot

ANN, BOB, CEO = approver("ann", "ops", uids=(1,)), approver("bob", "ops", uids=(2,)), approver("ceo", "board")
TOKEN = "ab" * 32


def say(
    to: Approval, *who: Approver, choice: Choice = Choice.APPROVE, at: float = NOW, by: str = ""
) -> Approval:
    """All of them, each known by a uid of their own unless `by` says otherwise."""
    for one in who:
        to = cast(to, one, choice, at, by or f"uid of {one.name}")
    return to


def refusal(to: Approval, who: Approver, **how) -> str:
    with pytest.raises(VoteRefused) as caught:
        say(to, who, **how)
    return str(caught.value)


def test_one_who_is_asked_grants_it():
    granted = say(approval(), ANN, at=NOW + 5)
    assert (granted.standing, granted.resolved_at) == (Standing.GRANTED, NOW + 5)
    assert not granted.is_open


def test_a_vote_tells_who_what_when_and_how_they_were_known():
    (vote,) = cast(approval(), ANN, Choice.APPROVE, NOW + 5, "uid:1", "fine").votes
    assert msgspec.structs.astuple(vote) == ("ann", Choice.APPROVE, 0, NOW + 5, "uid:1", "fine")


def test_a_person_may_be_asked_by_name():
    named = msgspec.structs.replace(stage(), approvers=("person:ceo",))
    assert say(approval(named), CEO).standing is Standing.GRANTED
    assert "not among those who are asked: person:ceo" in refusal(approval(named), approver("x", "ceo"))


def test_who_is_not_asked_can_neither_approve_nor_deny():
    for choice in Choice:
        assert "ceo is not among those who are asked: group:ops" in refusal(approval(), CEO, choice=choice)


def test_quorum_counts_persons():
    two = approval(stage("ops", quorum=2))
    once = say(two, ANN)
    assert once.is_open
    assert "ann has approved this stage already" in refusal(once, ANN)
    assert say(once, BOB).standing is Standing.GRANTED


def test_a_person_with_two_uids_is_one():
    once = say(approval(stage("ops", quorum=2)), ANN, by="uid:1")
    refusal(once, ANN, by="uid:11")


def test_who_is_renamed_meanwhile_is_still_the_one_behind_that_uid():
    once = say(approval(stage("ops", quorum=2)), ANN, by="uid:1")
    refusal(once, approver("anna", "ops", uids=(1,)), by="uid:1")


@pytest.mark.parametrize(
    ("caller", "subject"),
    [
        (Caller(uid=1), "agent:a"),
        (Caller(token_id="ann"), "agent:a"),
        (Caller(), "user:ann"),
        (Caller(uid=1000), "agent:ann"),
    ],
    ids=["uid", "token", "subject", "subject of any type"],
)
def test_who_asks_never_counts_however_they_are_known(caller, subject):
    asked = approval(caller=caller, subject=subject)
    for choice in Choice:
        assert "who asks for an action cannot approve it" in refusal(asked, ANN, choice=choice, by="key:k")
    assert say(asked, BOB).standing is Standing.GRANTED


def test_each_uid_of_a_person_is_theirs_when_they_ask():
    refusal(approval(caller=Caller(uid=11)), approver("ann", "ops", uids=(1, 11)), by="uid:1")


def test_a_caller_without_a_uid_is_nobody_with_uids():
    assert say(approval(caller=Caller(token_id=TOKEN)), ANN).standing is Standing.GRANTED


@pytest.mark.parametrize("before", [(), (ANN,)], ids=["at once", "after an approval"])
def test_one_deny_ends_it(before):
    denied = say(say(approval(stage("ops", quorum=3)), *before), BOB, choice=Choice.DENY, at=NOW + 9)
    assert (denied.standing, denied.resolved_at) == (Standing.DENIED, NOW + 9)
    assert "not open any more" in refusal(denied, CEO)


def test_who_approved_may_still_deny():
    assert (
        say(say(approval(stage("ops", quorum=2)), ANN), ANN, choice=Choice.DENY).standing is Standing.DENIED
    )


def test_stages_come_in_order_each_with_its_own_people_and_time():
    first = approval(stage("ops"), stage("board", within=60.0))
    refusal(first, CEO)
    second = say(first, ANN, at=NOW + 500)
    assert (second.stage, second.since, second.due, second.is_open) == (1, NOW + 500, NOW + 560, True)
    refusal(second, BOB, at=NOW + 500)
    assert say(second, CEO, at=NOW + 559).standing is Standing.GRANTED


def test_an_approval_of_one_stage_is_none_of_the_next():
    both = approver("eve", "ops", "board")
    second = say(approval(stage("ops"), stage("ops", "board", quorum=2)), both)
    assert second.is_open
    assert say(second, ANN).is_open
    assert say(second, ANN, both).standing is Standing.GRANTED


def test_the_end_of_its_time_is_a_deny():
    last = NOW + 600
    assert advance(approval(), last - 0.001) == approval()
    expired = advance(approval(), last + 999)
    assert (expired.standing, expired.resolved_at) == (Standing.EXPIRED, last)


def test_what_is_of_a_time_still_to_come_has_ended():
    """Its clock was wrong, and was set back since: its ten minutes would be years."""
    assert advance(approval(), NOW - 1).standing is Standing.EXPIRED
    granted = say(approval(), ANN, at=NOW + 10)
    assert granted.is_usable(NOW + 10)
    assert not granted.is_usable(NOW + 9)


def test_a_vote_at_the_end_of_its_time_is_too_late():
    assert say(approval(), ANN, at=NOW + 599.9).standing is Standing.GRANTED
    for choice in Choice:
        assert "not open any more" in refusal(approval(), ANN, choice=choice, at=NOW + 600)


ESCALATING = stage("ops", quorum=2, escalate=("board",))


def test_a_stage_escalates_once_for_the_same_time():
    once = advance(say(approval(ESCALATING), ANN), NOW + 600)
    assert (once.escalated, once.since, once.due) == (True, NOW + 600, NOW + 1200)
    assert once.approvers == ("group:ops", "group:board")
    assert say(once, CEO, at=NOW + 601).standing is Standing.GRANTED
    expired = advance(once, NOW + 1200)
    assert (expired.standing, expired.resolved_at) == (Standing.EXPIRED, NOW + 1200)


def test_before_it_escalates_only_the_first_are_asked():
    assert approval(ESCALATING).approvers == ("group:ops",)
    refusal(approval(ESCALATING), CEO)


def test_who_approved_before_it_escalated_does_not_count_again():
    once = advance(say(approval(ESCALATING), ANN), NOW + 600)
    refusal(once, ANN, at=NOW + 601)


def test_a_long_sleep_escalates_and_expires_at_the_times_that_it_slept_through():
    expired = advance(approval(ESCALATING), NOW + 9999)
    assert (expired.standing, expired.escalated, expired.resolved_at) == (Standing.EXPIRED, True, NOW + 1200)


def test_the_next_stage_is_not_escalated_because_the_last_one_was():
    stages = (stage("ops", escalate=("board",)), stage("ops", escalate=("board",)))
    second = say(advance(approval(*stages), NOW + 600), CEO, at=NOW + 700)
    assert (second.stage, second.escalated, second.due) == (1, False, NOW + 1300)
    refusal(second, CEO, at=NOW + 701)
    assert advance(second, NOW + 1300).escalated


def test_its_end_is_told_with_the_escalation_that_may_come():
    open_one = approval(ESCALATING)
    assert (open_one.due, open_one.ends_at) == (NOW + 600, NOW + 1200)
    assert advance(open_one, NOW + 600).ends_at == NOW + 1200
    assert approval().ends_at == approval().due == NOW + 600


def test_a_grant_is_usable_once_and_for_ten_minutes():
    granted = say(approval(), ANN, at=NOW + 5)
    assert granted.is_usable(NOW + 5)
    assert granted.is_usable(NOW + 5 + USABLE_FOR - 0.1)
    assert not granted.is_usable(NOW + 5 + USABLE_FOR)
    spent = used(granted, NOW + 6, 7, 9)
    assert not spent.is_usable(NOW + 6)
    assert (spent.used_at, spent.used_by, spent.outcome) == (NOW + 6, 7, 9)


def test_what_is_not_granted_is_not_usable():
    denied = say(approval(), ANN, choice=Choice.DENY)
    for one in (approval(), denied, advance(approval(), NOW + 600)):
        assert not one.is_usable(NOW + 600)


def test_what_was_granted_before_counts_with_what_is_granted_now():
    assert approval(met=("risk",)).granted == {"risk", "rule:r"}


def test_it_is_read_back_as_it_was_written():
    kept = say(advance(approval(ESCALATING), NOW + 600), ANN, at=NOW + 601)
    assert msgspec.json.decode(msgspec.json.encode(kept), type=Approval) == kept


HOLDING = """
rules:
  - {id: a, effect: approve, reason: x}
  - {id: b, effect: approve, reason: x, match: {actions: [read]}}
  - {id: c, effect: allow, reason: x}
defaults: {thresholds: {approve: 0}, approval: {stages: [{approvers: ["group:ops"]}]}}
"""
CALM = HOLDING.replace("thresholds: {approve: 0}, ", "")
ALLOWING = HOLDING.replace("effect: approve", "effect: allow")


@pytest.mark.parametrize(
    ("rules", "holds"),
    [
        (HOLDING, ("rule:a", "rule:b", "risk")),
        (CALM, ("rule:a", "rule:b")),
        (ALLOWING, ("risk",)),
    ],
    ids=["rules and risk", "rules", "risk"],
)
def test_holds_are_the_rules_and_controls_that_held(rules, holds):
    assert holds_of(judge(snapshot(rules), request(), Caller(), NOW)) == holds
