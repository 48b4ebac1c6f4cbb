"""CVSS v3.1 base vectors, read as the severity of an action: what harm it does if it is not what was meant.

CVSS rates vulnerabilities, not actions; the vector is always shown beside the score. Scores come from the
`cvss` package.
"""

from collections.abc import Iterable, Mapping
from typing import Final, Literal

import msgspec
from cvss import CVSS3
from cvss.exceptions import CVSS3Error

# CVSS v3.1 section 2: the base metrics in their order, each with its values from least to most severe.
METRICS: Final[dict[str, str]] = {
    "AV": "PLAN",
    "AC": "HL",
    "PR": "HLN",
    "UI": "RN",
    "S": "UC",
    "C": "NLH",
    "I": "NLH",
    "A": "NLH",
}
VECTORS: Final = 2592
_PREFIX: Final = "CVSS:3.1/"
_WORDS: Final = {
    "AV": "reach",
    "AC": "complexity",
    "PR": "privileges",
    "UI": "interaction",
    "S": "scope change",
    "C": "confidentiality",
    "I": "integrity",
    "A": "availability",
}


class Metrics(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Metrics that a fact raises to at least these values; None leaves one as it is."""

    AV: Literal["A", "L", "N"] | None = None
    AC: Literal["L"] | None = None
    PR: Literal["L", "N"] | None = None
    UI: Literal["N"] | None = None
    S: Literal["C"] | None = None
    C: Literal["L", "H"] | None = None
    I: Literal["L", "H"] | None = None  # noqa: E741 - the name that CVSS v3.1 gives the metric
    A: Literal["L", "H"] | None = None

    def named(self) -> Iterable[tuple[str, str]]:
        """Metric and value, for those that are raised."""
        return ((name, value) for name in METRICS if (value := getattr(self, name)) is not None)


def parse_vector(text: str) -> dict[str, str]:
    """The eight base metrics of `AV:L/AC:L/…`. Raises ValueError that says what is wrong."""
    pairs = [part.partition(":") for part in text.split("/")]
    metrics = {name: value for name, _, value in pairs}
    if len(pairs) != len(METRICS) or list(metrics) != list(METRICS):
        raise ValueError(f"a base vector is {'/'.join(METRICS)} in this order, each with a value")
    try:
        CVSS3(_PREFIX + text)
    except CVSS3Error as error:
        raise ValueError(str(error)) from error
    return metrics


def render(metrics: Mapping[str, str]) -> str:
    """The vector without its `CVSS:3.1/`."""
    return "/".join(f"{name}:{value}" for name, value in metrics.items())


def raised(vector: str, changes: Iterable[Metrics]) -> str:
    """The vector with each metric at least as severe as the changes ask; none is ever lowered."""
    metrics = dict(part.split(":") for part in vector.split("/"))
    for change in changes:
        for name, value in change.named():
            order = METRICS[name]
            if order.index(value) > order.index(metrics[name]):
                metrics[name] = value
    return render(metrics)


def difference(before: str, after: str) -> str:
    """Which metrics changed, in words: `scope change, confidentiality`."""
    pairs = zip(before.split("/"), after.split("/"), strict=True)
    return ", ".join(_WORDS[new.partition(":")[0]] for old, new in pairs if old != new)


def base_score(vector: str) -> float:
    """The base score, 0.0-10.0 (CVSS v3.1 section 7.1). Raises CVSS3Error on a malformed vector."""
    return float(CVSS3(_PREFIX + vector).scores()[0])
