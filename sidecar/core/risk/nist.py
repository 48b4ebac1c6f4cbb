"""NIST SP 800-30 Rev. 1: the level of a risk from the likelihood of harm and its impact.

Table I-2 only; the overall likelihood of Table G-5 is one input here, as the risk table gives it.
"""

from enum import StrEnum
from typing import Final


class Level(StrEnum):
    """The qualitative values of SP 800-30, from least to most severe."""

    VERY_LOW = "very_low"
    LOW = "low"
    MODERATE = "moderate"
    HIGH = "high"
    VERY_HIGH = "very_high"


LEVELS: Final = tuple(Level)
_RANK: Final = {level: rank for rank, level in enumerate(LEVELS)}
_VL, _L, _M, _H, _VH = LEVELS
# SP 800-30 Rev. 1, Table I-2: a row for each likelihood, a column for each impact from very low to very high.
_TABLE_I2: Final = {
    _VH: (_VL, _L, _M, _H, _VH),
    _H: (_VL, _L, _M, _H, _VH),
    _M: (_VL, _L, _M, _M, _H),
    _L: (_VL, _L, _L, _L, _M),
    _VL: (_VL, _VL, _VL, _L, _L),
}
_PERCENT: Final = {_VL: 0, _L: 20, _M: 50, _H: 80, _VH: 100}


def risk_level(likelihood: Level, impact: Level) -> Level:
    """SP 800-30 Rev. 1, Table I-2."""
    return _TABLE_I2[likelihood][_RANK[impact]]


def at_least(level: Level, other: Level | None) -> Level:
    """The more severe of two; None asks for nothing."""
    return level if other is None or _RANK[other] <= _RANK[level] else other


def percent(level: Level) -> int:
    """The semi-quantitative value, 0-100: ten times the one of Tables D to I."""
    return _PERCENT[level]
