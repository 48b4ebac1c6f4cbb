"""The blocks about a server or a model that callers of the ASCEND API subscript whenever they named one."""

from sidecar.core.model import JSON, Object, Request, Verdict
from sidecar.core.registry import Registry, is_blocked


def governance(request: Request, verdict: Verdict, registry: Registry) -> Object:
    """`mcp_governance` and `model_governance`, each only where the request names one."""
    told: Object = {}
    if server := request.context.get("mcp_server"):
        told["mcp_governance"] = {"server_name": server, "governance_enabled": True} | (
            _unasked(verdict) if registry.servers is None else _server(server, request, registry)
        )
    if model := request.context.get("model_id"):
        told["model_governance"] = {"model_id": model} | _model(model, registry)
    return told


def _unasked(verdict: Verdict) -> Object:
    """No registry was asked, so that only the decision tells."""
    is_denied = verdict is Verdict.DENY
    return {"server_registered": False, "server_active": not is_denied, "tool_blocked": is_denied}


def _server(name: JSON, request: Request, registry: Registry) -> Object:
    server = registry.server(name)
    return {
        "server_registered": server is not None,
        "server_active": server is not None and server.active,
        "tool_blocked": server is None or is_blocked(server, request),
    }


def _model(name: JSON, registry: Registry) -> Object:
    if registry.models is None:
        reason = "No model registry is configured."
        return {"registry_checked": False, "compliance_status": "unknown", "reason": reason}
    model = registry.model(name)
    if model is None:
        reason = "This model is not registered."
        return {"registry_checked": True, "compliance_status": "unregistered", "reason": reason}
    reason = "This model may be used." if model.is_usable else "This model may not be used."
    return {"registry_checked": True, "compliance_status": model.compliance_status, "reason": reason}
