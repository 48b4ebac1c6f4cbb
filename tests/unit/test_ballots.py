"""Ballots: what people see of what waits, who they are, and how they learn of what is new."""

import asyncio

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sidecar.core.approval import Choice, Standing, VoteRefused
from sidecar.core.model import Caller
from sidecar.core.statement import Statement, StatementRefused, make_statement
from sidecar.core.trust import PrivateKey
from sidecar.service.approvals import Approvals
from sidecar.service.ballots import Ballots, Nobody, UnknownApproval
from tests.fakes.house import House, asked

KEY = PrivateKey(Ed25519PrivateKey.generate())
PEOPLE = f"""
ann: {{uids: [1001], groups: [treasury]}}
bob: {{uids: [1002], groups: [treasury], key: "{KEY.public.text}"}}
cleo: {{uids: [1003], groups: [board]}}
agent-user: {{uids: [500], groups: [treasury]}}
"""
HOLD = """rules:
  - id: big
    match: {actions: [pay]}
    effect: approve
    reason: Two people from treasury.
    approval: {stages: [{approvers: ["group:treasury"], quorum: 2, within: 15m, escalate: ["group:board"]}]}
"""


@pytest.fixture
def house():
    return House(HOLD, people=PEOPLE)


async def held(house: House, **properties) -> str:
    return (await house.decider.decide(asked(Caller(uid=500), action="pay", **properties))).hold.id


async def page(house: House, only_open: bool = True):
    return house.ballots.page(100, only_open=only_open)


async def news(house: House, since: int, limit: int = 100, wait: float = 0.0):
    return await house.ballots.news(since, limit, wait, only_open=False)


def statement(house: House, approval_id: str, choice: Choice = Choice.APPROVE, person: str = "bob"):
    digest = house.approvals.book.get(approval_id).digest
    return make_statement(Statement(approval_id, digest, choice, person, int(house.clock.now())), KEY)


async def test_it_shows_what_one_needs_in_order_to_decide(house):
    ballot = await house.ballots.show(await held(house, amount=5, api_key="sk-123456789"))
    assert ballot.request.action.properties["amount"] == 5
    assert ballot.request.action.properties["api_key"].startswith("masked:hmac:")
    assert ballot.answerable_by == ("ann", "bob")
    assert ballot.risk.score == ballot.risk.score > 0


async def test_who_has_approved_or_asks_may_not_answer_and_later_others_may(house):
    approval_id = await held(house)
    await house.ballots.vote_by_uid(approval_id, 1001, Choice.APPROVE, "")
    assert (await house.ballots.show(approval_id)).answerable_by == ("bob",)
    house.clock.advance(900)
    await house.approvals.let_time_pass()
    assert (await house.ballots.show(approval_id)).answerable_by == ("bob", "cleo")
    await house.ballots.vote_by_uid(approval_id, 1003, Choice.DENY, "no")
    assert (await house.ballots.show(approval_id)).answerable_by == ()


@pytest.mark.parametrize("uid", [0, 900, 1009, None])
async def test_a_uid_that_the_bundle_does_not_name_is_nobody(house, uid):
    approval_id = await held(house)
    with pytest.raises(Nobody, match="is no person of"):
        await house.ballots.vote_by_uid(approval_id, uid, Choice.APPROVE, "")


async def test_the_uid_that_asks_cannot_approve_unless_that_is_configured(house):
    approval_id = await held(house)
    with pytest.raises(VoteRefused, match="who asks"):
        await house.ballots.vote_by_uid(approval_id, 500, Choice.APPROVE, "")
    lenient = Approvals(house.store, house.log, house.clock, house.halting, 0.25, same_uid=True)
    await lenient.start()
    ballots = Ballots(lenient, house.state, house.log, house.clock)
    assert "agent-user" in (await ballots.show(approval_id)).answerable_by
    await ballots.vote_by_uid(approval_id, 500, Choice.APPROVE, "")
    assert lenient.book.get(approval_id).agreed == ("agent-user",)


async def test_a_uid_and_a_statement_of_two_people_grant_it(house):
    approval_id = await held(house)
    await house.ballots.vote_by_uid(approval_id, 1001, Choice.APPROVE, "seen")
    await house.ballots.vote_by_statement(approval_id, statement(house, approval_id), Choice.APPROVE, "")
    votes = house.approvals.book.get(approval_id).votes
    assert [(vote.person, vote.by) for vote in votes] == [
        ("ann", "uid:1001"),
        ("bob", f"key:{KEY.public.id}"),
    ]
    assert house.approvals.book.get(approval_id).standing is Standing.GRANTED
    assert [record.get("by") for record in house.log.records[-2:]] == ["uid:1001", f"key:{KEY.public.id}"]


async def test_a_statement_sent_again_is_the_same_person_and_counts_once(house):
    approval_id = await held(house)
    said = statement(house, approval_id)
    await house.ballots.vote_by_statement(approval_id, said, Choice.APPROVE, "")
    for _ in range(2):
        with pytest.raises(VoteRefused, match="already"):
            await house.ballots.vote_by_statement(approval_id, said, Choice.APPROVE, "")
    with pytest.raises(VoteRefused, match="already"):
        await house.ballots.vote_by_uid(approval_id, 1002, Choice.APPROVE, "")
    assert house.approvals.book.get(approval_id).agreed == ("bob",)


async def test_a_statement_for_one_approval_is_none_for_another(house):
    one, other = await held(house, amount=1), await held(house, amount=2)
    with pytest.raises(StatementRefused, match="another approval"):
        await house.ballots.vote_by_statement(other, statement(house, one), Choice.APPROVE, "")


async def test_an_old_statement_is_none(house):
    approval_id = await held(house)
    said = statement(house, approval_id)
    house.clock.advance(301)
    with pytest.raises(StatementRefused, match="sign again"):
        await house.ballots.vote_by_statement(approval_id, said, Choice.APPROVE, "")


async def test_what_is_not_there_is_unknown(house):
    with pytest.raises(UnknownApproval):
        await house.ballots.show("apr_0")
    with pytest.raises(UnknownApproval):
        await house.ballots.vote_by_uid("apr_0", 1001, Choice.DENY, "")


async def test_one_whose_record_is_not_on_disk_yet_is_not_there(house):
    house.log.stuck = True
    asking = asyncio.ensure_future(held(house))
    await asyncio.sleep(0)
    (draft,) = house.approvals.book._by_id
    assert (await page(house)).ballots == []
    with pytest.raises(UnknownApproval):
        await house.ballots.vote_by_uid(draft, 1001, Choice.APPROVE, "")
    house.log.release()
    assert await asking == draft
    assert [ballot.approval.id for ballot in (await page(house)).ballots] == [draft]


async def test_a_list_has_the_open_ones_by_age_and_all_if_asked(house):
    first, second = await held(house, amount=1), await held(house, amount=2)
    await house.ballots.vote_by_uid(first, 1001, Choice.DENY, "")
    assert [ballot.approval.id for ballot in (await page(house)).ballots] == [second]
    assert [ballot.approval.id for ballot in (await page(house, only_open=False)).ballots] == [second, first]


async def test_a_page_says_how_many_more_there_are(house):
    for amount in range(5):
        await held(house, amount=amount)
    told = house.ballots.page(2, only_open=True)
    assert (len(told.ballots), told.more) == (2, 3)


async def test_news_are_what_changed_since_by_the_order_of_changes(house):
    first, second = await held(house, amount=1), await held(house, amount=2)
    since = (await page(house)).changes
    assert (await news(house, since)).ballots == []
    await house.ballots.vote_by_uid(second, 1001, Choice.APPROVE, "")
    await house.ballots.vote_by_uid(first, 1001, Choice.DENY, "")
    told = await news(house, since)
    assert [ballot.approval.id for ballot in told.ballots] == [second, first]
    assert (await news(house, told.changes)).ballots == []


async def test_many_news_come_in_pages_that_lose_nothing(house):
    since = (await page(house)).changes
    asked_for = [await held(house, amount=amount) for amount in range(5)]
    seen = []
    while (told := await news(house, since, limit=2)).ballots:
        seen += [ballot.approval.id for ballot in told.ballots]
        since = told.changes
    assert seen == asked_for


async def test_who_waits_for_news_gets_them_when_they_come(house):
    since = (await page(house)).changes
    waiting = asyncio.ensure_future(news(house, since, wait=30))
    await asyncio.sleep(0)
    approval_id = await held(house)
    assert [ballot.approval.id for ballot in (await waiting).ballots] == [approval_id]


async def test_a_wait_for_nothing_ends(house):
    told = await news(house, (await page(house)).changes, wait=0.01)
    assert told.ballots == []


async def test_a_restart_hides_no_news_from_who_asked_before(house):
    approval_id = await held(house)
    since = (await page(house)).changes
    house.clock.advance(1)
    again = Approvals(house.store, house.log, house.clock, house.halting, 0.25)
    await again.start()
    ballots = Ballots(again, house.state, house.log, house.clock)
    for later in (since, since + 10_000_000):
        told = await ballots.news(later, 100, 0.0, only_open=False)
        assert [one.approval.id for one in told.ballots] == [approval_id]
