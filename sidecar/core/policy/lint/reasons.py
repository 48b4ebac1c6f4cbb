"""Reasons: a rule that refuses or holds says why, since somebody will read it who wants to go on."""

from collections.abc import Iterator

from sidecar.core.policy.lint.finding import Check, Finding, warning
from sidecar.core.policy.values import Effect, PolicySet


def missing_reasons(policies: PolicySet) -> Iterator[Finding]:
    """Deny and approve rules without a reason."""
    for parsed in policies.rules:
        rule = parsed.rule
        if rule.effect is not Effect.ALLOW and not rule.reason.strip():
            message = f"rule `{rule.id}` has no `reason` for whoever it stops"
            hint = "say in a sentence why, and what to do instead"
            yield warning(Check.MISSING_REASON, parsed.place(), message, hint)
