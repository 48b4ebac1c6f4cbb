"""Verification: from unverified bytes to a payload that may be compiled. Every step refuses by an error of its own.

1. Parse the envelope, strictly.
2. Follow the signed steps from the keys that the operator trusts to those in force.
3. Their version is not below one that was in force here before.
4. Check the signatures over exactly these bytes: a threshold of different keys.
5. The payload type is that of a bundle.
6. Parse the very bytes that were verified, in their one form, each file with its digest.
7. It is for this name, this audience and this version of the daemon.
8. It was issued (clocks may differ a little), and has not expired.
9. Its revision is not below the floor, unless it is a downgrade that was issued later than what it replaces; and one
   revision has one content.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from sidecar.core.bundle.assemble import Identity, assemble
from sidecar.core.bundle.model import Bundle, Signed
from sidecar.core.bundle.payload import ANYONE, BUNDLE_TYPE, Header, Payload, read_payload
from sidecar.core.errors import (
    Diagnostic,
    ExpiredBundle,
    MalformedBundle,
    NotForUs,
    NotYetValidBundle,
    Place,
    RolledBackBundle,
)
from sidecar.core.times import rfc3339
from sidecar.core.trust import KeySet, open_envelope, parse_envelope
from sidecar.core.trust.rotation import follow

DEFAULT_SKEW: Final = 60.0


@dataclass(frozen=True, slots=True)
class Trust:
    """What the operator trusts: `keys` for bundles called `name`. `skew` is how far clocks may differ, in seconds.

    `audience` are this host's labels; `min_revision` a floor that no bundle can lower;
    `daemon_version` is what `min_daemon_version` is compared with.
    """

    name: str
    keys: KeySet
    daemon_version: str
    audience: frozenset[str] = frozenset()
    min_revision: int = 0
    skew: float = DEFAULT_SKEW


class Floor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The highest that was ever in force here, for one name of bundles. `issued_at` in epoch seconds.

    `digest` is that of the bundle of this revision, "" where none of it was in force.
    """

    revision: int = 0
    digest: str = ""
    issued_at: float = 0.0
    keys_version: int = 0

    def after(self, signed: Signed, digest: str) -> "Floor":
        """The floor once this bundle is in force. A signed downgrade lowers the revision, and nothing else."""
        revision = signed.revision
        if signed.allow_rollback_to is not None:
            revision = min(revision, signed.allow_rollback_to)
        return Floor(
            revision,
            digest if revision == signed.revision else "",
            max(self.issued_at, signed.issued_at),
            max(self.keys_version, signed.keys_version),
        )


@dataclass(frozen=True, slots=True)
class Verified:
    """A payload that trusted keys signed and that may be in force now; only `verify` gives one away."""

    payload: Payload
    signed: Signed

    @property
    def header(self) -> Header:
        return self.payload.header


def verify(raw: bytes, trust: Trust, floor: Floor, now: float) -> Verified:
    """The payload of these bytes as of `now` (epoch seconds). Raises a BundleError that says what is wrong."""
    verified = _open(raw, trust, floor)  # 1 to 6
    header = verified.header
    _check_addressee(header, trust)  # 7
    _check_time(header, trust.skew, now)  # 8
    _check_revision(verified.signed, verified.payload.digest, trust, floor)  # 9
    return verified


def floor_under(raw: bytes, trust: Trust) -> Floor:
    """The floor of a host which has this bundle in force, be it expired by now. Raises BundleError."""
    verified = _open(raw, trust, Floor())
    _check_name(verified.header, trust)
    return Floor().after(verified.signed, verified.payload.digest)


def _open(raw: bytes, trust: Trust, floor: Floor) -> Verified:
    envelope = parse_envelope(raw)  # 1
    keys = follow(envelope.keys, trust.keys, trust.name)  # 2
    _check_keys(keys, floor)  # 3
    body, signers = open_envelope(envelope, BUNDLE_TYPE, keys)  # 4, 5
    payload = read_payload(body)  # 6
    header = payload.header
    signed = Signed(
        revision=header.revision,
        issued_at=header.issued_at.timestamp(),
        expires_at=header.expires_at.timestamp(),
        signers=tuple(sorted(key.id for key in signers)),
        keys_version=keys.version,
        allow_rollback_to=header.allow_rollback_to,
    )
    return Verified(payload, signed)


def compile_bundle(verified: Verified, source: str, own: Sequence[str] = ()) -> Bundle:
    """What decides. `own` are the daemon's absolute folders, as for `load_folder`. Raises MalformedBundle."""
    header, payload = verified.header, verified.payload
    identity = Identity(header.name, str(header.revision), payload.digest, source, verified.signed)
    return assemble(payload.documents, identity, own)


def _check_keys(keys: KeySet, floor: Floor) -> None:
    if keys.version < floor.keys_version:
        raise RolledBackBundle(
            f"the keys lead to version {keys.version}, but version {floor.keys_version} was in force here; "
            "carry the newer key set in the bundle, or set trust.version if trust.keys are newer"
        )


def _check_name(header: Header, trust: Trust) -> None:
    if header.name != trust.name:
        raise NotForUs(f"this is a bundle called `{header.name}`; trust.name is `{trust.name}`")


def _check_addressee(header: Header, trust: Trust) -> None:
    _check_name(header, trust)
    if ANYONE not in header.audience and trust.audience.isdisjoint(header.audience):
        theirs, ours = ", ".join(header.audience), ", ".join(sorted(trust.audience)) or "none"
        raise NotForUs(f"it is for {theirs}; the labels of this host (trust.audience) are {ours}")
    if _numbers(header.min_daemon_version) > _numbers(trust.daemon_version):
        raise NotForUs(f"it needs version {header.min_daemon_version}, this is {trust.daemon_version}")


def _check_time(header: Header, skew: float, now: float) -> None:
    issued, expires = header.issued_at.timestamp(), header.expires_at.timestamp()
    if expires <= issued:
        place = Place("payload", pointer="/expires_at")
        raise MalformedBundle(Diagnostic(place, "it expires before it was issued"))
    if issued > now + skew:
        raise NotYetValidBundle(
            f"it was issued at {rfc3339(issued)}, {issued - now:.0f} s from now; clocks may differ by {skew:.0f} s"
        )
    if now >= expires:
        raise ExpiredBundle(f"it expired at {rfc3339(expires)}")


def _check_revision(signed: Signed, digest: str, trust: Trust, floor: Floor) -> None:
    """A downgrade must be issued after what it replaces, so that it cannot be brought back later."""
    if signed.revision == floor.revision and floor.digest not in ("", digest):
        raise RolledBackBundle(f"revision {signed.revision} was in force here with another content")
    if signed.revision < trust.min_revision:
        raise RolledBackBundle(
            f"revision {signed.revision} is below trust.min_revision, {trust.min_revision}"
        )
    if signed.revision >= floor.revision:
        return
    granted = signed.allow_rollback_to is not None and signed.revision >= signed.allow_rollback_to
    if not granted:
        raise RolledBackBundle(
            f"revision {signed.revision} is below {floor.revision}, which was in force here; "
            "a deliberate downgrade is signed with allow_rollback_to"
        )
    if signed.issued_at <= floor.issued_at:
        raise RolledBackBundle(
            f"the downgrade to revision {signed.revision} was issued before what it would replace; sign it again"
        )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:3] if part.isdigit())
