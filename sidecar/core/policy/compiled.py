"""A compiled rule: all that evaluation needs of it, ready."""

from collections.abc import Callable
from dataclasses import dataclass
from unicodedata import normalize

import msgspec

from sidecar.core.model import Request
from sidecar.core.policy.condition import Condition
from sidecar.core.policy.globs import ANY, Glob
from sidecar.core.policy.values import PolicyResult, Rule, TypedGlob


class Names(msgspec.Struct, frozen=True, gc=False):
    """The strings of a request that patterns are matched with, in NFC; `resource`, `subject` as `type:id`."""

    action: str
    resource: str
    subject: str
    resource_type: str
    resource_id: str
    subject_type: str
    subject_id: str


def names_of(request: Request) -> Names:
    """The names of a request."""
    subject, resource, action = request.subject, request.resource, request.action.name
    names = (
        action,
        f"{resource.type}:{resource.id}",
        f"{subject.type}:{subject.id}",
        resource.type,
        resource.id,
        subject.type,
        subject.id,
    )
    if action.isascii() and names[1].isascii() and names[2].isascii():
        return Names(*names)
    return Names(*(normalize("NFC", name) for name in names))


@dataclass(frozen=True, slots=True, eq=False)
class CompiledRule:
    """`order` is its number in the bundle; `alone` the result where only it matches and nothing erred."""

    order: int
    rule: Rule
    condition: Condition | None
    alone: PolicyResult
    fits_action: Callable[[str], object]
    fits_resource: Callable[[str, str], object]
    fits_subject: Callable[[str, str], object]

    def fits(self, names: Names) -> bool:
        """Whether `match` admits the request."""
        return bool(
            self.fits_action(names.action)
            and self.fits_resource(names.resource_type, names.resource_id)
            and self.fits_subject(names.subject_type, names.subject_id)
        )


def any_name(globs: tuple[Glob, ...] | None) -> Callable[[str], object]:
    """Whether one of the globs matches; None: always. The common shapes get by without a loop."""
    if globs is None:
        return lambda _: True
    if len(globs) == 1:
        return globs[0].matches
    if all(glob.is_literal for glob in globs):
        return frozenset(glob.prefix for glob in globs).__contains__
    return lambda name: any(glob.matches(name) for glob in globs)


def any_typed(globs: tuple[TypedGlob, ...] | None) -> Callable[[str, str], object]:
    """The same for patterns `type:id`."""
    if globs is None:
        return lambda _kind, _identity: True
    if len(globs) == 1:
        return _typed(globs[0])
    return lambda kind, identity: any(glob.type.matches(kind) and glob.id.matches(identity) for glob in globs)


def _typed(glob: TypedGlob) -> Callable[[str, str], object]:
    is_kind, whole, is_identity = glob.type.matches, glob.type.prefix, glob.id.matches
    if not glob.type.is_literal:
        return lambda kind, identity: is_kind(kind) and is_identity(identity)
    if glob.id.text == ANY:
        return lambda kind, _identity: kind == whole
    return lambda kind, identity: kind == whole and is_identity(identity)
