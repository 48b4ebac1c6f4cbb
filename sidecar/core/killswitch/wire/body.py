"""The body of a message: which of the forms it is in, before anything of it is believed."""

from typing import Final

from sidecar.core.errors import BundleError, RequestError
from sidecar.core.ijson import JsonLimits, parse_object
from sidecar.core.killswitch.wire.model import Refusal, refusal
from sidecar.core.model import Object
from sidecar.core.trust import Envelope, parse_envelope

# SQS takes at most 1 MiB (SendMessage, "message size quota"); orders are far below that.
_MOST_CHARS: Final = 1024 * 1024
# Each signature costs a hash of all that is signed, whoever made it.
_MOST_SIGNED: Final = 64 * 1024
_LIMITS: Final = JsonLimits(depth=16)
# Ten messages of a megabyte in crumbs would hold the loop for seconds. An order has a few dozen parts.
_PARTS: Final = "{[,"
_MOST_PARTS: Final = 20_000


def parse_body(body: str) -> Object:
    """The JSON object that a body is, no member twice. Raises KillSwitchError."""
    if len(body) > _MOST_CHARS:
        raise refusal(Refusal.MALFORMED, f"the message has more than {_MOST_CHARS} characters")
    found = object_in(body)
    if found is None:
        raise refusal(Refusal.NOT_JSON, "the message is no JSON object, has a member twice or too many")
    return found


def object_in(text: str) -> Object | None:
    """None for what is no JSON object, could be read as two different ones, or takes too long to read."""
    if _parts(text) > _MOST_PARTS and _parts(_outside_strings(text)) > _MOST_PARTS:
        return None
    try:
        return parse_object(text.encode(), _LIMITS)
    except (RequestError, UnicodeEncodeError):
        return None


def _parts(text: str) -> int:
    return sum(map(text.count, _PARTS))


def _outside_strings(text: str) -> str:
    """What SNS carries is one long string, whatever is in it."""
    return "".join(text.replace("\\\\", "").replace('\\"', "").split('"')[::2])


def is_envelope(found: Object) -> bool:
    """Whether it means to be a DSSE envelope."""
    return "payloadType" in found or ("payload" in found and "signatures" in found)


def envelope_in(text: str) -> Envelope:
    """The DSSE envelope, not verified. Raises KillSwitchError."""
    if len(text) > _MOST_SIGNED:
        raise refusal(
            Refusal.MALFORMED, f"an envelope of the kill switch has at most {_MOST_SIGNED} characters"
        )
    try:
        return parse_envelope(text.encode())
    except BundleError as error:
        raise refusal(Refusal.MALFORMED, str(error)) from error
