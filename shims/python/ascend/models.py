"""The documented values."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Dict, List, Optional

_TOLD = frozenset(
    (
        "correlation_id",
        "cvss_score",
        "cvss_severity",
        "cvss_vector",
        "mitre_tactic",
        "mitre_technique",
        "nist_control",
        "nist_description",
        "code_analysis",
        "prompt_security",
        "mcp_governance",
        "model_governance",
        "processing_time_ms",
        "alert_triggered",
        "alert_id",
        "workflow_id",
        "policy_decision",
        "matched_policies",
        "matched_smart_rules",
        "thresholds",
        "output_scan_result",
        "output_findings_count",
        "enforcement_decision",
        "enforcement_decision_source",
        "risk_score_source",
        "shadow_enforcement_decision",
        "shadow_enforcement_decision_source",
    )
)


class ActionType(str, Enum):
    """Kinds of actions; any other text is one as well."""

    DATA_ACCESS = "data_access"
    DATA_MODIFICATION = "data_modification"
    QUERY = "query"
    TRANSACTION = "transaction"
    RECOMMENDATION = "recommendation"
    COMMUNICATION = "communication"
    SYSTEM_OPERATION = "system_operation"
    API_CALL = "api_call"
    ANALYSIS = "analysis"
    REPORT_GENERATION = "report_generation"


class FailMode(str, Enum):
    """What happens when no daemon can be reached."""

    CLOSED = "closed"
    OPEN = "open"


class Decision(str, Enum):
    """What was decided."""

    ALLOWED = "allowed"
    DENIED = "denied"
    PENDING = "pending"


class RiskLevel(str, Enum):
    """How risky."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class AuthorizationDecision:
    """A decision. `raw` is the daemon's whole answer; its documented fields are attributes too."""

    action_id: str
    decision: Decision
    execution_allowed: bool
    risk_score: Optional[float] = None
    risk_level: Optional[RiskLevel] = None
    reason: Optional[str] = None
    approved_by: Optional[str] = None
    approved_at: Optional[str] = None
    expires_at: Optional[str] = None
    policy_violations: List[str] = field(default_factory=list)
    conditions: List[str] = field(default_factory=list)
    required_approvers: List[str] = field(default_factory=list)
    approval_request_id: Optional[str] = None
    comments: Optional[str] = None
    metadata: Dict[str, Any] = field(default_factory=dict)
    raw: Dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def status(self) -> str:
        return {"allowed": "approved", "denied": "denied"}.get(self.decision.value, "pending_approval")

    def __getattr__(self, name: str) -> Any:
        if name in _TOLD:
            return self.raw.get(name)
        raise AttributeError(name)


def decision_of(told: Dict[str, Any]) -> AuthorizationDecision:
    """The daemon's answer as a value. Raises KeyError, TypeError or ValueError for any other."""
    decision = Decision(told["decision"])
    allowed = told["execution_allowed"]
    if allowed is not (decision is Decision.ALLOWED):
        raise ValueError("decision and execution_allowed contradict each other")
    level = told.get("risk_level")
    return AuthorizationDecision(
        action_id=str(told["action_id"]),
        decision=decision,
        execution_allowed=allowed,
        risk_score=told.get("risk_score"),
        risk_level=RiskLevel(level) if level else None,
        reason=told.get("reason"),
        approved_by=told.get("approved_by"),
        approved_at=told.get("approved_at"),
        expires_at=told.get("expires_at"),
        policy_violations=list(told.get("policy_violations") or []),
        conditions=list(told.get("conditions") or []),
        required_approvers=list(told.get("required_approvers") or []),
        approval_request_id=told.get("approval_request_id"),
        comments=told.get("comments"),
        metadata=dict(told.get("metadata") or {}),
        raw=told,
    )
