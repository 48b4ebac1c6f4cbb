"""The documented Python surface of ASCEND on the local daemon: a drop-in, so that documented code runs as it is.

It asks the daemon of this host through `ascend_sidecar.py`, which lies beside this folder, and nobody else.
"""

from ascend.agent import AuthorizedAgent
from ascend.client import AscendClient
from ascend.errors import (
    AuthenticationError,
    AuthorizationError,
    CircuitBreakerOpen,
    ConfigurationError,
    ConflictError,
    ConnectionError,
    KillSwitchError,
    NotFoundError,
    OWKAIError,
    RateLimitError,
    ServerError,
    TimeoutError,
    ValidationError,
)
from ascend.mcp import MCPGovernanceConfig, MCPGovernanceMiddleware
from ascend.models import ActionType, AuthorizationDecision, Decision, FailMode, RiskLevel

__all__ = [
    "ActionType",
    "AscendClient",
    "AuthenticationError",
    "AuthorizationDecision",
    "AuthorizationError",
    "AuthorizedAgent",
    "CircuitBreakerOpen",
    "ConfigurationError",
    "ConflictError",
    "ConnectionError",
    "Decision",
    "FailMode",
    "KillSwitchError",
    "MCPGovernanceConfig",
    "MCPGovernanceMiddleware",
    "NotFoundError",
    "OWKAIError",
    "RateLimitError",
    "RiskLevel",
    "ServerError",
    "TimeoutError",
    "ValidationError",
]
