"""DSSE v1.0.2 envelopes: bytes, what they are, and signatures over both.

What is signed is the pre-authentication encoding of type and body (protocol.md), so nothing that is signed as one
thing can pass for another. Only `open_envelope` gives the body away, and only if enough keys signed these very bytes.
"""

from base64 import b64encode
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Iterable, Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from sidecar.core.errors import NotABundle, RequestError, UntrustedBundle, WrongPayloadType
from sidecar.core.ijson import JsonLimits, parse_object
from sidecar.core.trust.keys import PublicKey, Signer
from sidecar.core.trust.keyset import KeySet

_LIMITS: Final = JsonLimits(depth=8, entries=64)
# One call of the decoder holds the interpreter until it is done: large bodies are decoded in slices of whole quads.
_SLICE: Final = 256 * 1024
_URL_SAFE: Final = str.maketrans("-_", "+/")
_SHOWN_ID: Final = 12


class Signature(msgspec.Struct, frozen=True, omit_defaults=True):
    """envelope.md: an unset `keyid` is an empty one. It is a hint, and nobody vouches for it."""

    sig: Annotated[str, Meta(max_length=1024)]
    keyid: Annotated[str, Meta(max_length=256)] = ""


class Envelope(msgspec.Struct, frozen=True, omit_defaults=True, rename={"payload_type": "payloadType"}):
    """envelope.md: fields that we do not know are ignored. `keys` is ours: key sets, each an envelope of its own,
    oldest first, by which a host finds its way from the keys that it knows to those in force."""

    payload: str
    payload_type: Annotated[str, Meta(max_length=256)]
    signatures: Annotated[tuple[Signature, ...], Meta(max_length=16)]
    keys: Annotated[tuple["Envelope", ...], Meta(max_length=32)] = ()


def encoding(payload_type: str, body: bytes) -> bytes:
    """protocol.md: PAE(type, body) = "DSSEv1" SP LEN(type) SP type SP LEN(body) SP body."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(body), body)


def parse_envelope(raw: bytes) -> Envelope:
    """Strictly, with no member twice. Nothing in it is verified yet. Raises NotABundle."""
    try:
        return msgspec.convert(parse_object(raw, _LIMITS), Envelope)
    except RequestError as error:
        problem = str(error).replace("the body", "it")
        raise NotABundle(f"this is no DSSE envelope: {problem}") from error
    except (msgspec.ValidationError, RecursionError) as error:
        raise NotABundle(f"this is no DSSE envelope: {error}") from error


def open_envelope(envelope: Envelope, payload_type: str, keys: KeySet) -> tuple[bytes, tuple[PublicKey, ...]]:
    """The body, and the keys that signed it: at least as many different ones as the set's threshold.

    protocol.md: (t, n) counts unique keys, not signatures; the type is looked at once the signatures are good.
    Raises NotABundle, UntrustedBundle, WrongPayloadType.
    """
    body = _decode(envelope.payload, "payload")
    signed = encoding(envelope.payload_type, body)
    good = tuple(_signers(envelope.signatures, signed, keys.keys))
    if len(good) < keys.threshold:
        raise UntrustedBundle(_too_few(envelope, len(good), keys))
    if envelope.payload_type != payload_type:
        raise WrongPayloadType(f"the signed type is `{envelope.payload_type}`, not `{payload_type}`")
    return body, good


def read_unverified(envelope: Envelope) -> bytes:
    """The body of an envelope that nobody vouches for, to be signed or looked at, never to be acted on."""
    return _decode(envelope.payload, "payload")


def seal(
    payload_type: str, body: bytes, signers: Sequence[Signer], keys: tuple[Envelope, ...] = ()
) -> Envelope:
    """An envelope of this body, signed by each."""
    unsigned = Envelope(b64encode(body).decode(), payload_type, (), keys)
    return countersign(unsigned, signers)


def countersign(envelope: Envelope, signers: Sequence[Signer]) -> Envelope:
    """The envelope with a signature of each, which takes the place of one that claims to be by the same key."""
    signed = encoding(envelope.payload_type, _decode(envelope.payload, "payload"))
    more = tuple(Signature(b64encode(one.sign(signed)).decode(), one.public.id) for one in signers)
    ours = {signature.keyid for signature in more}
    kept = tuple(signature for signature in envelope.signatures if signature.keyid not in ours)
    return msgspec.structs.replace(envelope, signatures=kept + more)


def write_envelope(envelope: Envelope) -> bytes:
    """One line of JSON that `parse_envelope` reads. Raises NotABundle for what it would not: too many signatures."""
    raw = msgspec.json.encode(envelope) + b"\n"
    parse_envelope(raw)
    return raw


def _signers(
    signatures: Sequence[Signature], signed: bytes, keys: Iterable[PublicKey]
) -> Iterable[PublicKey]:
    decoded = [_decode(signature.sig, "signature") for signature in signatures]
    return (key for key in keys if any(key.verifies(signature, signed) for signature in decoded))


def _too_few(envelope: Envelope, good: int, keys: KeySet) -> str:
    hints = ", ".join(one.keyid[:_SHOWN_ID] or "no id" for one in envelope.signatures) or "nobody"
    return (
        f"{good} of the {len(keys.keys)} trusted keys signed these bytes, {keys.threshold} must; "
        f"key set version {keys.version}, signatures claim to be by {hints}"
    )


def _decode(text: str, what: str) -> bytes:
    """envelope.md: both the standard and the URL-safe alphabet of RFC 4648 are accepted."""
    problem = f"the {what} of the envelope is not base64"
    if "=" in text[:-2]:  # which would pass at the end of a slice
        raise NotABundle(problem)
    try:
        slices = (text[at : at + _SLICE] for at in range(0, len(text), _SLICE))
        return b"".join(a2b_base64(piece.translate(_URL_SAFE), strict_mode=True) for piece in slices)
    except (Base64Error, ValueError) as error:
        raise NotABundle(problem) from error
