"""Nobody: stages that no person of `data/people.yaml` could answer, or too few for their quorum."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from sidecar.core.errors import Place
from sidecar.core.model import Stage
from sidecar.core.people import GROUP, PERSON, People
from sidecar.core.policy.lint.finding import Check, Finding, warning
from sidecar.core.policy.values import ParsedRule, PolicySet
from sidecar.core.shape import suggest

Where = Callable[..., Place]


def nobody_to_approve(policies: PolicySet, people: People) -> Iterator[Finding]:
    """The stages of each rule that says its own, and those of the defaults once."""
    for parsed in policies.rules:
        if _has_its_own(parsed):
            yield from _of_stages(parsed.rule.stages, partial(parsed.place, "approval", "stages"), people)
    if policies.declaring is not None:
        where = partial(policies.declaring.place, "defaults", "approval", "stages")
        yield from _of_stages(policies.defaults.stages, where, people)


def _has_its_own(parsed: ParsedRule) -> bool:
    return "approval" in parsed.document.at("rules", parsed.index)


def _of_stages(stages: Sequence[Stage], where: Where, people: People) -> Iterator[Finding]:
    known = people.approvers
    for index, stage in enumerate(stages):
        yield from _unknown(stage.approvers, partial(where, index, "approvers"), known)
        yield from _unknown(stage.escalate, partial(where, index, "escalate"), known)
        able = people.among(stage.approvers + stage.escalate)
        # Where there is none at all, each approver is unknown and told already.
        if able and len(able) < stage.quorum:
            message = f"{stage.quorum} people must approve, but no more than {len(able)} could"
            hint = f"those whom this stage asks: {', '.join(sorted(able))}"
            yield warning(Check.NOBODY_TO_APPROVE, where(index, "quorum"), message, hint)


def _unknown(approvers: Sequence[str], where: Where, known: list[str]) -> Iterator[Finding]:
    for index, approver in enumerate(approvers):
        if approver not in known:
            message = f"nobody in data/people.yaml is `{approver}`"
            yield warning(Check.NOBODY_TO_APPROVE, where(index), message, _hint(approver, known))


def _hint(approver: str, known: Sequence[str]) -> str:
    """Compared by name alone, so that what two groups share as groups makes none of them near."""
    kind, _, name = approver.partition(":")
    if kind + ":" not in {GROUP, PERSON}:
        return "approvers are `group:NAME` and `person:NAME`"
    return suggest(name, [one.removeprefix(f"{kind}:") for one in known if one.startswith(f"{kind}:")])
