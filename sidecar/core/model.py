"""The words of the house: request, ruling, decision. Values only.

Subject, action, resource and context are those of OpenID AuthZEN Authorization API 1.0.
"""

from enum import Enum, StrEnum
from functools import total_ordering
from typing import Any, Final

import msgspec

JSON = Any
Object = dict[str, JSON]


@total_ordering
class Verdict(Enum):
    """Ordered by strictness, so that the strictest of several is their maximum."""

    ALLOW = "allow"
    PENDING = "pending"
    DENY = "deny"

    word: str

    def __init__(self, word: str) -> None:
        self.word = word

    def __lt__(self, other: "Verdict") -> bool:
        return _RANKS[self.word] < _RANKS[other.word]


_RANKS: Final = {"allow": 0, "pending": 1, "deny": 2}


class Code(StrEnum):
    """Why a ruling says what it says. Stable: callers and dashboards depend on the words."""

    ALLOWED = "allowed"
    APPROVED = "approved"
    NOT_APPLICABLE = "not_applicable"
    POLICY_DENIED = "policy_denied"
    NO_MATCHING_RULE = "no_matching_rule"
    APPROVAL_REQUIRED = "approval_required"
    APPROVAL_EXPIRED = "approval_expired"
    APPROVAL_DENIED = "approval_denied"
    APPROVAL_WAITING = "approval_waiting"
    RISK_NEEDS_APPROVAL = "risk_needs_approval"
    RISK_TOO_HIGH = "risk_too_high"
    CALLER_NOT_BOUND = "caller_not_bound"
    PLATFORM_SCORED = "platform_scored"
    PLATFORM_DENIED = "platform_denied"
    PLATFORM_HOLD = "platform_hold"
    PLATFORM_UNAVAILABLE = "platform_unavailable"
    PLATFORM_LOCAL = "platform_local"
    PLATFORM_OPEN = "platform_open"
    PLATFORM_LOOP = "platform_loop"
    FOREIGN_PARENT = "foreign_parent"
    DELEGATION_EXCEEDS_PARENT = "delegation_exceeds_parent"
    DELEGATION_NEEDS_APPROVAL = "delegation_needs_approval"
    DELEGATION_TOO_DEEP = "delegation_too_deep"
    DELEGATION_DEPTH_WRONG = "delegation_depth_wrong"
    POLICY_CHANGED = "policy_changed"
    MCP_SERVER_UNREGISTERED = "mcp_server_unregistered"
    MCP_SERVER_DEACTIVATED = "mcp_server_deactivated"
    MCP_TOOL_BLOCKED = "mcp_tool_blocked"
    MODEL_NOT_APPROVED = "model_not_approved"
    HALTED = "halted"
    KILL_SWITCH_BLIND = "kill_switch_blind"
    NO_BUNDLE = "no_bundle"
    BUNDLE_EXPIRED = "bundle_expired"
    BUNDLE_STALE = "bundle_stale"
    MISSING_RULING = "missing_ruling"
    EXPIRED = "decision_expired"
    AUDIT_UNAVAILABLE = "audit_unavailable"
    OVERLOADED = "overloaded"
    INTERNAL_ERROR = "internal_error"


class Control(Enum):
    """The fixed, complete list of what rules on a request. A decision exists only when each has ruled."""

    KILL_SWITCH = "kill_switch"
    FRESHNESS = "freshness"
    CALLER = "caller"
    REGISTRY = "registry"
    POLICY = "policy"
    PLATFORM = "platform"
    RISK = "risk"
    DELEGATION = "delegation"


class Subject(msgspec.Struct, frozen=True, gc=False):
    """Who acts. `type:id` names it in policies."""

    type: str
    id: str
    properties: Object = {}


class Resource(msgspec.Struct, frozen=True, gc=False):
    """What is acted on. `type:id` names it in policies."""

    type: str
    id: str
    properties: Object = {}


class Action(msgspec.Struct, frozen=True, gc=False):
    """What is done."""

    name: str
    properties: Object = {}


class Request(msgspec.Struct, frozen=True, gc=False):
    """One question: may this subject do this action on this resource?"""

    subject: Subject
    action: Action
    resource: Resource
    context: Object = {}


class Door(StrEnum):
    """The dialect by which a request came in."""

    AUTHZEN = "authzen"
    ASCEND = "ascend"
    LOCAL = "local"
    FORWARD_AUTH = "forward_auth"


class Caller(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Who asked, as the kernel or a bearer token tells it. Never what the request says of itself.

    `pid` is recorded and never judged: it may be reused before we look.
    """

    uid: int | None = None
    gid: int | None = None
    pid: int | None = None
    token_id: str | None = None

    @property
    def key(self) -> str:
        """Whose decisions these are: a token, else a uid, else the one caller that TCP without tokens is."""
        if self.token_id is not None:
            return f"token:{self.token_id}"
        return "tcp" if self.uid is None else f"uid:{self.uid}"


class Obligation(msgspec.Struct, frozen=True, gc=False):
    """What the caller must also do; one that it cannot do is a deny (AuthZEN obligations profile)."""

    id: str
    type: str
    properties: Object = {}


class Stage(msgspec.Struct, frozen=True, gc=False):
    """One stage of an approval. `within` is in seconds, per stage; `escalate` opens it to more groups once."""

    approvers: tuple[str, ...]
    quorum: int = 1
    within: float = 1800.0
    escalate: tuple[str, ...] = ()


class Thresholds(msgspec.Struct, frozen=True, gc=False):
    """Risk scores (0-100) from which on a request needs approval, or is denied. None: no limit."""

    approve: int | None = None
    deny: int | None = None


class Cvss(msgspec.Struct, frozen=True, gc=False):
    """CVSS v3.1 base vector and score (0-10) of the action, as if it were a vulnerability."""

    vector: str
    score: float


class Nist(msgspec.Struct, frozen=True, gc=False):
    """NIST SP 800-30 Rev. 1 Table I-2: likelihood and impact give the level, each very_low .. very_high."""

    likelihood: str
    impact: str
    level: str


class Attack(msgspec.Struct, frozen=True, gc=False):
    """MITRE ATT&CK tactic and technique id; empty where the verb has none."""

    tactic: str
    technique: str


class Risk(msgspec.Struct, frozen=True, gc=False):
    """The assessment of one request. `score` 0-100; `because` explains it, baseline first."""

    score: int
    level: str
    verb: str
    because: tuple[str, ...]
    cvss: Cvss
    nist: Nist
    attack: Attack


class Ruling(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What one control says of a request."""

    control: Control
    verdict: Verdict
    code: Code
    reason: str = ""
    stages: tuple[Stage, ...] = ()


class Decision(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The strictest of its rulings, with all that explains it. Times are epoch seconds. It is logged as it is.

    `rules` are the ids of the policy rules that made the policy's ruling; `errors` the conditions that erred.
    `stages` are those of every ruling that held, equal ones once; empty unless pending. `rulings` are those that
    had something to say.
    """

    verdict: Verdict
    code: Code
    reason: str
    now: float
    revision: str = ""
    rules: tuple[str, ...] = ()
    risk: Risk | None = None
    obligations: tuple[Obligation, ...] = ()
    valid_for: float = 60.0
    stages: tuple[Stage, ...] = ()
    rulings: tuple[Ruling, ...] = ()
    errors: tuple[str, ...] = ()

    @property
    def expires_at(self) -> float:
        """When an allow stops being usable."""
        return self.now + self.valid_for
