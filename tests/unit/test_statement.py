"""A signed statement is a vote in one way only: everything that could be wrong with it is refused."""

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sidecar.core import canonical
from sidecar.core.approval import Choice
from sidecar.core.people import People, Person
from sidecar.core.statement import (
    FRESH_SECONDS,
    STATEMENT_TYPE,
    Statement,
    StatementRefused,
    believe,
    make_statement,
)
from sidecar.core.trust import PrivateKey, countersign, seal
from tests.tools.approving import NOW, approval

ANN, BOB = PrivateKey(Ed25519PrivateKey.generate()), PrivateKey(Ed25519PrivateKey.generate())
PEOPLE = People(
    {
        "ann": Person(key=ANN.public.text, groups=("ops",)),
        "bob": Person(key=BOB.public.text),
        "cleo": Person(uids=(3,)),
    }
)
ASKED = approval()
SAID = Statement(ASKED.id, ASKED.digest, Choice.APPROVE, "ann", int(NOW))


def said(**other):
    return msgspec.structs.replace(SAID, **other)


def hear(envelope, choice=Choice.APPROVE, now=NOW):
    return believe(envelope, PEOPLE, ASKED, choice, now)


def refused(envelope, **how):
    with pytest.raises(StatementRefused) as caught:
        hear(envelope, **how)
    return str(caught.value)


def test_it_is_the_vote_of_who_signed_it_known_by_their_key():
    approver, key = hear(make_statement(SAID, ANN))
    assert (approver.name, key) == ("ann", ANN.public)


def test_a_denial_is_one_too():
    assert hear(make_statement(said(verdict=Choice.DENY), ANN), Choice.DENY)[0].name == "ann"


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"approval": "apr_2"}, "another approval"),
        ({"digest": "cd" * 32}, "another action"),
        ({"verdict": Choice.DENY}, "says deny, not approve"),
        ({"at": int(NOW) - FRESH_SECONDS - 1}, "within 300 seconds"),
        ({"at": int(NOW) + FRESH_SECONDS + 1}, "within 300 seconds"),
        ({"person": "dora"}, "not in data/people.yaml"),
        ({"person": "cleo"}, "cleo has no key"),
        ({"person": "bob"}, "not signed by who it names"),
    ],
)
def test_what_it_says_must_fit(other, why):
    assert why in refused(make_statement(said(**other), ANN))


@pytest.mark.parametrize("age", [-FRESH_SECONDS, FRESH_SECONDS])
def test_clocks_may_differ_by_five_minutes(age):
    assert hear(make_statement(said(at=int(NOW) + age), ANN))[0].name == "ann"


def test_an_approval_is_no_denial():
    assert "says approve, not deny" in refused(make_statement(SAID, ANN), choice=Choice.DENY)


def test_another_persons_key_signs_for_nobody_but_them():
    assert "not signed by who it names" in refused(make_statement(SAID, BOB))


def test_a_second_signature_makes_it_nobody_elses():
    both = countersign(make_statement(SAID, ANN), (BOB,))
    assert hear(both)[0].name == "ann"


def test_a_changed_word_is_not_signed():
    sealed = make_statement(SAID, ANN)
    other = make_statement(said(at=SAID.at + 1), BOB)
    assert "not signed" in refused(msgspec.structs.replace(sealed, payload=other.payload))


def test_what_was_signed_as_something_else_is_no_statement():
    body = canonical.encode(msgspec.to_builtins(SAID))
    assert "signed type" in refused(seal("application/vnd.ascend-sidecar.bundle+json", body, (ANN,)))


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.replace(b'"at"', b' "at"'),
        lambda body: body.replace(b'{"approval"', b'{"approval":"apr_1","approval"'),
        lambda body: body.replace(b"}", b',"z":1}'),
        lambda body: body.replace(b'"approve"', b'"granted"'),
        lambda body: body[:-1],
        lambda body: b"[]",
    ],
)
def test_its_body_has_one_form(change):
    body = canonical.encode(msgspec.to_builtins(SAID))
    assert change(body) != body
    assert "no statement" in refused(seal(STATEMENT_TYPE, change(body), (ANN,)))


def test_what_is_not_base64_is_no_statement():
    assert "no statement" in refused(msgspec.structs.replace(make_statement(SAID, ANN), payload="*"))
