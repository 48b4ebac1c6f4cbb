"""The default risk table, and requests to ask it about."""

from pathlib import Path
from typing import Any

from sidecar.core.document import parse_documents
from sidecar.core.model import Action, Request, Resource, Risk, Subject
from sidecar.core.risk import RiskModel, RiskTable, parse_risk

PATH = Path(__file__).parents[2] / "policies" / "data" / "risk.yaml"
TABLE: RiskTable = parse_risk(parse_documents("data/risk.yaml", PATH.read_bytes())[0])
MODEL = RiskModel(TABLE)


def ask(
    action: str,
    resource: str = "resource:customer_profiles",
    *,
    properties: dict[str, Any] | None = None,
    context: dict[str, Any] | None = None,
    held: dict[str, Any] | None = None,
) -> Request:
    """A request by an agent; `properties` are those of the action, `held` those of the `type:id` resource."""
    kind, _, identity = resource.partition(":")
    return Request(
        Subject("agent", "bot"),
        Action(action, properties or {}),
        Resource(kind, identity, held or {}),
        context or {},
    )


def assess(action: str, resource: str = "resource:customer_profiles", **parts: Any) -> Risk:
    return MODEL.assess(ask(action, resource, **parts))


def points(risk: Risk) -> int:
    """What the lines of `because` sum to."""
    return int(risk.because[0].split()[1]) + sum(int(line.rsplit("+", 1)[1]) for line in risk.because[1:])
