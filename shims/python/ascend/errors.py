"""The documented exceptions. `error_code` is a stable word, `details` what else there is to say."""

from typing import Any, Dict, Optional


class OWKAIError(Exception):
    """What all of them are."""

    code = "ERROR"

    def __init__(
        self, message: str = "", error_code: str = "", details: Optional[Dict[str, Any]] = None, **more: Any
    ) -> None:
        self.message = message or (type(self).__doc__ or "").strip()
        self.error_code = error_code or self.code
        told = {name: value for name, value in more.items() if value is not None}
        self.details = {**(details or {}), **told}
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"[{self.error_code}] {self.message}"

    def __getattr__(self, name: str) -> Any:
        """What was told by name: `reason`, `risk_score`, `policy_violations` …; None if it was not."""
        if name in ("retry_after", "status_code", "timeout_seconds", "reason", "risk_score", "resource"):
            return self.details.get(name)
        if name == "policy_violations":
            return self.details.get(name, [])
        if name == "field_errors":
            return self.details.get(name, {})
        raise AttributeError(name)


class AuthenticationError(OWKAIError):
    """The daemon does not know this API key."""

    code = "AUTH_ERROR"


class AuthorizationError(OWKAIError):
    """The action is not allowed."""

    code = "AUTHZ_DENIED"


class ConfigurationError(OWKAIError):
    """The client was made with what cannot be used."""

    code = "CONFIG_ERROR"


class ConflictError(OWKAIError):
    """The daemon has another of that name."""

    code = "CONFLICT"


class ConnectionError(OWKAIError):
    """The daemon cannot be reached."""

    code = "CONNECTION_ERROR"


class CircuitBreakerOpen(ConnectionError):
    """The daemon could not be reached several times in a row, and is not asked for a while."""

    code = "CIRCUIT_OPEN"


class KillSwitchError(OWKAIError):
    """The kill switch is active, or it is not known whether it is."""

    code = "KILL_SWITCH_ACTIVE"


class NotFoundError(OWKAIError):
    """The daemon knows nothing of that name."""

    code = "NOT_FOUND"


class RateLimitError(OWKAIError):
    """Too many requests."""

    code = "RATE_LIMIT"


class ServerError(OWKAIError):
    """What came is no answer of the daemon, or one of status 5xx."""

    code = "SERVER_ERROR"


class TimeoutError(OWKAIError):
    """No answer in time, of the daemon or of the people who have to approve."""

    code = "TIMEOUT"


class ValidationError(OWKAIError):
    """The request is not one that can be decided."""

    code = "VALIDATION_ERROR"


def error_of(error: str, code: str, reason: str) -> OWKAIError:
    """The documented exception for an error of the shim, by its word and code."""
    status = {
        "http_401": AuthenticationError,
        "http_403": AuthorizationError,
        "http_404": NotFoundError,
        "http_409": ConflictError,
        "http_429": RateLimitError,
    }
    kinds = {"unreachable": ConnectionError, "timeout": TimeoutError, "rejected": ValidationError}
    kind = status.get(code) or kinds.get(error, ServerError)
    return kind(f"{reason} ({code})")
