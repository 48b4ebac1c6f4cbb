"""The policy language as it is written: the shape of a `kind: Policy` document."""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from sidecar.core.delegation import MOST_DEPTH
from sidecar.core.model import JSON, Object, Stage, Thresholds
from sidecar.core.policy.values import Effect, Score, WhenUnavailable

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}

Duration = Annotated[
    str, Meta(pattern=r"^[1-9][0-9]{0,5}[smhd]\Z", description="a duration such as 30s, 15m or 24h")
]
Identifier = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z",
        description="a name of letters, digits, `.`, `_` and `-`, at most 128 characters",
    ),
]
Patterns = Annotated[
    tuple[
        Annotated[str, Meta(min_length=1, max_length=1024, description="a pattern of 1 to 1024 characters")],
        ...,
    ],
    Meta(min_length=1, max_length=256, description="a list of 1 to 256 patterns; leave the key out for any"),
]
Group = Annotated[
    str,
    Meta(pattern=r"^[a-z_]+:\S{1,256}\Z", description="an approver such as `group:on-call` or `person:ann`"),
]
Groups = Annotated[
    tuple[Group, ...], Meta(min_length=1, max_length=64, description="a list of 1 to 64 approvers")
]
Limit = Annotated[int, Meta(ge=0, le=100, description="a risk score, 0 to 100")]
Depth = Annotated[
    int, Meta(ge=0, le=MOST_DEPTH, description=f"how deep actions may be delegated, 0 to {MOST_DEPTH}")
]
Sentence = Annotated[str, Meta(max_length=512, description="at most 512 characters")]
Source = Annotated[
    str, Meta(min_length=1, max_length=4096, description="a condition of 1 to 4096 characters")
]


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Unknown keys are refused everywhere."""


class WrittenMatch(Strict, frozen=True):
    """A missing key matches everything; a list is any of."""

    subjects: Patterns | None = None
    actions: Patterns | None = None
    resources: Patterns | None = None


class WrittenThresholds(Strict, frozen=True):
    """Risk scores from which on a request needs approval, or is denied."""

    approve: Limit | None = None
    deny: Limit | None = None

    def __post_init__(self) -> None:
        if self.approve is None and self.deny is None:
            raise ValueError("say `approve`, `deny` or both")
        if self.approve is not None and self.deny is not None and self.deny <= self.approve:
            raise ValueError("`deny` must be above `approve`")

    def value(self) -> Thresholds:
        return Thresholds(self.approve, self.deny)


class WrittenStage(Strict, frozen=True):
    """One stage of an approval."""

    approvers: Groups
    quorum: Annotated[int, Meta(ge=1, le=100, description="a number of people, 1 to 100")] = 1
    within: Duration = "30m"
    escalate: Groups | None = None

    def value(self) -> Stage:
        return Stage(self.approvers, self.quorum, seconds(self.within), self.escalate or ())


class WrittenApproval(Strict, frozen=True):
    """Who must approve: stage after stage."""

    stages: Annotated[
        tuple[WrittenStage, ...], Meta(min_length=1, max_length=16, description="a list of 1 to 16 stages")
    ]

    def value(self) -> tuple[Stage, ...]:
        return tuple(stage.value() for stage in self.stages)


class WrittenObligation(Strict, frozen=True):
    """What the caller must also do."""

    id: Identifier
    type: Identifier
    properties: Object = {}


class WrittenRule(Strict, frozen=True):
    """One rule."""

    id: Identifier
    effect: Effect
    match: WrittenMatch = WrittenMatch()
    when: Source | None = None
    reason: Sentence = ""
    thresholds: WrittenThresholds | None = None
    valid_for: Duration | None = None
    approval: WrittenApproval | None = None
    obligations: Annotated[tuple[WrittenObligation, ...], Meta(max_length=64)] = ()
    score: Score | None = None
    on_platform_unavailable: WhenUnavailable | None = None
    cache: Duration | None = None
    allow_when_blind: bool | None = None


class WrittenDefaults(Strict, frozen=True):
    """What holds where a rule says nothing."""

    thresholds: WrittenThresholds | None = None
    approval: WrittenApproval | None = None
    score: Score = Score.LOCAL
    on_platform_unavailable: WhenUnavailable = WhenUnavailable.DENY
    volatile: Annotated[tuple[str, ...], Meta(max_length=64)] | None = None
    max_depth: Depth = MOST_DEPTH


class Metadata(Strict, frozen=True):
    """What a document is called, for people."""

    name: Identifier
    description: str = ""


class WrittenPolicy(Strict, frozen=True):
    """One document, whose rules the loader reads one by one as WrittenRule."""

    api_version: Literal["ascend.sidecar/v1"] = msgspec.field(name="apiVersion")
    kind: Literal["Policy"]
    metadata: Metadata
    rules: tuple[JSON, ...] = ()
    defaults: WrittenDefaults | None = None


def seconds(duration: str) -> float:
    """The seconds of a `Duration`."""
    return float(int(duration[:-1]) * _UNITS[duration[-1]])
