"""The ASCEND submit body as a Request.

The agent is the subject; `action_type` the action with `action_details` as its properties; the free text `resource`
becomes a file, a URL or a plain resource by its looks.
"""

import re
from typing import Any, Final

import msgspec

from sidecar.api.wire import read, read_request
from sidecar.core.errors import RequestError
from sidecar.core.model import Object, Request

_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_FILE: Final = re.compile(r"/|~|\.{1,2}/|[A-Za-z]:[\\/]|\\\\")
_DEPTHS: Final = range(6)


class Submit(msgspec.Struct, frozen=True):
    """What is read of the body. A score or level that the caller sends of itself is not among it."""

    action_type: str
    resource: str
    agent_id: str = "unknown"
    agent_name: str | None = None
    resource_id: str | int | None = None
    action_details: Object = {}
    context: Object = {}
    risk_indicators: Object = {}
    orchestration_session_id: str | None = None
    parent_action_id: int | str | None = None
    orchestration_depth: Any = None
    mcp_server_name: str | None = None
    model_id: str | None = None


def parse_submit(body: Object, environment: str) -> Request:
    """Raises RequestError naming the field."""
    submit = read(body, Submit)
    for name in ("action_type", "resource", "agent_id"):
        if not getattr(submit, name).strip():
            raise RequestError("must not be empty", field=name)
    return read_request(
        {
            "subject": {"type": "agent", "id": submit.agent_id, "properties": _named(name=submit.agent_name)},
            "action": {"name": submit.action_type, "properties": submit.action_details},
            "resource": {
                "type": resource_type(submit.resource),
                "id": submit.resource,
                "properties": _named(resource_id=submit.resource_id),
            },
            "context": _context(submit, environment),
        }
    )


def resource_type(resource: str) -> str:
    """`file` for a path, `url` for an address, else `resource`."""
    if _URL.match(resource):
        return "url"
    return "file" if _FILE.match(resource) else "resource"


def _context(submit: Submit, environment: str) -> Object:
    return submit.context | _named(
        environment=environment,
        risk_indicators=submit.risk_indicators,
        mcp_server=submit.mcp_server_name,
        model_id=submit.model_id,
        orchestration_session_id=submit.orchestration_session_id,
        parent_action_id=submit.parent_action_id,
        orchestration_depth=_depth(submit.orchestration_depth),
    )


def _depth(value: Any) -> int | None:
    """The SDK checks `int(value)` and sends the value as it was, so digits in a string arrive too."""
    if value is None:
        return None
    try:
        depth = int(value)
    except (TypeError, ValueError) as error:
        raise RequestError("must be a whole number from 0 to 5", field="orchestration_depth") from error
    if depth not in _DEPTHS:
        raise RequestError("must be from 0 to 5", field="orchestration_depth")
    return depth


def _named(**members: Any) -> Object:
    return {name: value for name, value in members.items() if value not in (None, "", {})}
