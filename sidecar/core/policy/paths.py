"""Path rules: which parts of a request are paths, and the request with these normalised."""

from dataclasses import dataclass

from sidecar.core.model import JSON, Action, Object, Request, Resource, Subject
from sidecar.core.paths import normalise

_CONTAINERS = frozenset({dict, list})  # of types: a tuple compares one by one, at ten times the cost


@dataclass(frozen=True, slots=True)
class PathRules:
    """Resource types whose id is a path; property names, at any depth, whose values are paths."""

    resource_types: frozenset[str] = frozenset()
    properties: frozenset[str] = frozenset()

    def twin(self, request: Request) -> Request:
        """The request with every path in it normalised; the very same object where that changes nothing."""
        subject, action, resource = request.subject, request.action, request.resource
        identity = normalise(resource.id) if resource.type in self.resource_types else resource.id
        # One by one, because a generator costs more than looking through them, on the way of every decision.
        own = self._object(subject.properties) if subject.properties else subject.properties
        done = self._object(action.properties) if action.properties else action.properties
        held = self._object(resource.properties) if resource.properties else resource.properties
        around = self._object(request.context) if request.context else request.context
        if (
            identity == resource.id
            and own is subject.properties
            and done is action.properties
            and held is resource.properties
            and around is request.context
        ):
            return request
        return Request(
            Subject(subject.type, subject.id, own),
            Action(action.name, done),
            Resource(resource.type, identity, held),
            around,
        )

    def _object(self, value: Object) -> Object:
        changed, properties = {}, self.properties
        for name, item in value.items():
            if name in properties:
                other = self._paths(item)
            elif type(item) in _CONTAINERS:
                other = self._object(item) if type(item) is dict else self._list(item)
            else:
                continue
            if other is not item:
                changed[name] = other
        return value | changed if changed else value

    def _list(self, items: list[JSON]) -> list[JSON]:
        others = [self._object(item) if type(item) is dict else item for item in items]
        return items if all(a is b for a, b in zip(items, others, strict=True)) else others

    def _paths(self, value: JSON) -> JSON:
        if isinstance(value, str):
            plain = normalise(value)
            return value if plain == value else plain
        if isinstance(value, list):
            others = [self._paths(item) for item in value]
            return value if all(a is b for a, b in zip(value, others, strict=True)) else others
        return self._object(value) if isinstance(value, dict) else value
