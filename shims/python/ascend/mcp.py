"""The documented middleware for MCP tools: each call of a wrapped function is decided before it runs."""

import asyncio
import functools
import inspect
from dataclasses import dataclass
from typing import Any, Callable, Dict, Optional, TypeVar

from ascend.agent import refused
from ascend.client import AscendClient
from ascend.errors import ValidationError
from ascend.models import AuthorizationDecision
from ascend.settings import logger

Function = TypeVar("Function", bound=Callable[..., Any])
_PLACES = ("path", "file_path", "filename", "uri", "url", "resource")


@dataclass(frozen=True)
class MCPGovernanceConfig:
    """`on_denied` is told of a decision that allows nothing; its own errors are logged."""

    wait_for_approval: bool = True
    approval_timeout_seconds: float = 300
    raise_on_denial: bool = True
    on_denied: Optional[Callable[[AuthorizationDecision], Any]] = None


class MCPGovernanceMiddleware:
    """One for all tools of a client."""

    def __init__(self, client: AscendClient, config: Optional[MCPGovernanceConfig] = None) -> None:
        self._client = client
        self._config = config or MCPGovernanceConfig()

    def wrap(self, tool_name: str = "", action_type: str = "", resource: str = "") -> Callable[[Function], Function]:
        """A decorator of sync and async functions. The action is the tool's name, the resource what it acts on.

        Refused, the function does not run: AuthorizationError, or None where denials are not to be raised.
        """

        def decorate(function: Any) -> Any:
            tool = tool_name or function.__name__
            signature = inspect.signature(function)

            def decide(args: Any, kwargs: Any) -> AuthorizationDecision:
                given = _arguments(signature, args, kwargs)
                return self._decide(tool, action_type or tool, resource or _resource(given, tool), given)

            if inspect.iscoroutinefunction(function):

                @functools.wraps(function)
                async def governed_async(*args: Any, **kwargs: Any) -> Any:
                    loop = asyncio.get_running_loop()
                    decision = await loop.run_in_executor(None, decide, args, kwargs)
                    if not self._goes(decision):
                        return None
                    try:
                        result = await function(*args, **kwargs)
                    except BaseException as error:
                        await loop.run_in_executor(None, self._failed, decision, error)
                        raise
                    await loop.run_in_executor(None, self._client.log_action_completed, decision.action_id)
                    return result

                return governed_async

            @functools.wraps(function)
            def governed(*args: Any, **kwargs: Any) -> Any:
                decision = decide(args, kwargs)
                if not self._goes(decision):
                    return None
                try:
                    result = function(*args, **kwargs)
                except BaseException as error:
                    self._failed(decision, error)
                    raise
                self._client.log_action_completed(decision.action_id)
                return result

            return governed

        return decorate

    def _decide(self, tool: str, action: str, resource: str, given: Dict[str, Any]) -> AuthorizationDecision:
        return self._client.evaluate_action(
            action,
            resource,
            parameters=given,
            context={"source": "mcp_server", "tool_name": tool},
            wait_for_decision=self._config.wait_for_approval,
            timeout=self._config.approval_timeout_seconds,
        )

    def _goes(self, decision: AuthorizationDecision) -> bool:
        if decision.execution_allowed is True:
            return True
        if self._config.on_denied is not None:
            try:
                self._config.on_denied(decision)
            except Exception:  # noqa: BLE001 - whatever it raises, the tool does not run
                logger.exception("on_denied has failed")
        if self._config.raise_on_denial:
            raise refused(decision)
        return False

    def _failed(self, decision: AuthorizationDecision, error: BaseException) -> None:
        self._client.log_action_failed(decision.action_id, type(error).__name__)


def _arguments(signature: inspect.Signature, args: Any, kwargs: Any) -> Dict[str, Any]:
    """By name, with defaults; what JSON does not know is its type's name. Raises ValidationError."""
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        raise ValidationError(str(error)) from None
    bound.apply_defaults()
    return {name: _plain(value) for name, value in bound.arguments.items()}


def _plain(value: Any, depth: int = 8) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if depth and isinstance(value, dict):
        return {str(key): _plain(one, depth - 1) for key, one in value.items()}
    if depth and isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(one, depth - 1) for one in value]
    return f"<{type(value).__name__}>"


def _resource(given: Dict[str, Any], tool: str) -> str:
    return next((given[name] for name in _PLACES if isinstance(given.get(name), str) and given[name]), tool)
