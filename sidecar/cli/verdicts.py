"""Verdicts: a decision as people read it, and as a shell script branches on it."""

from collections.abc import Iterable
from typing import Final

import msgspec

from sidecar.cli.edge import Edge
from sidecar.cli.exits import Exit, UnreachableError
from sidecar.cli.screen import Screen
from sidecar.core.model import Object

_INDENT: Final = "  "


class ToldRisk(msgspec.Struct, frozen=True):
    score: int
    level: str
    verb: str
    because: tuple[str, ...] = ()


class ToldPolicy(msgspec.Struct, frozen=True):
    rules: tuple[str, ...] = ()
    revision: str = ""


class ToldAudit(msgspec.Struct, frozen=True):
    seq: int
    hash: str


class ToldApproval(msgspec.Struct, frozen=True):
    id: str
    expires_at: str


class ToldObligation(msgspec.Struct, frozen=True):
    id: str
    type: str


class Told(msgspec.Struct, frozen=True):
    """The context of an AuthZEN answer, as far as it is shown."""

    verdict: str
    code: str
    reason: str = ""
    risk: ToldRisk | None = None
    policy: ToldPolicy = ToldPolicy()
    obligations: tuple[ToldObligation, ...] = ()
    audit: ToldAudit | None = None
    approval: ToldApproval | None = None
    expires_at: str | None = None
    advisory: bool = False


class Evaluation(msgspec.Struct, frozen=True):
    """An AuthZEN answer to one evaluation."""

    decision: bool
    context: Told


def parse_evaluation(raw: bytes) -> Evaluation:
    """Raises UnreachableError for what no daemon of ours would answer."""
    try:
        return msgspec.json.decode(raw, type=Evaluation)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise UnreachableError(f"the answer is not a decision: {error}") from error


def told_of(answer: Object) -> Told:
    """The context of an answer that was made in this process."""
    return msgspec.convert(answer, Evaluation).context


def exit_of(evaluation: Evaluation) -> Exit:
    """OK only where both the flag and the verdict say so."""
    if evaluation.decision and evaluation.context.verdict == "allow":
        return Exit.OK
    return Exit.PENDING if evaluation.context.verdict == "pending" else Exit.DENIED


def show(edge: Edge, told: Told) -> None:
    """The verdict first, then each thing that explains it."""
    Screen(edge).line(told.verdict.upper(), f"{told.code}: {told.reason}" if told.reason else told.code)
    for name, lines in _facts(told):
        for index, line in enumerate(lines):
            edge.say(f"{_INDENT}{name if index == 0 else '':<12}{line}")
    if told.advisory:
        edge.say(f"{_INDENT}advice, not recorded")


def _facts(told: Told) -> Iterable[tuple[str, list[str]]]:
    if told.risk is not None:
        risk = told.risk
        yield "risk", [f"{risk.score} of 100, {risk.level} ({risk.verb})", *risk.because]
    yield "rules", list(told.policy.rules)
    yield "obligations", [f"{duty.id} ({duty.type})" for duty in told.obligations]
    if told.approval is not None:
        yield "approval", [f"{told.approval.id}, until {told.approval.expires_at}"]
    if told.expires_at is not None:
        yield "good until", [told.expires_at]
    yield "policy", [told.policy.revision] if told.policy.revision else []
    if told.audit is not None:
        yield "record", [f"{told.audit.seq}, sha256 {told.audit.hash}"]
