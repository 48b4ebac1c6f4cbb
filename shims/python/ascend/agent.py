"""The documented agent: run a function only if its action is allowed."""

from typing import Any, Callable, Dict, Optional, TypeVar, Union

from ascend.client import AscendClient
from ascend.errors import AuthorizationError
from ascend.models import ActionType, AuthorizationDecision

T = TypeVar("T")


class AuthorizedAgent:
    """`client` is made for this agent where none is given."""

    def __init__(self, agent_id: str, agent_name: str = "", client: Optional[AscendClient] = None) -> None:
        self.client = client or AscendClient(agent_id=agent_id, agent_name=agent_name)
        self.agent_id = agent_id
        self.agent_name = agent_name

    def execute_if_authorized(
        self,
        action_type: Union[ActionType, str],
        resource: str,
        execute_fn: Callable[[], T],
        resource_id: Optional[str] = None,
        risk_indicators: Optional[Dict[str, Any]] = None,
        on_denied: Optional[Callable[[AuthorizationDecision], T]] = None,
        parameters: Optional[Dict[str, Any]] = None,
        context: Optional[Dict[str, Any]] = None,
        timeout: float = 60,
    ) -> T:
        """What `execute_fn` gives; if denied, what `on_denied` gives, or AuthorizationError. It is reported."""
        decision = self.client.evaluate_action(
            action_type, resource, resource_id, parameters, context, risk_indicators, timeout=timeout
        )
        if decision.execution_allowed is not True:
            if on_denied is not None:
                return on_denied(decision)
            raise refused(decision)
        try:
            result = execute_fn()
        except BaseException as error:
            self.client.log_action_failed(decision.action_id, type(error).__name__)
            raise
        self.client.log_action_completed(decision.action_id)
        return result

    def check_permission(self, action_type: Union[ActionType, str], resource: str) -> bool:
        """Whether it is allowed now, without waiting for people. It is decided, and on record, like any action."""
        decision = self.client.evaluate_action(action_type, resource, wait_for_decision=False)
        return decision.execution_allowed is True


def refused(decision: AuthorizationDecision) -> AuthorizationError:
    """The exception for a decision that allows nothing."""
    return AuthorizationError(
        decision.reason or "",
        policy_violations=decision.policy_violations,
        risk_score=decision.risk_score,
        action_id=decision.action_id,
    )
