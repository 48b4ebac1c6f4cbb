"""The reader: of each message of the queue, what it means and whether it is believed.

1. A signed order or beacon of ours is believed by its own signature, in whatever it comes.
2. Anything else has only SNS to vouch for it: its topic, the address of its certificate, its signature.
3. A halt whose certificate cannot be had is believed for now. The rest of what cannot be verified is not.
"""

import asyncio
from typing import Final

import msgspec

from sidecar.core.bundle.verify import DEFAULT_SKEW, Trust
from sidecar.core.errors import KillSwitchError
from sidecar.core.killswitch import Order, Proof
from sidecar.core.killswitch.halts import name_of_organization
from sidecar.core.killswitch.wire import (
    Beacon,
    Carrier,
    Notification,
    Pinned,
    Reading,
    Refusal,
    Refused,
    certified_key,
    check_signature,
    envelope_in,
    is_envelope,
    object_in,
    parse_body,
    parse_notification,
    read_documented,
    read_signed,
    read_vouched,
    refusal,
)
from sidecar.core.model import Object
from sidecar.service.ports import Certificates, Message

# A halt does not wait longer than this for the certificate that would prove it.
_PATIENCE: Final = 0.4
_PROVISIONAL: Final = 64
_PROVISIONAL_CHARS: Final = 16 * 1024


class Provisional(msgspec.Struct, frozen=True):
    """A halt that was believed without proof, to be read once more."""

    message: Message
    received_at: float


class Reader:
    """`trust` None: no keys are configured. `pinned` None: no topic is, so nothing but our own form is believed.

    `is_raw`: SNS signs nothing. `organization` is this host's, "" for any.
    """

    def __init__(
        self,
        trust: Trust | None,
        pinned: Pinned | None,
        certificates: Certificates,
        *,
        is_raw: bool = False,
        organization: str = "",
        patience: float = _PATIENCE,
    ) -> None:
        self._trust = trust
        self._skew = trust.skew if trust else DEFAULT_SKEW
        self._pinned = pinned
        self._certificates = certificates
        self._is_raw = is_raw
        self._organization = name_of_organization(organization)
        self._patience = patience
        self._provisional: dict[str, Provisional] = {}

    async def read(self, message: Message, received_at: float) -> Reading:
        """What one message says. Never raises, whatever its bytes are."""
        try:
            reading = await self._read(message.body, received_at)
        except KillSwitchError as error:
            return Refused(Refusal(error.what), str(error))
        if isinstance(reading, Order) and reading.proof is Proof.PROVISIONAL:
            self._remember(Provisional(message, received_at))
        return reading

    async def reverify(self) -> list[Order | Refused]:
        """Halts that were believed without proof and can be judged by now: with the proof, or refused as forged.

        A forged one stays in force: what releases it is the authoritative state, and never a message.
        """
        judged: list[Order | Refused] = []
        for key, one in list(self._provisional.items()):
            reading = await self.read(one.message, one.received_at)
            if isinstance(reading, Order) and reading.proof is Proof.PROVISIONAL:
                break  # The certificate still cannot be had; nor can it for the others.
            self._provisional.pop(key, None)
            if not isinstance(reading, Beacon):
                judged.append(reading)
        return judged

    async def _read(self, body: str, received_at: float) -> Order | Beacon:
        found = parse_body(body)
        if is_envelope(found):
            return self._signed(body, received_at)
        notification = parse_notification(found)
        inner = object_in(notification.message)
        if self._trust is not None and inner is not None and is_envelope(inner):
            return self._signed_within(notification, received_at)
        pinned = self._pinned
        if self._is_raw or pinned is None:
            raise refusal(Refusal.UNSIGNED, "without an envelope of SNS only signed orders are believed")
        pinned.check_topic(notification.topic_arn)
        proof = await self._proof(notification, pinned.address(notification.certificate_url))
        return self._vouched(notification, inner, proof, received_at)

    def _signed(self, text: str, received_at: float) -> Order | Beacon:
        if self._trust is None:
            raise refusal(
                Refusal.UNTRUSTED,
                "there are no keys that it could be verified by",
            )
        return read_signed(envelope_in(text), self._trust, received_at, self._organization)

    def _signed_within(self, notification: Notification, received_at: float) -> Order | Beacon:
        """The signature of SNS is not even looked at: good or wrong, it would change nothing of a signed order.

        But a beacon of another topic says nothing of the way that orders take.
        """
        read = self._signed(notification.message, received_at)
        if isinstance(read, Beacon) and self._pinned is not None:
            self._pinned.check_topic(notification.topic_arn)
        return read

    async def _proof(self, notification: Notification, url: str) -> Proof:
        """Raises KillSwitchError for a signature that is not good."""
        pem = await self._certificate(url)
        if pem == b"":
            raise refusal(Refusal.NO_CERTIFICATE, "SNS has no certificate of the name that the message gives")
        key = certified_key(pem) if pem else None
        if key is None:
            return Proof.PROVISIONAL
        check_signature(notification, key)
        return Proof.SNS

    async def _certificate(self, url: str) -> bytes | None:
        try:
            async with asyncio.timeout(self._patience):
                return await self._certificates.get(url)
        except TimeoutError:
            return None

    def _vouched(
        self, notification: Notification, inner: Object | None, proof: Proof, received_at: float
    ) -> Order | Beacon:
        topic = notification.topic_arn
        if inner is not None and is_envelope(inner) and proof is Proof.SNS:
            envelope = envelope_in(notification.message)
            return read_vouched(envelope, topic, received_at, self._skew, self._organization)
        carrier = Carrier(
            message_id=notification.message_id,
            timestamp=notification.timestamp,
            topic_arn=topic,
            proof=proof,
            received_at=received_at,
            skew=self._skew,
            organization=self._organization,
        )
        return read_documented(inner, carrier)

    def _remember(self, provisional: Provisional) -> None:
        """What is too long, or too long ago, stays in force, and nobody hears that it was proven."""
        if len(provisional.message.body) > _PROVISIONAL_CHARS:
            return
        self._provisional[provisional.message.body] = provisional
        if len(self._provisional) > _PROVISIONAL:
            del self._provisional[next(iter(self._provisional))]
