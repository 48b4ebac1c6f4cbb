"""Policies for tests: from YAML text to a table, and requests in one line."""

from sidecar.core.document import parse_documents
from sidecar.core.model import JSON, Action, Caller, Object, Request, Resource, Subject
from sidecar.core.policy import (
    Data,
    Inputs,
    PathRules,
    PolicySet,
    PolicyTable,
    compile_policies,
    parse_policies,
)

HEADER = "apiVersion: ascend.sidecar/v1\nkind: Policy\nmetadata: {name: test}\n"
NO_PATHS = PathRules()
PATHS = PathRules(frozenset({"file"}), frozenset({"path"}))


def policy_set(body: str) -> PolicySet:
    """The policies of one document; `body` is what stands below its header."""
    return parse_policies(parse_documents("policy.yaml", (HEADER + body).encode()))


def table(
    body: str, data: dict[str, dict[str, JSON]] | None = None, paths: PathRules = NO_PATHS
) -> PolicyTable:
    """The same, compiled."""
    return compile_policies(policy_set(body), Data(data or {}), paths)


def request(
    subject: str = "agent:a",
    action: str = "read",
    resource: str = "db:t",
    *,
    did: Object | None = None,
    of: Object | None = None,
    on: Object | None = None,
    context: Object | None = None,
) -> Request:
    """A request; `did`, `of` and `on` are the properties of action, subject and resource."""
    subject_type, _, subject_id = subject.partition(":")
    resource_type, _, resource_id = resource.partition(":")
    return Request(
        Subject(subject_type, subject_id, of or {}),
        Action(action, did or {}),
        Resource(resource_type, resource_id, on or {}),
        context or {},
    )


def inputs(
    asked: Request | None = None, *, caller: Caller | None = None, now: float = 1767225600.0
) -> Inputs:
    """What a table evaluates, without risk and approval."""
    return Inputs(asked or request(), None, caller or Caller(), now)
