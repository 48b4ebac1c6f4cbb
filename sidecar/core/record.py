"""Records: what of a decision is logged, and what of it is masked.

A record holds every input of the judgement, so that it can be judged again. Properties, context and the resource's id
are masked; the subject, the action's name and the resource's type never are. A record is at most 32 KiB: what makes
it longer is replaced by its size and keyed digest.
"""

import re
from typing import Final

import msgspec

from sidecar.core.delegation import Delegated, Lineage
from sidecar.core.masking import MASK, Masker
from sidecar.core.model import (
    Action,
    Caller,
    Decision,
    Door,
    Object,
    Request,
    Resource,
    Subject,
)
from sidecar.core.platform import Scored, Unavailable

MAX_BYTES: Final = 32 * 1024
_BODY_BYTES: Final = MAX_BYTES - 1024  # the log puts number, previous hash and time in front
_PART_BYTES: Final = 4 * 1024
_ABOVE_BYTES: Final = 512
_LISTED_BYTES: Final = 16 * 1024
_FEW: Final = 8
_SHORT: Final = 256
_TOLD: Final = re.compile(r"of \d+ rules the first; \d+ obligations left out(; \d+ grants left out)?")


class Trace(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The ids by which a request is found again; each is empty where the caller sent none."""

    request_id: str = ""
    correlation_id: str = ""
    traceparent: str = ""


class Hold(msgspec.Struct, frozen=True, gc=False):
    """A decision that waits for people: the approval's id, and when it is denied for want of an answer."""

    id: str
    expires_at: float


class DecisionRecord(
    msgspec.Struct, frozen=True, omit_defaults=True, gc=False, tag="decision", tag_field="type"
):
    """One decision with all that it was made from. `repeats` names the record that this one judges again.

    `granted` are the holds that counted as met, because people granted the `approval` of that id. `scored` or
    `unavailable` is what the platform, if it was asked, said. `delegated` is where the request stands among others,
    with the agents above that were judged as well.
    """

    door: Door
    caller: Caller
    request: Request
    decision: Decision
    hold: Hold | None = None
    trace: Trace = Trace()
    repeats: int | None = None
    approval: str = ""
    granted: tuple[str, ...] = ()
    scored: Scored | None = None
    unavailable: Unavailable | None = None
    delegated: Delegated | None = None


class OutcomeRecord(msgspec.Struct, frozen=True, omit_defaults=True, tag="outcome", tag_field="type"):
    """What became of an action, linked to its decision: `outcome` is completed or failed."""

    decision: int
    outcome: str
    caller: Caller
    now: float
    details: Object = {}


class UngovernedRecord(msgspec.Struct, frozen=True, omit_defaults=True, tag="ungoverned", tag_field="type"):
    """What an agent says it did without asking, because it found nobody to ask: a claim, made afterwards.

    `count` actions between `first_at` and `last_at` by its own clock; `details` names the first of them.
    """

    agent: str
    count: int
    first_at: float
    last_at: float
    caller: Caller
    now: float
    details: Object = {}


class ApprovalRecord(msgspec.Struct, frozen=True, omit_defaults=True, tag="approval", tag_field="type"):
    """What happened to an approval: a vote (by whom, known by which uid or key), and what came of it, or time."""

    approval: str
    decision: int
    event: str
    now: float
    person: str = ""
    by: str = ""
    comment: str = ""
    stage: int = 0


class ExpiryRecord(msgspec.Struct, frozen=True, tag="approval_expired", tag_field="type"):
    """A hold that nobody answered in time is now a deny."""

    decision: int
    approval: str
    now: float


class EventRecord(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type", tag="event"):
    """Something that changes what later decisions depend on: start, activation, stop."""

    event: str
    now: float
    details: Object = {}


_encoder: Final = msgspec.json.Encoder()
encode_record: Final = _encoder.encode


def encode_decision(record: DecisionRecord, masker: Masker) -> bytes:
    """The body of a decision's record: masked, and cut to what a record may hold."""
    masked = masked_request(record.request, masker)
    if masked is not record.request:
        record = msgspec.structs.replace(record, request=masked)
    if record.delegated is not None and record.delegated.lineage is not None:
        delegated = _masked_above(record.delegated, record.delegated.lineage, masker)
        record = msgspec.structs.replace(record, delegated=delegated)
    body = _encoder.encode(record)
    if len(body) > _BODY_BYTES:
        record = msgspec.structs.replace(record, request=_cut(record.request, masker))
        body = _encoder.encode(record)
    if len(body) > _BODY_BYTES:
        body = _encoder.encode(_shorten(record))
    return body


def encode_outcome(record: OutcomeRecord, masker: Masker) -> bytes:
    """The body of an outcome's record, masked and cut likewise."""
    details = masker.mask(record.details)
    return _encoder.encode(msgspec.structs.replace(record, details=_cut_part(details, masker)))


def encode_ungoverned(record: UngovernedRecord, masker: Masker) -> bytes:
    """The body of such a record, masked and cut likewise."""
    details = masker.mask(record.details)
    return _encoder.encode(msgspec.structs.replace(record, details=_cut_part(details, masker, _LISTED_BYTES)))


def masked_request(request: Request, masker: Masker) -> Request:
    """The request with its secrets replaced by keyed digests; the very same object where it has none."""
    subject, action, resource, mask = request.subject, request.action, request.resource, masker.mask
    if masker.is_plain(
        subject.properties, action.properties, resource.id, resource.properties, request.context
    ):
        return request
    return Request(
        Subject(subject.type, subject.id, mask(subject.properties)),
        Action(action.name, mask(action.properties)),
        Resource(resource.type, _masked_id(resource.id, masker), mask(resource.properties)),
        mask(request.context),
    )


def _masked_above(delegated: Delegated, lineage: Lineage, masker: Masker) -> Delegated:
    """The agents above, masked; short, so that a record has room for as many as there can be."""
    ancestors = tuple(
        Subject(one.type, one.id, _cut_part(masker.mask(one.properties), masker, _ABOVE_BYTES))
        for one in lineage.ancestors
    )
    return msgspec.structs.replace(delegated, lineage=Lineage(ancestors, lineage.depth))


def _masked_id(identity: str, masker: Masker) -> str:
    """An id stays a string, even where the mask of one so long would be its size and digest."""
    masked = masker.mask(identity)
    return masked if isinstance(masked, str) else f"{MASK}{masked['digest']}"


def _cut(request: Request, masker: Masker) -> Request:
    replace = msgspec.structs.replace
    return Request(
        replace(request.subject, properties=_cut_part(request.subject.properties, masker)),
        replace(request.action, properties=_cut_part(request.action.properties, masker)),
        replace(request.resource, properties=_cut_part(request.resource.properties, masker)),
        _cut_part(request.context, masker),
    )


def _shorten(record: DecisionRecord) -> DecisionRecord:
    """What a policy made long: the first of very many rules and errors, obligations and grants by number only."""
    decision, granted = record.decision, record.granted
    told = f"of {len(decision.rules)} rules the first; {len(decision.obligations)} obligations left out"
    if len(granted) > _FEW:
        told, granted = f"{told}; {len(granted)} grants left out", ()
    return msgspec.structs.replace(record, decision=_shortened(decision, told), granted=granted)


def _shortened(decision: Decision, told: str) -> Decision:
    return msgspec.structs.replace(
        decision,
        reason=decision.reason[:_SHORT],
        rules=decision.rules[:_FEW],
        obligations=(),
        stages=decision.stages[:_FEW],
        rulings=tuple(msgspec.structs.replace(ruling, reason="", stages=()) for ruling in decision.rulings),
        errors=(told, *(error[:_SHORT] for error in decision.errors[:_FEW])),
    )


def is_shortened(decision: Decision) -> bool:
    """Whether a decision read back lacks rules, obligations and stages because it had so many."""
    return _told(decision) is not None


def lacks_grants(decision: Decision) -> bool:
    """Whether a record read back lacks the holds that were granted, because there were so many."""
    told = _told(decision)
    return told is not None and told[1] is not None


def _told(decision: Decision) -> re.Match[str] | None:
    return _TOLD.fullmatch(decision.errors[0]) if decision.errors else None


def _cut_part(part: Object, masker: Masker, most: int = _PART_BYTES) -> Object:
    raw = _encoder.encode(part)
    if len(raw) <= most:
        return part
    return {"omitted": {"bytes": len(raw), "digest": masker.digest(raw)}}


def parse_decision(record: Object) -> DecisionRecord:
    """A decision's record as read back from the log; its masked parts stay masked.

    Raises msgspec.ValidationError for a record of another type.
    """
    return msgspec.convert(record, DecisionRecord)
