"""Refusals: what of the messages without effect is kept in the log for people to look at, so much that it serves."""

import logging
from collections.abc import Awaitable
from typing import Final

import msgspec

from sidecar.core.killswitch.record import RefusedRecord
from sidecar.core.record import encode_record
from sidecar.service.ports import Clock, DecisionLog, Message

_logger = logging.getLogger(__name__)
_BODY_BYTES: Final = 16 * 1024
_A_SECOND: Final = 10
_WITHIN: Final = 5.0
_IDS: Final = 1000


class Refusals:
    """At most ten records a second; the rest is counted, and the next record tells how many there were."""

    def __init__(self, log: DecisionLog, clock: Clock) -> None:
        self.unrecorded = 0
        self._log = log
        self._clock = clock
        self._untold = 0
        self._left = float(_A_SECOND)
        self._filled_at = clock.monotonic()
        self._ids: dict[str, None] = {}

    async def record(self, refused: list[tuple[Message, str, str]]) -> None:
        """Each with `why`, a word, and the reason, a sentence. Raises AuditError."""
        durable = [self._append(*one) for one in refused if self._may_record(one[0])]
        for one in durable:
            await one
        for message, _, _ in refused:
            self._remember(message.id)

    def _may_record(self, message: Message) -> bool:
        """One that could not be deleted comes again, and is on record already."""
        if message.id in self._ids:
            return False
        now = self._clock.monotonic()
        self._left = min(_A_SECOND, self._left + (now - self._filled_at) * _A_SECOND)
        self._filled_at = now
        if self._left < 1:
            self.unrecorded += 1
            self._untold += 1
            return False
        self._left -= 1
        return True

    def _append(self, message: Message, why: str, reason: str) -> Awaitable[object]:
        if self._untold:
            reason = f"{reason} ({self._untold} messages before it were refused without a record)"
            self._untold = 0
        _logger.warning("message %s of the kill switch has no effect: %s", message.id, reason)
        record = RefusedRecord(why, reason, message.id, beginning(message.body), self._clock.now())
        return self._log.append(encode_record(record), _WITHIN)

    def _remember(self, identity: str) -> None:
        self._ids[identity] = None
        if len(self._ids) > _IDS:
            del self._ids[next(iter(self._ids))]


def beginning(body: str) -> str:
    """As much of it as has at most 16 KiB in a record, where some characters have six bytes."""
    kept = body[:_BODY_BYTES]
    while (size := len(msgspec.json.encode(kept)) - 2) > _BODY_BYTES:
        kept = kept[: min(len(kept) - 1, len(kept) * _BODY_BYTES // size)]
    return kept
