"""The book: the newest order of every scope and origin. Pure: each fold gives another book.

The highest `seq` of a scope wins and a tie is a halt, so that orders may come twice, late or out of order and the
outcome is that of the newest. Leaving out, repeating or forging an UNBLOCK never makes it looser: the queue's
UNBLOCKs are hints unless they are signed in our form and the operator takes those.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec
from immutables import Map

from sidecar.core.killswitch.order import FOREVER, Command, Order, Origin, Proof
from sidecar.core.killswitch.scope import Scope

# Orders that bear a number and those that bear none are kept apart: neither can say which of them is newer.
Key = tuple[Origin, Scope, bool]
_SEEN: Final = 10_000
# Clocks of those who order, and of who states what is in force, differ by less than this.
MARGIN: Final = 2.0


class Outcome(StrEnum):
    """What came of an order."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"  # an order of that id was seen already
    SUPERSEDED = "superseded"  # a newer order of the scope is known
    HINT = "hint"  # a release that only says: read the authoritative state


class Book(msgspec.Struct, frozen=True, gc=False):
    """`orders` has the newest order of each scope and origin, releases included, so that what is older stays without
    effect. `seen` and `seen_before` are the identities of late orders; `is_damaged`: what was in force is lost.
    """

    orders: Map[Key, Order] = Map()
    seen: Map[str, bool] = Map()
    seen_before: Map[str, bool] = Map()
    is_damaged: bool = False

    def like(self, order: Order) -> Order | None:
        """The newest order that this one could take the place of."""
        return self.orders.get(key_of(order))

    def halts(self, origin: Origin | None = None) -> Iterator[Order]:
        """Of one origin, or of all; those that are over among them."""
        for order in self.orders.values():
            if order.command is Command.BLOCK and (origin is None or order.origin is origin):
                yield order

    def is_halted(self, scope: Scope, origin: Origin) -> bool:
        """Whether there is a halt of exactly that scope, with a number or without one."""
        found = (self.orders.get((origin, scope, numbered)) for numbered in (True, False))
        return any(order is not None and order.command is Command.BLOCK for order in found)

    def knows(self, identity: str) -> bool:
        return identity in self.seen or identity in self.seen_before


@dataclass(frozen=True, slots=True)
class Epoch:
    """The newest signed state that was believed: what is older is not. `issued_at` in epoch seconds."""

    number: int = 0
    issued_at: float = 0.0


class State(msgspec.Struct, frozen=True):
    """What an authority says is in force as of `as_of` (epoch seconds, by its clock or ours).

    `released` are scopes with the highest `seq` that is over. `covers` is None where it speaks for the whole fleet,
    else the scopes that it speaks for: about all others it says nothing. `is_whole`: with this, all is known that was
    ever in force.
    """

    as_of: float
    halts: tuple[Order, ...] = ()
    released: tuple[tuple[Scope, int], ...] = ()
    covers: frozenset[Scope] | None = None
    is_whole: bool = True


def key_of(order: Order) -> Key:
    return (order.origin, order.scope, order.seq is not None)


def fold(book: Book, order: Order, *, takes_signed_unblock: bool = False) -> tuple[Book, Outcome]:
    """The book after an order. What is no longer new changes nothing."""
    known = book.like(order)
    if book.knows(order.identity):
        return book, Outcome.DUPLICATE
    book = _note(book, order.identity)
    if order.command is Command.UNBLOCK and not _may_release(order, takes_signed=takes_signed_unblock):
        return book, Outcome.HINT
    if known is None:
        return enter(book, order), Outcome.APPLIED
    if order.seq is None:
        return enter(book, _after(known, order)), Outcome.APPLIED
    return (enter(book, order), Outcome.APPLIED) if _is_newer(order, known) else (book, Outcome.SUPERSEDED)


def enter(book: Book, order: Order) -> Book:
    """The book with that order as the newest of its scope, whatever it had."""
    return msgspec.structs.replace(book, orders=book.orders.set(key_of(order), order))


def reconcile(book: Book, state: State) -> tuple[Book, tuple[Order, ...]]:
    """The book after the authority has spoken, and the orders that changed. Only what the fleet has halted changes.

    A halt that the state does not name is over only if the state is newer than it: an order may overtake the state
    that it is part of. One that knows the whole also mends a book that was damaged.
    """
    stated = {order.scope for order in state.halts}
    changed: dict[Key, None] = {}
    for order in state.halts:
        known = book.like(order)
        if known is None or _is_newer(order, known):
            book = enter(book, order if known is None or order.seq is not None else _after(known, order))
            changed[key_of(order)] = None
    over = dict(state.released)
    for halt in list(book.halts(Origin.FLEET)):
        is_covered = state.covers is None or halt.scope in state.covers
        if is_covered and halt.scope not in stated and _is_over(halt, over.get(halt.scope), state.as_of):
            book = enter(book, released(halt, state.as_of))
            changed[key_of(halt)] = None
    if state.is_whole and book.is_damaged:
        book = msgspec.structs.replace(book, is_damaged=False)
    return book, tuple(book.orders[key] for key in changed)


def released(halt: Order, at: float) -> Order:
    """What stands in the place of a halt that the authority does not name any more."""
    return msgspec.structs.replace(
        halt,
        command=Command.UNBLOCK,
        proof=Proof.STATE,
        issued_at=at,
        expires_at=None,
        reason="",
        issued_by="",
    )


def _may_release(order: Order, *, takes_signed: bool) -> bool:
    if order.origin is not Origin.FLEET:
        return True
    return takes_signed and order.proof is Proof.SIGNED and order.seq is not None


def _after(known: Order, order: Order) -> Order:
    """An order without a number in the place of another: a halt of a scope that is halted never shortens that.

    One that is not proven only lengthens one that is.
    """
    if order.command is Command.UNBLOCK or known.command is Command.UNBLOCK:
        return order
    longest = max(_ends(known), _ends(order))
    is_weaker = order.proof is Proof.PROVISIONAL and known.proof is not Proof.PROVISIONAL
    return msgspec.structs.replace(
        known if is_weaker else order,
        issued_at=max(known.issued_at, order.issued_at),
        received_at=max(known.received_at, order.received_at),
        expires_at=None if longest == FOREVER else longest,
    )


def _is_newer(order: Order, known: Order) -> bool:
    """By number; of the same number a halt is newer than a release, and of two halts the one that lasts longer."""
    if order.seq is not None and known.seq is not None and order.seq != known.seq:
        return order.seq > known.seq
    if order.command is not known.command:
        return order.command is Command.BLOCK
    return order.command is Command.BLOCK and (_confirms(order, known) or _ends(order) > _ends(known))


def _confirms(order: Order, known: Order) -> bool:
    """Whether it brings a halt the proof that it lacked."""
    return known.proof is Proof.PROVISIONAL and order.proof is not Proof.PROVISIONAL


def _ends(order: Order) -> float:
    return FOREVER if order.expires_at is None else order.expires_at


def _is_over(halt: Order, over: int | None, as_of: float) -> bool:
    """What an earlier state named is over for any later one: there is but one clock to compare."""
    if halt.seq is not None and over is not None:
        return over >= halt.seq
    return as_of > halt.since if halt.proof is Proof.STATE else as_of >= halt.since + MARGIN


def _note(book: Book, identity: str) -> Book:
    if book.knows(identity):
        return book
    if len(book.seen) >= _SEEN:
        return msgspec.structs.replace(book, seen=Map({identity: True}), seen_before=book.seen)
    return msgspec.structs.replace(book, seen=book.seen.set(identity, True))
