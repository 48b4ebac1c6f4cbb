"""Delegation: an action that one agent has another do is judged as if each agent above had asked for it itself.

A request says in its context in which session it is, which decision it was delegated under, and how deep. Who that
decision was for is looked up and never believed. The control can only tighten: it is a deny where an agent above is
denied the same, and a hold where one is held.
"""

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import msgspec

from sidecar.core.model import Code, Control, Object, Ruling, Stage, Subject, Verdict

SESSION: Final = "orchestration_session_id"
PARENT: Final = "parent_action_id"
DEPTH: Final = "orchestration_depth"
MOST_DEPTH: Final = 5
SESSION_CHARS: Final = 256
_MOST_DIGITS: Final = 18


class Place(msgspec.Struct, frozen=True, gc=False):
    """What a request says of where it stands. `parent` is the number of a record; None where it says nothing."""

    session: str = ""
    parent: int | None = None
    depth: int | None = None


class Lineage(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Who is above a request, nearest first, and the depth of the decision that it was delegated under."""

    ancestors: tuple[Subject, ...]
    depth: int = 0


class Foreign(msgspec.Struct, frozen=True, gc=False):
    """The decision that a request names is not one that it can be delegated under, and why."""

    reason: str


# What was found of the parent that a request names; None: it names none, or nobody looked.
Kin: TypeAlias = Lineage | Foreign | None


class Delegated(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Where a request stands, as its record has it and its children build on it. `lineage` is None at the top."""

    session: str = ""
    depth: int = 0
    lineage: Lineage | None = None


def is_orchestrated(context: Object) -> bool:
    """Whether a request says anything of where it stands."""
    return bool(context) and (SESSION in context or PARENT in context or DEPTH in context)


def read_place(context: Object) -> Place | Ruling:
    """Where a request says that it stands; the deny of the control where that cannot be read. null says nothing."""
    session, parent, depth = context.get(SESSION), context.get(PARENT), context.get(DEPTH)
    if not (session is None or (isinstance(session, str) and 0 < len(session) <= SESSION_CHARS)):
        return _deny(Code.FOREIGN_PARENT, f"`{SESSION}` must be a text of 1 to {SESSION_CHARS} characters.")
    number = _number(parent)
    if number is None and parent is not None:
        return _deny(Code.FOREIGN_PARENT, f"`{PARENT}` must be the number of a decision.")
    if not (depth is None or (_is_whole(depth) and depth >= 0)):
        return _deny(Code.DELEGATION_DEPTH_WRONG, f"`{DEPTH}` must be a whole number from 0.")
    return Place(session or "", number, depth)


def standing(context: Object, kin: Kin) -> Delegated | None:
    """What is recorded of where a request stands; None where it says nothing that can be read."""
    place = read_place(context) if is_orchestrated(context) else None
    if not isinstance(place, Place):
        return None
    lineage = kin if isinstance(kin, Lineage) else None
    return Delegated(place.session, _depth(place, lineage), lineage)


def rule_on(context: Object, kin: Kin, most: int, above: Sequence[Ruling], granted: frozenset[str]) -> Ruling:
    """The ruling on a request. `above` is what each agent above would get for it, `most` the bundle's limit."""
    place = read_place(context)
    if isinstance(place, Ruling):
        return place
    if isinstance(kin, Foreign):
        return _deny(Code.FOREIGN_PARENT, kin.reason)
    if kin is None and place.parent is not None:
        return _deny(Code.FOREIGN_PARENT, "There is no log here to look up the decision that it names.")
    return _too_deep(place, kin, most) or _as_above(above, granted)


def _too_deep(place: Place, lineage: Lineage | None, most: int) -> Ruling | None:
    depth = _depth(place, lineage)
    if lineage is not None and depth <= lineage.depth:
        reason = f"What is delegated at depth {lineage.depth} is deeper than that, and not at depth {depth}."
        return _deny(Code.DELEGATION_DEPTH_WRONG, reason)
    if depth > most:
        return _deny(Code.DELEGATION_TOO_DEEP, f"Depth {depth} is beyond {most}, the most that is allowed.")
    return None


def _as_above(above: Sequence[Ruling], granted: frozenset[str]) -> Ruling:
    for ruling in above:
        if ruling.verdict is Verdict.DENY:
            reason = f"An agent that this is done for is denied the same: {ruling.reason}"
            return _deny(Code.DELEGATION_EXCEEDS_PARENT, reason)
    held = [ruling for ruling in above if ruling.verdict is Verdict.PENDING]
    if not held:
        return FREE
    if Control.DELEGATION.value in granted:
        reason = "An agent that this is done for needs approval for the same, and people approved."
        return Ruling(Control.DELEGATION, Verdict.ALLOW, Code.APPROVED, reason)
    reason = f"An agent that this is done for needs approval for the same: {held[0].reason}"
    code = Code.DELEGATION_NEEDS_APPROVAL
    return Ruling(Control.DELEGATION, Verdict.PENDING, code, reason, _stages(held))


FREE: Final = Ruling(Control.DELEGATION, Verdict.ALLOW, Code.NOT_APPLICABLE)
LACKS: Final = Ruling(
    Control.DELEGATION, Verdict.DENY, Code.INTERNAL_ERROR, "How deep may be delegated could not be found out."
)


def _deny(code: Code, reason: str) -> Ruling:
    return Ruling(Control.DELEGATION, Verdict.DENY, code, reason)


def _depth(place: Place, lineage: Lineage | None) -> int:
    """As it says; else one below its parent, and without one at the top."""
    if place.depth is not None:
        return place.depth
    return lineage.depth + 1 if lineage is not None else 0


def _stages(held: Sequence[Ruling]) -> tuple[Stage, ...]:
    return tuple(dict.fromkeys(stage for ruling in held for stage in ruling.stages))


def _number(parent: Any) -> int | None:
    """The SDK has it as text or as a number."""
    if _is_whole(parent) and 0 <= parent < 10**_MOST_DIGITS:
        return int(parent)
    is_text = isinstance(parent, str) and parent.isascii() and parent.isdigit()
    return int(parent) if is_text and len(parent) <= _MOST_DIGITS else None


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
