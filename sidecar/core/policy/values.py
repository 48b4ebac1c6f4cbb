"""The values of the policy language: rules, defaults, and what an evaluation takes and gives."""

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final

import msgspec

from sidecar.core.delegation import MOST_DEPTH
from sidecar.core.document import Document
from sidecar.core.errors import Place
from sidecar.core.model import (
    Caller,
    Code,
    Object,
    Obligation,
    Request,
    Risk,
    Stage,
    Thresholds,
    Verdict,
)
from sidecar.core.policy.globs import Glob

DEFAULT_VALID_FOR: Final = 60.0
DEFAULT_VOLATILE: Final = ("correlation_id", "request_id", "timestamp", "trace_id", "traceparent")


class Effect(StrEnum):
    """What a matching rule wants."""

    ALLOW = "allow"
    APPROVE = "approve"
    DENY = "deny"


class Score(StrEnum):
    """Where the risk score comes from."""

    LOCAL = "local"
    PLATFORM = "platform"


class WhenUnavailable(StrEnum):
    """What holds where the platform was to be asked and does not answer."""

    DENY = "deny"
    LOCAL = "local"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class TypedGlob:
    """A pattern `type:id`, split at the first colon."""

    type: Glob
    id: Glob

    @property
    def text(self) -> str:
        return f"{self.type.text}:{self.id.text}"

    @property
    def is_literal(self) -> bool:
        return self.type.is_literal and self.id.is_literal

    @property
    def prefix(self) -> str:
        """What every `type:id` that matches begins with."""
        return f"{self.type.prefix}:{self.id.prefix}" if self.type.is_literal else self.type.prefix


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One rule as written. None for subjects, actions or resources: any. `valid_for` is in seconds."""

    id: str
    effect: Effect
    place: Place
    subjects: tuple[TypedGlob, ...] | None = None
    actions: tuple[Glob, ...] | None = None
    resources: tuple[TypedGlob, ...] | None = None
    when: str | None = None
    reason: str = ""
    thresholds: Thresholds | None = None
    valid_for: float = DEFAULT_VALID_FOR
    stages: tuple[Stage, ...] = ()
    obligations: tuple[Obligation, ...] = ()
    score: Score | None = None
    on_platform_unavailable: WhenUnavailable | None = None
    cache: float = 0.0
    allow_when_blind: bool = False


@dataclass(frozen=True, slots=True)
class ParsedRule:
    """A rule with the document that it was read from, for findings about its parts."""

    rule: Rule
    document: Document
    index: int

    def place(self, *keys: str | int) -> Place:
        """Where the part of it at these keys stands."""
        return self.document.place("rules", self.index, *keys)

    def inside(self, key: str, offset: int) -> Place:
        """Where a character of the string at this key stands."""
        return self.document.inside("rules", self.index, key, offset=offset)


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds for the whole bundle. `volatile` are context keys that make no request another one.

    `max_depth` is how deep actions may be delegated, 0 not at all.
    """

    thresholds: Thresholds | None = None
    stages: tuple[Stage, ...] = ()
    score: Score = Score.LOCAL
    on_platform_unavailable: WhenUnavailable = WhenUnavailable.DENY
    volatile: tuple[str, ...] = DEFAULT_VOLATILE
    max_depth: int = MOST_DEPTH


@dataclass(frozen=True, slots=True)
class PolicySet:
    """The policies of a bundle, parsed but not yet compiled: names in conditions are not checked.

    `declaring` is the document that the defaults were read from, None where none has any.
    """

    rules: tuple[ParsedRule, ...] = ()
    defaults: Defaults = Defaults()
    declaring: Document | None = None


GRANTED_RULE: Final = "rule:"


class Inputs(msgspec.Struct, frozen=True, gc=False):
    """All that policies can see. `now` in epoch seconds; to read an absent risk or approval is an error.

    `granted` are holds that people have approved for this request; `rule:ID` makes that approve rule one that allows.
    """

    request: Request
    risk: Risk | None
    caller: Caller
    now: float
    threats: tuple[Object, ...] = ()
    approval: Object | None = None
    granted: frozenset[str] = frozenset()


class Remote(msgspec.Struct, frozen=True, gc=False):
    """That the platform is to score a request: what holds without its answer, and how long that may be reused (s)."""

    unavailable: WhenUnavailable
    cache: float = 0.0


class PolicyResult(msgspec.Struct, frozen=True, gc=False):
    """What the policies say. `rules` are the ids of those that decided, in the order they are written in.

    `stages` of all matching approve rules, equal ones once; `thresholds` the strictest of the matching allow
    rules, None where none declares any; `valid_for` in seconds; `errors` are `rule-id: message`. `remote` is None
    where no matching rule lets the platform score. `allow_when_blind`: every rule that decided says that it holds
    also while nobody sees the kill switch.
    """

    verdict: Verdict
    code: Code
    reason: str
    rules: tuple[str, ...] = ()
    stages: tuple[Stage, ...] = ()
    obligations: tuple[Obligation, ...] = ()
    valid_for: float = DEFAULT_VALID_FOR
    thresholds: Thresholds | None = None
    errors: tuple[str, ...] = ()
    remote: Remote | None = None
    allow_when_blind: bool = False


class Part(Enum):
    """Which part of a rule settled whether it matched."""

    SUBJECT = "subject"
    ACTION = "action"
    RESOURCE = "resource"
    CONDITION = "condition"
    PATH = "path"
    ALL = "all"


class RuleFinding(msgspec.Struct, frozen=True):
    """What one rule makes of a request: whether it matched, which part settled that, and why in words."""

    rule: str
    effect: Effect
    matched: bool
    part: Part
    why: str
    place: str
