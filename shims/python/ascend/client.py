"""The documented client, asking the daemon of this host."""

import threading
import time
from typing import Any, Dict, Optional, Union

from ascend_sidecar import Sidecar

from ascend.asking import Asking, NoAnswer
from ascend.errors import (
    CircuitBreakerOpen,
    ConfigurationError,
    KillSwitchError,
    OWKAIError,
    TimeoutError,
    ValidationError,
    error_of,
)
from ascend.models import ActionType, AuthorizationDecision, Decision, FailMode
from ascend.settings import address_of, debugging, logger, settings
from ascend.ungoverned import Ungoverned

_TRUTHS = ("1", "true", "yes", "on")
_PAUSE = 0.05


class AscendClient:
    """`fail_mode="open"` lets an action pass only if nobody is there to ask: no socket, refused, no connection made.

    `max_retries` are further attempts to connect, before anything is sent; what was sent is never sent again.
    """

    def __init__(
        self,
        api_key: Optional[str] = None,
        agent_id: Optional[str] = None,
        agent_name: Optional[str] = None,
        api_url: Optional[str] = None,
        environment: str = "production",
        fail_mode: Union[FailMode, str] = FailMode.CLOSED,
        timeout: float = 5,
        max_retries: int = 3,
        enable_circuit_breaker: bool = True,
        circuit_breaker_threshold: int = 5,
        circuit_breaker_timeout: float = 30,
        debug: bool = False,
    ) -> None:
        found = settings()
        debugging(debug or found.get("ASCEND_DEBUG", "").lower() in _TRUTHS)
        self.agent_id = agent_id or found.get("ASCEND_AGENT_ID") or "unknown"
        self.agent_name = agent_name or found.get("ASCEND_AGENT_NAME") or self.agent_id
        self.environment = environment
        self.timeout = timeout
        address = address_of(api_url or found.get("ASCEND_API_URL", ""), found.get("ASCEND_SIDECAR", ""))
        key = api_key or found.get("ASCEND_API_KEY", "")
        try:
            self.fail_mode = FailMode(fail_mode)
            self._sidecar = Sidecar(address, f"agent:{self.agent_id}", key, deadline=timeout)
        except ValueError as error:
            raise ConfigurationError(str(error)) from None
        self._asking = Asking(self._sidecar, {"X-Environment": environment}, timeout)
        self._ungoverned = Ungoverned(self.agent_id)
        self._retries = max(0, max_retries)
        self._breaker = _Breaker(circuit_breaker_threshold, circuit_breaker_timeout)
        self._breaks = enable_circuit_breaker and self.fail_mode is FailMode.CLOSED
        self._watches = False

    def evaluate_action(
        self,
        action_type: Union[ActionType, str],
        resource: str,
        resource_id: Optional[str] = None,
        parameters: Optional[Dict[str, Any]] = None,
        context: Optional[Dict[str, Any]] = None,
        risk_indicators: Optional[Dict[str, Any]] = None,
        wait_for_decision: bool = True,
        timeout: float = 60,
        mcp_server_name: Optional[str] = None,
        model_id: Optional[str] = None,
    ) -> AuthorizationDecision:
        """The decision. Raises an OWKAIError where there is none; TimeoutError if no approver answers in time."""
        if self._watches:
            self._check_halts()
        action = action_type.value if isinstance(action_type, ActionType) else action_type
        body: Dict[str, Any] = {
            "agent_id": self.agent_id,
            "agent_name": self.agent_name,
            "action_type": action,
            "resource": resource,
            "resource_id": resource_id,
            "action_details": parameters,
            "context": context,
            "risk_indicators": risk_indicators,
            "mcp_server_name": mcp_server_name,
            "model_id": model_id,
        }
        body = {name: value for name, value in body.items() if value is not None}
        try:
            decision = self._submit(body)
        except NoAnswer as missed:
            if not (missed.is_absent and self.fail_mode is FailMode.OPEN):
                raise self._error(missed) from None
            self._ungoverned.add(action, resource)
            logger.warning("%s on %s goes ahead ungoverned: %s", action, resource, missed.refusal.reason)
            return _passed(missed)
        logger.debug("%s on %s: %s, %s", action, resource, decision.decision.value, decision.reason)
        return self._settled(decision, timeout) if wait_for_decision else decision

    def log_action_completed(
        self, action_id: str, result: Optional[Dict[str, Any]] = None, duration_ms: Optional[int] = None
    ) -> bool:
        """Whether it is on record that the action was completed."""
        return self._report(action_id, "completed", {"result": result, "duration_ms": duration_ms})

    def log_action_failed(self, action_id: str, error: str = "", duration_ms: Optional[int] = None) -> bool:
        """Whether it is on record that the action failed."""
        return self._report(action_id, "failed", {"error": error, "duration_ms": duration_ms})

    def start_kill_switch_polling(self, interval_seconds: float = 5) -> None:
        """Follow halts. They are told as they happen, so the interval is not needed; it stays for documented code."""
        del interval_seconds
        self._sidecar.watch()
        self._watches = True

    def is_blocked(self) -> bool:
        """Whether to stop: halted, or not known not to be. Begins to follow halts if nobody has."""
        if not self._watches:
            self.start_kill_switch_polling()
        return self._sidecar.is_blocked()

    def stop_kill_switch_polling(self) -> None:
        self._watches = False
        self._sidecar.close()

    def _check_halts(self) -> None:
        state = self._sidecar.watch()
        if state in ("blocked", "unknown"):
            known = "The kill switch is active" if state == "blocked" else "It is not known what is halted"
            raise KillSwitchError(f"{known}: nothing is asked.", reason=state)

    def _submit(self, body: Dict[str, Any]) -> AuthorizationDecision:
        if self._breaks:
            self._breaker.check()
        for attempt in range(self._retries + 1):
            try:
                decision = self._asking.submit(body)
            except NoAnswer as missed:
                if missed.refusal.error != "unreachable":
                    self._breaker.closed()
                    raise
                if attempt == self._retries:
                    self._breaker.failed()
                    raise
                time.sleep(_PAUSE * 2**attempt)
            except (TypeError, ValueError) as error:
                raise ValidationError(f"This cannot be sent as JSON: {error}") from None
            else:
                self._breaker.closed()
                self._tell_ungoverned()
                return decision
        raise AssertionError("unreachable")

    def _settled(self, decision: AuthorizationDecision, timeout: float) -> AuthorizationDecision:
        try:
            decision = self._asking.settled(decision, timeout)
        except NoAnswer as missed:
            raise self._error(missed) from None
        if decision.decision is Decision.PENDING:
            message = f"Nobody has approved it within {timeout:g} seconds: {decision.reason}"
            raise TimeoutError(message, "APPROVAL_TIMEOUT", timeout_seconds=timeout)
        return decision

    def _report(self, action_id: str, outcome: str, details: Dict[str, Any]) -> bool:
        if not action_id.isdigit():
            return False  # it went ahead ungoverned
        try:
            given = {name: value for name, value in details.items() if value is not None}
            self._asking.report(action_id, outcome, given)
        except NoAnswer as missed:
            logger.warning("the outcome of %s is not on record: %s", action_id, missed.refusal.reason)
            return False
        return True

    def _tell_ungoverned(self) -> None:
        told = self._ungoverned.take()
        if told is None:
            return
        try:
            self._asking.tell_ungoverned(told)
        except NoAnswer as missed:
            self._ungoverned.give_back(told)
            logger.warning("%d ungoverned actions are still to be told: %s", told["count"], missed.refusal.reason)

    def _error(self, missed: NoAnswer) -> OWKAIError:
        refusal = missed.refusal
        return error_of(refusal.error, refusal.code, refusal.reason)


def _passed(missed: NoAnswer) -> AuthorizationDecision:
    reason = f"No daemon: {missed.refusal.reason}"
    conditions, metadata = ["fail_open_mode"], {"fail_mode": "open", "error": reason}
    return AuthorizationDecision("", Decision.ALLOWED, True, reason=reason, conditions=conditions, metadata=metadata)


class _Breaker:
    """Open after so many failures to connect in a row, for so many seconds."""

    def __init__(self, threshold: int, seconds: float) -> None:
        self._lock = threading.Lock()
        self._threshold, self._seconds = max(1, threshold), seconds
        self._failures, self._until = 0, 0.0

    def check(self) -> None:
        left = self._until - time.monotonic()
        if left > 0:
            raise CircuitBreakerOpen(f"The daemon could not be reached; it is asked again in {left:.0f} s.")

    def failed(self) -> None:
        with self._lock:
            self._failures += 1
            if self._failures >= self._threshold:
                self._until = time.monotonic() + self._seconds

    def closed(self) -> None:
        with self._lock:
            self._failures, self._until = 0, 0.0
