"""Told: approvals as the daemon tells them, as far as they are shown, and how one reads."""

from collections.abc import Iterator
from typing import Any, Final, TypeVar

import msgspec

from sidecar.cli.edge import Edge
from sidecar.cli.exits import UnreachableError
from sidecar.cli.screen import Screen
from sidecar.core.model import Caller, Object, Request

T = TypeVar("T")
_INDENT: Final = "  "


class Summary(msgspec.Struct, frozen=True):
    """One of a list. What has no value is not told of one that is resolved."""

    id: str
    standing: str
    subject: str
    action: str
    resource: str
    reason: str
    opened_at: str
    stage: int = 0
    stages_in_all: int = 1
    quorum: int = 1
    approved_by: tuple[str, ...] = ()
    approvers: tuple[str, ...] = ()
    escalated: bool = False
    due: str = ""
    expires_at: str = ""
    resolved_at: str = ""
    used_at: str = ""

    @property
    def is_open(self) -> bool:
        return self.standing == "open"

    @property
    def word(self) -> str:
        return "escalated" if self.is_open and self.escalated else self.standing


class ToldRisk(msgspec.Struct, frozen=True):
    score: int
    level: str
    because: tuple[str, ...] = ()


class ToldStage(msgspec.Struct, frozen=True):
    approvers: tuple[str, ...]
    quorum: int
    within_seconds: float
    escalate: tuple[str, ...] = ()


class ToldVote(msgspec.Struct, frozen=True):
    person: str
    choice: str
    stage: int
    at: str
    by: str
    comment: str = ""


class Details(Summary, frozen=True, kw_only=True):
    """All of one."""

    digest: str
    decision: str
    caller: Caller
    request: Request
    holds: tuple[str, ...] = ()
    met: tuple[str, ...] = ()
    risk: ToldRisk | None = None
    stages: tuple[ToldStage, ...] = ()
    votes: tuple[ToldVote, ...] = ()
    answerable_by: tuple[str, ...] = ()
    joined: tuple[str, ...] = ()


class Page(msgspec.Struct, frozen=True):
    """Some of them; `changes` is the number to ask for news with."""

    approvals: tuple[Summary, ...]
    more: int
    changes: int


def parse(raw: bytes, kind: type[T]) -> T:
    """Raises UnreachableError for what no daemon of ours would answer."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise UnreachableError(f"the answer is not of this daemon's making: {error}") from error


def inline(text: str) -> str:
    """Text of others on one line: a line feed in it could pass for a line of ours."""
    return text.replace("\n", "\\n")


def show_details(edge: Edge, told: Details) -> None:
    """What a person needs in order to decide, the question first."""
    Screen(edge).line(told.word.upper(), f"{told.id}: {inline(told.reason)}")
    for name, lines in _facts(told):
        for index, line in enumerate(lines):
            edge.say(f"{_INDENT}{name if index == 0 else '':<14}{inline(line)}")


def _facts(told: Details) -> Iterator[tuple[str, list[str]]]:
    request = told.request
    yield (
        "who asks",
        [told.subject, *_members(request.subject.properties), f"called by {_caller(told.caller)}"],
    )
    yield "action", [told.action, *_members(request.action.properties)]
    yield "resource", [told.resource, *_members(request.resource.properties)]
    yield "context", _members(request.context)
    if told.risk is not None:
        yield "risk", [f"{told.risk.score} of 100, {told.risk.level}", *told.risk.because]
    yield "held by", list(told.holds)
    yield "met before", list(told.met)
    yield "stages", [_stage(number, stage) for number, stage in enumerate(told.stages, 1)]
    yield "votes", [_vote(vote) for vote in told.votes]
    yield from _time(told)
    yield "record", [f"decision {told.decision}", *(f"and {one}, which waits too" for one in told.joined)]


def _time(told: Details) -> Iterator[tuple[str, list[str]]]:
    yield "opened", [told.opened_at]
    if told.is_open:
        yield "now", [f"{_stage_now(told)}, due {told.due}"]
        yield "may answer", [", ".join(told.answerable_by) or "nobody whom data/people.yaml names"]
        yield "expires", [told.expires_at]
    else:
        yield told.standing, [told.resolved_at]
        yield "used", [told.used_at or "not yet"] if told.standing == "granted" else []


def _stage_now(told: Details) -> str:
    if told.stage >= told.stages_in_all:
        return "the platform's own people decide"
    return f"stage {told.stage + 1} of {told.stages_in_all}"


def _caller(caller: Caller) -> str:
    return caller.key if caller.pid is None else f"{caller.key}, pid {caller.pid}"


def _members(value: Object) -> list[str]:
    return [f"{_INDENT}{name}: {_json(item)}" for name, item in value.items()]


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _stage(number: int, stage: ToldStage) -> str:
    later = f", then {', '.join(stage.escalate)} too" if stage.escalate else ""
    return (
        f"{number}. {stage.quorum} of {', '.join(stage.approvers)} within {stage.within_seconds:g} s{later}"
    )


def _vote(vote: ToldVote) -> str:
    comment = f": {vote.comment}" if vote.comment else ""
    stage = f", stage {vote.stage + 1}" if vote.stage >= 0 else ""
    return f"{vote.at}  {vote.person} ({vote.by}) {vote.choice}{stage}{comment}"
