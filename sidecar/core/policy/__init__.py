"""Policy: the language, its strict parse, and the evaluation of a request under it."""

from sidecar.core.policy.data import Data
from sidecar.core.policy.masked import Unseen
from sidecar.core.policy.parse import parse_policies
from sidecar.core.policy.paths import PathRules
from sidecar.core.policy.table import PolicyTable, compile_policies
from sidecar.core.policy.values import (
    Defaults,
    Effect,
    Inputs,
    Part,
    PolicyResult,
    PolicySet,
    Remote,
    RuleFinding,
    Score,
    WhenUnavailable,
)

__all__ = [
    "Data",
    "Defaults",
    "Effect",
    "Inputs",
    "Part",
    "PathRules",
    "PolicyResult",
    "PolicySet",
    "PolicyTable",
    "Remote",
    "RuleFinding",
    "Score",
    "Unseen",
    "WhenUnavailable",
    "compile_policies",
    "parse_policies",
]
