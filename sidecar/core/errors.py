"""The taxonomy of errors: by whose fault, hence who acts.

A deny is a value, never an exception. Foreign exceptions are translated once, at the door they came in by,
with the cause chained.
"""

from dataclasses import dataclass
from typing import ClassVar


class SidecarError(Exception):
    """Base of every error that this product raises on purpose. `kind` names it in metrics and records."""

    kind: ClassVar[str] = "other"


@dataclass(frozen=True, slots=True)
class Place:
    """A spot in a document that a person wrote. Lines and columns count from 1; 0 means the whole file.

    In a signed bundle, which has no lines, `pointer` is the JSON Pointer (RFC 6901) into the file.
    """

    path: str
    line: int = 0
    column: int = 0
    pointer: str = ""

    def __str__(self) -> str:
        where = f"{self.path}#{self.pointer}" if self.pointer else self.path
        return ":".join([where, *(str(n) for n in (self.line, self.column) if n)])


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding about a document: where, what is wrong, and what would be right."""

    place: Place
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" + (f" ({self.hint})" if self.hint else "")


class ConfigError(SidecarError):
    """The operator's fault: the daemon does not start (exit 78)."""

    def __init__(self, *diagnostics: Diagnostic) -> None:
        super().__init__("\n".join(str(d) for d in diagnostics))
        self.diagnostics = diagnostics


class RequestError(SidecarError):
    """The caller's fault: no decision was made. `field` is a path such as `subject.id`; "" is the whole body."""

    def __init__(self, message: str, *, field: str = "", status: int = 400) -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.field = field
        self.status = status


class BundleError(SidecarError):
    """A bundle that is not activated; the last good one stays."""


class MalformedBundle(BundleError):
    """The documents of a bundle do not parse. Carries every finding, not only the first."""

    kind = "malformed"

    def __init__(self, *diagnostics: Diagnostic) -> None:
        super().__init__("\n".join(str(d) for d in diagnostics))
        self.diagnostics = diagnostics


class NotABundle(BundleError):
    """The bytes are no signed envelope at all: a web page, an archive, an error message."""

    kind = "not_a_bundle"


class UntrustedBundle(BundleError):
    """Too few of the trusted keys signed these very bytes."""

    kind = "untrusted"


class WrongPayloadType(BundleError):
    """Trusted keys signed this, but as something else than a bundle."""

    kind = "wrong_payload_type"


class RolledBackBundle(BundleError):
    """The revision, or the version of the keys, is below the highest one that was ever in force here."""

    kind = "rolled_back"


class NotYetValidBundle(BundleError):
    """It was issued in the future, by more than clocks may differ."""

    kind = "not_yet_valid"


class ExpiredBundle(BundleError):
    """Its time is over."""

    kind = "expired"


class NotForUs(BundleError):
    """It is for another name, audience or a newer daemon."""

    kind = "not_for_us"


class SourceUnavailable(BundleError):
    """The network's or the server's fault: no answer, or one that says to come back later.

    `retry_after`: seconds that the source asks to be left alone, at most an hour; None if it does not say.
    """

    kind = "source_unavailable"

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SourceRefused(BundleError):
    """The source will not give us this bundle: missing, forbidden, or not authenticated."""

    kind = "source_refused"


class SourceTimeout(BundleError):
    """The source took longer than the whole of a fetch may take."""

    kind = "source_timeout"


class UnaskedNotModified(BundleError):
    """The source says that nothing changed, but was not asked whether it did."""

    kind = "unasked_not_modified"


class BundleTooLarge(BundleError):
    """More bytes than a bundle may have, as sent or once decompressed; reading ended there."""

    kind = "too_large"


class BundleTruncated(BundleError):
    """The source ended before it had sent all of it."""

    kind = "truncated"


class RemoteRefused(SidecarError):
    """A service that keeps keys or files for us will not do what it was asked: no permission, no such thing."""


class RemoteUnreachable(SidecarError):
    """A service that keeps keys or files for us gave no answer, or said that it fails just now."""


class StoreError(SidecarError):
    """The disk's fault: the state folder cannot be read or written. What is in force stays in force."""

    kind = "store"


class DamagedStore(StoreError):
    """What is kept is there and cannot be believed: torn, altered, or of another kind."""

    kind = "damaged_store"


class FeedError(SidecarError):
    """Orders of the kill switch cannot be received just now. `why` names it in metrics and health."""

    def __init__(self, why: str, message: str) -> None:
        super().__init__(message)
        self.why = why


class KillSwitchError(SidecarError):
    """The sender's fault: an order that is not believed, or not for us. Nothing that is in force changes."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.what = kind


class OutboxFull(StoreError):
    """No more can be owed to the platform: all that could go is gone, and what is left is promised."""

    kind = "outbox_full"


class NotOwed(SidecarError):
    """The disk's fault: it is on record here, but the platform will not hear of it unless it is said again."""


class AuditError(SidecarError):
    """The disk's fault: the record is not durable, so the answer is deny `audit_unavailable`."""

    kind = "audit"


class ChainBroken(AuditError):
    """The log does not verify. `seq` is the first record that fails."""

    def __init__(self, seq: int, message: str) -> None:
        super().__init__(f"record {seq} {message}")
        self.seq = seq
        self.problem = message


class Overloaded(SidecarError):
    """Too many requests in flight, from all callers or from one: the answer is deny `overloaded`."""
