"""Records: what of a decision is logged, and what of it is masked.

A record holds every input of the judgement, so that it can be judged again. Properties, context and the resource's id
are masked; the subject, the action's name and the resource's type never are. A record is at most 32 KiB: what makes
it longer is replaced by its size and keyed digest.
"""

from typing import Final

import msgspec

from sidecar.core.masking import Masker
from sidecar.core.model import (
    Action,
    Caller,
    Code,
    Decision,
    Door,
    Object,
    Obligation,
    Request,
    Resource,
    Risk,
    Stage,
    Subject,
    Verdict,
)

MAX_BYTES: Final = 32 * 1024
_BODY_BYTES: Final = MAX_BYTES - 1024  # the log puts number, previous hash and time in front
_PART_BYTES: Final = 4 * 1024


class Trace(msgspec.Struct, frozen=True, omit_defaults=True):
    """The ids by which a request is found again; each is empty where the caller sent none."""

    request_id: str = ""
    correlation_id: str = ""
    traceparent: str = ""


class LoggedRuling(msgspec.Struct, frozen=True):
    """One control that had something to say."""

    control: str
    verdict: str
    code: str


class LoggedDecision(msgspec.Struct, frozen=True, omit_defaults=True):
    """A decision as it stands in the log. Times are epoch seconds."""

    verdict: str
    code: str
    reason: str
    now: float
    revision: str = ""
    rules: tuple[str, ...] = ()
    obligations: tuple[Obligation, ...] = ()
    valid_for: float = 60.0
    stages: tuple[Stage, ...] = ()
    rulings: tuple[LoggedRuling, ...] = ()
    errors: tuple[str, ...] = ()


class Hold(msgspec.Struct, frozen=True):
    """A decision that waits for people: the approval's id, and when it is denied for want of an answer."""

    id: str
    expires_at: float


class DecisionRecord(msgspec.Struct, frozen=True, omit_defaults=True, tag="decision", tag_field="type"):
    """One decision with all that it was made from. `repeats` names the record that this one judges again."""

    door: Door
    caller: Caller
    request: Request
    decision: LoggedDecision
    risk: Risk | None = None
    hold: Hold | None = None
    trace: Trace = Trace()
    repeats: int | None = None


class OutcomeRecord(msgspec.Struct, frozen=True, omit_defaults=True, tag="outcome", tag_field="type"):
    """What became of an action, linked to its decision: `outcome` is completed or failed."""

    decision: int
    outcome: str
    caller: Caller
    now: float
    details: Object = {}


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


Record = DecisionRecord | OutcomeRecord | ExpiryRecord | EventRecord

_encoder: Final = msgspec.json.Encoder()
encode_record: Final = _encoder.encode


def encode_decision(record: DecisionRecord, masker: Masker) -> bytes:
    """The body of a decision's record: masked, and cut to what a record may hold."""
    masked = masked_request(record.request, masker)
    if masked is not record.request:
        record = msgspec.structs.replace(record, request=masked)
    body = _encoder.encode(record)
    if len(body) > _BODY_BYTES:
        body = _encoder.encode(msgspec.structs.replace(record, request=_cut(record.request, masker)))
    return body


def encode_outcome(record: OutcomeRecord, masker: Masker) -> bytes:
    """The body of an outcome's record, masked and cut likewise."""
    details = masker.mask(record.details)
    return _encoder.encode(msgspec.structs.replace(record, details=_cut_part(details, masker)))


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
        Resource(resource.type, mask(resource.id), mask(resource.properties)),
        mask(request.context),
    )


def _cut(request: Request, masker: Masker) -> Request:
    replace = msgspec.structs.replace
    return Request(
        replace(request.subject, properties=_cut_part(request.subject.properties, masker)),
        replace(request.action, properties=_cut_part(request.action.properties, masker)),
        replace(request.resource, properties=_cut_part(request.resource.properties, masker)),
        _cut_part(request.context, masker),
    )


def _cut_part(part: Object, masker: Masker) -> Object:
    raw = _encoder.encode(part)
    if len(raw) <= _PART_BYTES:
        return part
    return {"omitted": {"bytes": len(raw), "digest": masker.digest(raw)}}


def logged(decision: Decision) -> LoggedDecision:
    """The decision in the words of the log."""
    return LoggedDecision(
        decision.verdict.word,
        decision.code,
        decision.reason,
        decision.now,
        decision.revision,
        decision.rules,
        decision.obligations,
        decision.valid_for,
        decision.stages,
        tuple(
            LoggedRuling(ruling.control.value, ruling.verdict.word, ruling.code)
            for ruling in decision.rulings
            if ruling.code is not Code.NOT_APPLICABLE
        ),
        decision.errors,
    )


def parse_decision(record: Object) -> DecisionRecord:
    """A decision's record as read back from the log; its masked parts stay masked.

    Raises msgspec.ValidationError for a record of another type.
    """
    return msgspec.convert(record, DecisionRecord)


def recorded_decision(record: DecisionRecord) -> Decision:
    """The decision that a record tells of, without its rulings."""
    told = record.decision
    return Decision(
        verdict=Verdict[told.verdict.upper()],
        code=Code(told.code),
        reason=told.reason,
        now=told.now,
        revision=told.revision,
        rules=told.rules,
        risk=record.risk,
        obligations=told.obligations,
        valid_for=told.valid_for,
        stages=told.stages,
        errors=told.errors,
    )
