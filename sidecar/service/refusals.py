"""Refusals: denies that do not come out of the judgement."""

import msgspec

from sidecar.core.model import Code, Decision, Verdict


def refusal(code: Code, reason: str, now: float, of: Decision | None = None) -> Decision:
    """A deny that does not come out of the judgement; it keeps the risk and the revision of the decision `of`."""
    if of is None:
        return Decision(Verdict.DENY, code, reason, now, valid_for=0.0)
    return msgspec.structs.replace(
        of, verdict=Verdict.DENY, code=code, reason=reason, obligations=(), stages=(), rulings=()
    )


def stricter(one: Decision, other: Decision) -> Decision:
    """The stricter of two decisions, the first where they are equally strict."""
    return other if other.verdict > one.verdict else one
