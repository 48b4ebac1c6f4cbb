"""How long a caller waits: for news, or for an answer."""

from collections.abc import Mapping
from typing import Final

# Envoy's router sets it to what is left of the route's timeout.
ENVOYS_PATIENCE: Final = "x-envoy-expected-rq-timeout-ms"
_SPARED: Final = 0.02  # for the way back


def preferred_wait(prefer: str) -> float:
    """The seconds of a preference `wait=N` (RFC 7240 4.3); 0 where there is none that can be read."""
    for preference in prefer.split(","):
        name, _, value = preference.strip().partition("=")
        if name.strip().lower() == "wait" and value.strip().isdigit():
            return float(value.strip()[:4])
    return 0.0


def patience(headers: Mapping[str, str]) -> float | None:
    """The seconds within which this caller must have its answer; None where it does not say. Names in lower case."""
    waits = (preferred_wait(headers.get("prefer", "")), expected_by_envoy(headers))
    return min((wait for wait in waits if wait > 0), default=None)


def expected_by_envoy(headers: Mapping[str, str]) -> float:
    """The seconds that Envoy leaves for an answer and its way back; 0 where it does not say. Names in lower case."""
    return _expected(headers.get(ENVOYS_PATIENCE, ""))


def _expected(milliseconds: str) -> float:
    if not (milliseconds.isascii() and milliseconds.isdigit()):
        return 0.0
    expected = float(milliseconds[:9]) / 1000
    return max(expected - _SPARED, expected / 2)
