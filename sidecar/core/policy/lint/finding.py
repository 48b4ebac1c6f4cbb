"""Finding: what a check says of a bundle's files. Its check and severity are stable words, for those who filter."""

from dataclasses import dataclass
from enum import StrEnum

from sidecar.core.errors import Diagnostic, Place


class Severity(StrEnum):
    """An error keeps the bundle from being loaded, or its tests from being run; a warning does not."""

    ERROR = "error"
    WARNING = "warning"


class Check(StrEnum):
    """What was looked for."""

    DOES_NOT_LOAD = "does-not-load"
    UNREACHABLE_RULE = "unreachable-rule"
    NEVER_ALLOWS = "never-allows"
    DUPLICATE_RULE = "duplicate-rule"
    UNUSED_DATA = "unused-data"
    MISSING_REASON = "missing-reason"
    CONDITION_ALWAYS_ERRS = "condition-always-errs"
    NOBODY_TO_APPROVE = "nobody-to-approve"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding."""

    check: Check
    severity: Severity
    diagnostic: Diagnostic


def warning(check: Check, place: Place, message: str, hint: str = "") -> Finding:
    """Something that loads."""
    return Finding(check, Severity.WARNING, Diagnostic(place, message, hint))
