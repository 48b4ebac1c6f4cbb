"""Test cases as they are written: the shape of a `kind: PolicyTest` document, and what it says."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from sidecar.core.document import Document, DocumentError, read
from sidecar.core.errors import Diagnostic, MalformedBundle, Place
from sidecar.core.model import Action, Caller, Code, Object, Request, Resource, Subject
from sidecar.core.policy.written import Limit, Metadata, Strict

# 2026-01-01T00:00:00Z: a case that does not say when it happens always happens at the same time.
DEFAULT_NOW: Final = 1767225600.0

TypeAndId = Annotated[
    str, Meta(pattern=r"^[^:]+:[\s\S]*\Z", description="`type:id`, or a mapping with type and id")
]
# msgspec says that a time is a string; that it has a time zone is what editors need to know.
Moment = Annotated[
    datetime,
    Meta(extra_json_schema={"format": "date-time", "pattern": r"([Zz]|[+-][0-9]{2}:?[0-9]{2})\Z"}),
]
Number = Annotated[int, Meta(ge=0, le=2**32 - 1)]


class WrittenEntity(Strict, frozen=True):
    """A subject or resource."""

    type: str
    id: str
    properties: Object = msgspec.field(default_factory=dict)


class WrittenAction(Strict, frozen=True):
    """An action."""

    name: str
    properties: Object = msgspec.field(default_factory=dict)


class WrittenCaller(Strict, frozen=True):
    """Who asks, as the kernel would tell."""

    uid: Number | None = None
    gid: Number | None = None


class Given(Strict, frozen=True):
    """The request of a case, and when it comes."""

    subject: TypeAndId | WrittenEntity
    action: str | WrittenAction
    resource: TypeAndId | WrittenEntity
    context: Object = msgspec.field(default_factory=dict)
    caller: WrittenCaller = WrittenCaller()
    now: Moment | None = None

    def __post_init__(self) -> None:
        if self.now is not None and self.now.tzinfo is None:
            raise ValueError("`now` needs a time zone, as in 2026-01-01T09:00:00Z")

    def request(self) -> Request:
        action = self.action
        return Request(
            Subject(*_entity(self.subject)),
            Action(action) if isinstance(action, str) else Action(action.name, action.properties),
            Resource(*_entity(self.resource)),
            self.context,
        )

    def asker(self) -> Caller:
        return Caller(uid=self.caller.uid, gid=self.caller.gid)

    def time(self) -> float:
        return DEFAULT_NOW if self.now is None else self.now.timestamp()


class Bounds(Strict, frozen=True):
    """Bounds of the risk score, both included."""

    min: Limit = 0
    max: Limit = 100


class Expect(Strict, frozen=True):
    """What the decision must be; what is left out is not looked at. `rules` are all rules that decided."""

    verdict: Literal["allow", "pending", "deny"]
    code: Code | None = None
    rules: tuple[str, ...] | None = None
    risk: Bounds | None = None


class Case(Strict, frozen=True):
    """One test."""

    name: str
    given: Given
    expect: Expect


class WrittenTests(Strict, frozen=True):
    """One document."""

    api_version: Literal["ascend.sidecar/v1"] = msgspec.field(name="apiVersion")
    kind: Literal["PolicyTest"]
    tests: Annotated[tuple[Case, ...], Meta(min_length=1, description="a list with at least one test")]
    metadata: Metadata | None = None


def parse_cases(documents: Iterable[Document]) -> tuple[tuple[Place, Case], ...]:
    """Every case with its place. Raises MalformedBundle with every finding."""
    findings: list[Diagnostic] = []
    cases: list[tuple[Place, Case]] = []
    for document in documents:
        try:
            tests = read(document, WrittenTests).tests
        except DocumentError as error:
            findings += error.diagnostics
        else:
            cases += [(document.place("tests", index), case) for index, case in enumerate(tests)]
    if findings:
        raise MalformedBundle(*findings)
    return tuple(cases)


def _entity(written: str | WrittenEntity) -> tuple[str, str, Object]:
    if isinstance(written, str):
        kind, _, identity = written.partition(":")
        return kind, identity, {}
    return written.type, written.id, written.properties
