"""How an agent stands with the kill switch, in a word: what shims and SDKs are told of it."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import msgspec

from sidecar.core.killswitch import Halts, Order, Target, told_of
from sidecar.core.killswitch.ruling import DAMAGED, UNREAD

# Stands for every agent: what halts all of a host, or of an organization.
EVERYBODY: Final = "*"


class Word(StrEnum):
    """`partly`: not the agent itself, but something that it was seen with, or somebody that it acted for."""

    CLEAR = "clear"
    PARTLY = "partly"
    BLOCKED = "blocked"
    BLIND = "blind"


class Standing(msgspec.Struct, frozen=True, gc=False):
    """`since` is epoch seconds, 0 where no order says when; `by` who gave the order, else where it came from."""

    word: Word
    reason: str = ""
    since: float = 0.0
    by: str = ""

    @property
    def is_blocked(self) -> bool:
        """Whether nothing that the agent asks for is allowed."""
        return self.word in (Word.BLOCKED, Word.BLIND)


CLEAR: Final = Standing(Word.CLEAR)


def standing(halts: Halts, whole: Target, parts: Sequence[Target], now: float) -> Standing:
    """`whole` is what hits all of an agent's actions, `parts` what hits some."""
    if halts.is_clear:
        return CLEAR
    if (halt := halts.find(whole, now)) is not None:
        return _of(Word.BLOCKED, halt)
    if halts.is_damaged:
        return Standing(Word.BLOCKED, DAMAGED)
    if halts.blinds(whole):
        return Standing(Word.BLIND, halts.why_blind or UNREAD)
    hits = (halts.find(part, now) for part in parts)
    halt = next((hit for hit in hits if hit is not None), None)
    return CLEAR if halt is None else _of(Word.PARTLY, halt)


def _of(word: Word, halt: Order) -> Standing:
    return Standing(word, told_of(halt), halt.since, halt.issued_by or halt.origin.value)
