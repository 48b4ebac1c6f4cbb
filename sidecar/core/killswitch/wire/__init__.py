"""The wire: what a message of the queue means, whether it is believed, and how ours are written."""

from sidecar.core.killswitch.wire.body import envelope_in, is_envelope, object_in, parse_body
from sidecar.core.killswitch.wire.documented import Carrier, read_documented, scope_of
from sidecar.core.killswitch.wire.model import Beacon, Reading, Refusal, Refused, refusal
from sidecar.core.killswitch.wire.pinning import Pinned
from sidecar.core.killswitch.wire.signed import (
    BEACON_TYPE,
    ORDER_TYPE,
    read_signed,
    read_vouched,
    write_beacon,
    write_order,
)
from sidecar.core.killswitch.wire.sns import (
    Notification,
    certified_key,
    check_signature,
    parse_notification,
    signed_text,
)

__all__ = [
    "BEACON_TYPE",
    "ORDER_TYPE",
    "Beacon",
    "Carrier",
    "Notification",
    "Pinned",
    "Reading",
    "Refusal",
    "Refused",
    "certified_key",
    "check_signature",
    "envelope_in",
    "is_envelope",
    "object_in",
    "parse_body",
    "parse_notification",
    "read_documented",
    "read_signed",
    "read_vouched",
    "refusal",
    "scope_of",
    "signed_text",
    "write_beacon",
    "write_order",
]
