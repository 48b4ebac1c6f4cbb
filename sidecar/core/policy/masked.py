"""Masked: which rules could look at a part of a request that the log holds only as a mask.

What such a rule would say cannot be told from the record. Everything that a mask could influence counts: a condition
that names the masked part, something in it or something that it is in, `has()` included (whether a masked field is
there could be told, but what is asked of it is mostly asked next); and a pattern for the id of a resource whose id is
masked.
"""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from sidecar.core.masks import RESOURCE_ID, Path
from sidecar.core.model import Request
from sidecar.core.policy.compiled import CompiledRule, Names, names_of
from sidecar.core.policy.condition import Condition, Tree
from sidecar.core.policy.globs import Glob
from sidecar.core.policy.index import Node, candidates


class Unseen(msgspec.Struct, frozen=True, gc=False):
    """A rule, and the masked path of the request that it could look at."""

    rule: str
    path: str


def unseen(
    rules: Sequence[CompiledRule], root: Node, requests: Iterable[Request], masked: Sequence[Path]
) -> tuple[Unseen, ...]:
    """Every rule that could look at one of the `masked` paths, in the order they are written in.

    `requests` are the recorded one and its twin with normal paths; `root` is the index over the rules.
    """
    found: dict[CompiledRule, list[Path]] = {}
    for names in map(names_of, requests):
        for rule in _candidates(rules, root, names, masked):
            found[rule] = [path for path in masked if _looks_at(rule, path, names)]
    ordered = sorted(found, key=lambda rule: rule.order)
    return tuple(Unseen(rule.rule.id, ".".join(path)) for rule in ordered for path in found[rule])


def _candidates(
    rules: Sequence[CompiledRule], root: Node, names: Names, masked: Sequence[Path]
) -> Iterator[CompiledRule]:
    """The rules whose patterns match the names, or would if a masked id were a certain one."""
    if RESOURCE_ID not in masked:
        return (rule for rule in candidates(root, names) if rule.fits(names))
    return (
        rule
        for rule in rules
        if rule.fits_action(names.action)
        and rule.fits_subject(names.subject_type, names.subject_id)
        and (rule.rule.resources is None or any(_ids(rule, names)))
    )


def _ids(rule: CompiledRule, names: Names) -> Iterator[Glob]:
    """The rule's patterns for the ids of resources of this type."""
    return (glob.id for glob in rule.rule.resources or () if glob.type.matches(names.resource_type))


def _looks_at(rule: CompiledRule, masked: Path, names: Names) -> bool:
    if masked == RESOURCE_ID and _turns_on_id(rule, names):
        return True
    named = paths_named(rule.condition) if rule.condition is not None else ()
    return any(path[: len(masked)] == masked[: len(path)] for path in named)


def _turns_on_id(rule: CompiledRule, names: Names) -> bool:
    """Whether it depends on the id if the rule matches a resource of this type."""
    if rule.rule.resources is None:
        return False
    return not any(set(glob.text) == {"*"} for glob in _ids(rule, names))


def paths_named(condition: Condition) -> Iterator[Path]:
    """The paths that a condition reads; one that it uses whole, or by an index, stands for all below it."""
    yield from condition.flat.values()
    yield from _leaves(condition.reads, ())


def _leaves(tree: Tree, path: Path) -> Iterator[Path]:
    for name, below in tree.items():
        if below is None:
            yield (*path, name)
        else:
            yield from _leaves(below, (*path, name))
