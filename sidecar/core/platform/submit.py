"""A request as the body of a submit: the ASCEND dialect the other way round.

Null and empty members are left out, as the SDK leaves them out. `parent_action_id` is left out too: the number is one
of ours, and on the platform it could be that of another action. A score or level of the caller's never stands at the
top, where the platform would take it for one.
"""

from typing import Final

from sidecar.core.model import Object, Request, Resource, Subject

_PLAIN_RESOURCES: Final = frozenset({"file", "url", "resource"})
# Members of the context here that are members of the body there.
_PROMOTED: Final = {
    "risk_indicators": "risk_indicators",
    "orchestration_session_id": "orchestration_session_id",
    "orchestration_depth": "orchestration_depth",
    "mcp_server": "mcp_server_name",
    "model_id": "model_id",
}
_OURS: Final = _PROMOTED.keys() | {"environment", "parent_action_id"}


def submit_body(request: Request) -> Object:
    """The JSON object for `POST /api/v1/actions/submit`."""
    agent = _agent(request.subject)
    optional: Object = {
        "resource_id": request.resource.properties.get("resource_id"),
        "action_details": request.action.properties,
        "context": {name: value for name, value in request.context.items() if name not in _OURS},
        **{there: request.context.get(here) for here, there in _PROMOTED.items()},
    }
    return {
        "agent_id": agent,
        "agent_name": request.subject.properties.get("name") or agent,
        "action_type": request.action.name,
        "resource": _resource(request.resource),
        **{name: value for name, value in optional.items() if value not in (None, "", {})},
    }


def _agent(subject: Subject) -> str:
    return subject.id if subject.type == "agent" else f"{subject.type}:{subject.id}"


def _resource(resource: Resource) -> str:
    return resource.id if resource.type in _PLAIN_RESOURCES else f"{resource.type}:{resource.id}"
