"""What a message of the queue turns out to be: an order, a beacon, or something that is not believed."""

from enum import StrEnum
from typing import TypeAlias

import msgspec

from sidecar.core.errors import KillSwitchError
from sidecar.core.killswitch.order import Order


class Refusal(StrEnum):
    """Why a message has no effect."""

    NOT_JSON = "not_json"
    NOT_OURS = "not_ours"  # neither of SNS nor an order in our form
    MALFORMED = "malformed"
    CONFIRMATION = (
        "confirmation"  # SNS asks for a subscription to be confirmed, which is never done from here
    )
    WRONG_TOPIC = "wrong_topic"
    BAD_CERTIFICATE_URL = "bad_certificate_url"
    NO_CERTIFICATE = "no_certificate"  # SNS itself says that it has none of that name
    BAD_SIGNATURE = "bad_signature"  # that of SNS
    UNTRUSTED = "untrusted"  # our own form, not signed by the keys that are trusted
    UNSIGNED = "unsigned"  # nobody signed it, and the delivery is raw
    UNVERIFIED = "unverified"  # the certificate could not be had, and it is no halt
    FOREIGN = "foreign"  # of another organization
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"


class Refused(msgspec.Struct, frozen=True, gc=False):
    """A message that is not believed, or not for this host. `reason` is a sentence for people."""

    why: Refusal
    reason: str


class Beacon(msgspec.Struct, frozen=True, gc=False):
    """A sign of life that came all the way. `issued_at` (epoch seconds) is the sender's time, and signed."""

    issued_at: float
    id: str


Reading: TypeAlias = Order | Beacon | Refused


def refusal(why: Refusal, reason: str) -> KillSwitchError:
    """What the functions of this package raise for a message without effect."""
    return KillSwitchError(why.value, reason)
