"""Rotation: a set of keys names the next one, so that hosts follow without a new configuration.

Each step is an envelope of its own, signed by the threshold of the set before it. A bundle carries all steps, and a
host that knows any of the sets goes on from there. A step that the set at hand did not sign is none of its steps.
"""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from sidecar.core import canonical
from sidecar.core.errors import (
    BundleError,
    Diagnostic,
    MalformedBundle,
    Place,
    UntrustedBundle,
    WrongPayloadType,
)
from sidecar.core.trust.dsse import Envelope, open_envelope, read_unverified, seal
from sidecar.core.trust.keys import Signer, UnusableKey, parse_public_key
from sidecar.core.trust.keyset import KeySet

KEYS_TYPE: Final = "application/vnd.ascend-sidecar.keys+json"
# Characters of base64, a multiple of what 16 keys take. Every signature costs a hash of all of it, whoever made it.
_LARGEST: Final = 64 * 1024


class WrittenKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The signed statement: `name` is that of the bundles which the keys sign."""

    api_version: Literal["ascend.sidecar/v1"] = msgspec.field(name="apiVersion")
    kind: Literal["KeySet"]
    name: str
    version: Annotated[int, Meta(ge=1, le=2**31)]
    threshold: int
    keys: tuple[str, ...]

    def value(self) -> KeySet:
        """Raises UnusableKey or ValueError."""
        return KeySet(tuple(parse_public_key(text) for text in self.keys), self.threshold, self.version)


_decoder: Final = msgspec.json.Decoder(WrittenKeys)


def state_keys(name: str, keys: KeySet, signers: tuple[Signer, ...]) -> Envelope:
    """The statement that `keys` come next, signed by the set that is in force."""
    texts = tuple(key.text for key in keys.keys)
    written = WrittenKeys("ascend.sidecar/v1", "KeySet", name, keys.version, keys.threshold, texts)
    return seal(KEYS_TYPE, canonical.encode(written), signers)


def follow(steps: tuple[Envelope, ...], known: KeySet, name: str) -> KeySet:
    """The newest set that a chain of signatures leads to from the known one. Raises NotABundle, MalformedBundle."""
    for step in steps:
        if len(step.payload) > _LARGEST:
            continue
        try:
            body, _ = open_envelope(step, KEYS_TYPE, known)
        except (UntrustedBundle, WrongPayloadType):
            continue
        following = _read(body)
        if following.name == name and following.version > known.version:
            known = _value(following)
    return known


def read_unverified_keys(step: Envelope) -> WrittenKeys:
    """What a step says, signed or not: to be signed, ordered or looked at, never to be followed.

    Raises NotABundle, WrongPayloadType, MalformedBundle.
    """
    if step.payload_type != KEYS_TYPE:
        raise WrongPayloadType(
            f"this is `{step.payload_type}`, not a signed step to other keys, `{KEYS_TYPE}`"
        )
    written = _read(read_unverified(step))
    _value(written)
    return written


def _read(body: bytes) -> WrittenKeys:
    try:
        written: WrittenKeys = canonical.decode_as(body, _decoder)
    except canonical.NotCanonical as error:
        raise _malformed(str(error)) from error
    return written


def _value(written: WrittenKeys) -> KeySet:
    try:
        return written.value()
    except (UnusableKey, ValueError) as error:
        raise _malformed(str(error)) from error


def _malformed(message: str) -> BundleError:
    return MalformedBundle(Diagnostic(Place("keys"), f"a signed set of keys cannot be used: {message}"))
