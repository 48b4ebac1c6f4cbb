"""Index: from the names of a request to the few rules that can match it.

A tree. Each branch looks at one name (action, then resource, then subject) and holds its rules by the literal
beginning of their patterns: whole names in a dictionary, beginnings in a sorted list. Which beginnings a name
has is found by one bisection: the longest is the entry sorted just before the name, or one of those that this
entry itself begins with. A few rules are a leaf: looking at each is cheaper than looking them up.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from sidecar.core.policy.compiled import CompiledRule, Names
from sidecar.core.policy.globs import Glob
from sidecar.core.policy.values import Rule, TypedGlob

Node: TypeAlias = "tuple[CompiledRule, ...] | Branch"
_Key = tuple[str, bool]

_LEAF: Final = 4
_FANOUT: Final = 8
_ANYTHING: Final[_Key] = ("", False)
_DIMENSIONS: Final = 3


@dataclass(frozen=True, slots=True)
class Branch:
    """`exact` and `chains` hold all nodes for a name or beginning, those of shorter beginnings included.

    `parents[i]` is the longest other beginning that `beginnings[i]` itself begins with, -1 if none.
    """

    dimension: int
    exact: dict[str, tuple[Node, ...]]
    beginnings: list[str]
    parents: list[int]
    chains: list[tuple[Node, ...]]

    def nodes(self, name: str) -> tuple[Node, ...]:
        """Every node with a rule whose pattern can match the name."""
        known = self.exact.get(name)
        return self.beginning(name) if known is None else known

    def beginning(self, name: str) -> tuple[Node, ...]:
        """The nodes of all beginnings that the name has."""
        here = bisect_right(self.beginnings, name) - 1
        while here >= 0 and not name.startswith(self.beginnings[here]):
            here = self.parents[here]
        return self.chains[here] if here >= 0 else ()


def build_index(rules: Sequence[CompiledRule]) -> Node:
    """The index over these rules."""
    return _node(tuple(rules), 0)


def candidates(root: Node, names: Names) -> list[CompiledRule]:
    """Every rule that can match, in no order; one that matches in several ways may come more than once."""
    keys = (names.action, names.resource, names.subject)
    found: list[CompiledRule] = []
    stack: list[Node] = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, tuple):
            found += node
        else:
            stack += node.nodes(keys[node.dimension])
    return found


def _node(rules: tuple[CompiledRule, ...], dimension: int) -> Node:
    if len(rules) <= _LEAF or dimension == _DIMENSIONS:
        return rules
    groups: dict[_Key, list[CompiledRule]] = {}
    for rule in rules:
        for key in _keys(rule.rule, dimension):
            groups.setdefault(key, []).append(rule)
    if groups.keys() == {_ANYTHING}:
        return _node(rules, dimension + 1)
    return _branch({key: _node(tuple(group), dimension + 1) for key, group in groups.items()}, dimension)


def _branch(nodes: dict[_Key, Node], dimension: int) -> Branch:
    beginnings = sorted(text for text, is_whole in nodes if not is_whole)
    branch = Branch(dimension, {}, beginnings, _parents(beginnings), [])
    for text, parent in zip(beginnings, branch.parents, strict=True):
        longer = branch.chains[parent] if parent >= 0 else ()
        branch.chains.append(_together([nodes[text, False], *longer]))
    for text, is_whole in nodes:
        if is_whole:
            branch.exact[text] = _together([nodes[text, True], *branch.beginning(text)])
    return branch


def _parents(beginnings: Sequence[str]) -> list[int]:
    parents: list[int] = []
    open_: list[int] = []
    for index, text in enumerate(beginnings):
        while open_ and not text.startswith(beginnings[open_[-1]]):
            open_.pop()
        parents.append(open_[-1] if open_ else -1)
        open_.append(index)
    return parents


def _together(nodes: Iterable[Node]) -> tuple[Node, ...]:
    """The nodes with their leaves made one, each rule in it once."""
    branches = [node for node in nodes if not isinstance(node, tuple)]
    leaf = tuple(dict.fromkeys(rule for node in nodes if isinstance(node, tuple) for rule in node))
    return (leaf, *branches) if leaf else tuple(branches)


def _keys(rule: Rule, dimension: int) -> set[_Key]:
    patterns: Sequence[Glob | TypedGlob] | None = (rule.actions, rule.resources, rule.subjects)[dimension]
    if patterns is None:
        return {_ANYTHING}
    keys = {(pattern.prefix, pattern.is_literal) for pattern in patterns}
    if dimension and len(keys) > _FANOUT:
        # A rule stands under each of its keys, on every level: long lists would multiply.
        return {_ANYTHING}
    return keys
