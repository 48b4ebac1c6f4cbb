"""Statements: an answer to an approval that a person signed, for where uids do not tell people apart.

A DSSE envelope of canonical JSON. It names the approval and the digest of what is asked, so it is worth nothing for
anything else; it says when it was signed, so it is worth nothing later. Sent again, it is the same person's vote.
"""

from typing import Final

import msgspec

from sidecar.core import canonical
from sidecar.core.approval import Approval, Choice
from sidecar.core.errors import BundleError, SidecarError
from sidecar.core.people import Approver, People
from sidecar.core.trust import Envelope, KeySet, PublicKey, Signer, open_envelope, read_unverified, seal

STATEMENT_TYPE: Final = "application/vnd.ascend-sidecar.approval+json"
FRESH_SECONDS: Final = 300


class Statement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`digest` is the approval's; `at` in whole epoch seconds."""

    approval: str
    digest: str
    verdict: Choice
    person: str
    at: int


class StatementRefused(SidecarError):
    """A statement that is no vote here. `kind` says which of these it is."""

    kind = "statement_refused"


_decoder: Final = msgspec.json.Decoder(Statement)


def make_statement(statement: Statement, signer: Signer) -> Envelope:
    """The signed statement of the person that holds the key."""
    return seal(STATEMENT_TYPE, canonical.encode(msgspec.to_builtins(statement)), (signer,))


def believe(
    envelope: Envelope, people: People, approval: Approval, choice: Choice, now: float
) -> tuple[Approver, PublicKey]:
    """Who says so, and the key they said it with. Raises StatementRefused.

    1. The name in the unverified body picks the key, and nothing else is done with that body.
    2. That key signed these bytes as a statement.
    3. The statement is about this approval, what it asks for, and this choice.
    4. It was made within five minutes of now.
    """
    approver = _named(envelope, people)
    key = approver.key
    if key is None:
        raise StatementRefused(
            f"{approver.name} has no key in data/people.yaml, so nothing is signed by them"
        )
    statement = _verified(envelope, key)
    _check(statement, approver, approval, choice)
    if abs(now - statement.at) > FRESH_SECONDS:
        raise StatementRefused(
            f"the statement was not made within {FRESH_SECONDS} seconds of now; sign again"
        )
    return approver, key


def _named(envelope: Envelope, people: People) -> Approver:
    try:
        name = _read(read_unverified(envelope)).person
    except BundleError as error:
        raise StatementRefused(f"this is no statement: {error}") from error
    approver = people.named(name)
    if approver is None:
        raise StatementRefused("the person that the statement names is not in data/people.yaml")
    return approver


def _verified(envelope: Envelope, key: PublicKey) -> Statement:
    try:
        body, _ = open_envelope(envelope, STATEMENT_TYPE, KeySet((key,)))
    except BundleError as error:
        raise StatementRefused(f"the statement is not signed by who it names: {error}") from error
    return _read(body)


def _read(body: bytes) -> Statement:
    try:
        statement: Statement = canonical.decode_as(body, _decoder)
    except canonical.NotCanonical as error:
        raise StatementRefused(f"this is no statement: {error}") from error
    return statement


def _check(statement: Statement, approver: Approver, approval: Approval, choice: Choice) -> None:
    if statement.person != approver.name:
        raise StatementRefused("the statement is of another person")
    if statement.approval != approval.id:
        raise StatementRefused("the statement is about another approval")
    if statement.digest != approval.digest:
        raise StatementRefused("the statement is about another action")
    if statement.verdict is not choice:
        raise StatementRefused(f"the statement says {statement.verdict}, not {choice}")
