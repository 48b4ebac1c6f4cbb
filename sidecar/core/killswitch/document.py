"""The signed state document: all that the fleet has halted, in one DSSE envelope by the keys that sign bundles.

Every step refuses with a KillSwitchError of its own kind, so what is in force then stays as it is.

1. Parse the envelope and check its signatures, as of a bundle, by keys that are not older than those of the bundle in
   force; its type is that of a state document.
2. Parse the very bytes that were signed, in their one form; halts one by one, so that other threads get their turn.
3. It is for this name, it has been issued and it has not expired.
4. It is not older than the newest that was believed.
"""

import msgspec

from sidecar.core.bundle import Trust
from sidecar.core.errors import KillSwitchError
from sidecar.core.killswitch.book import MARGIN, Epoch, State
from sidecar.core.killswitch.document_form import MOST_HALTS, Written
from sidecar.core.killswitch.document_parts import (
    Opened,
    malformed,
    open_document,
    read_halts,
    read_head,
    read_releases,
)
from sidecar.core.times import rfc3339


class Document(msgspec.Struct, frozen=True):
    """A document that may be acted on until `expires_at` (epoch seconds)."""

    state: State
    epoch: Epoch
    expires_at: float


def read_document(
    raw: bytes, trust: Trust, newest: Epoch, now: float, asked_at: float, keys_version: int = 0
) -> Document:
    """What these bytes say as of `now`; `asked_at` is our time before they were asked for (both epoch seconds).

    `keys_version` is that of the key set that the bundle in force was checked by: older keys sign nothing any more.
    Raises KillSwitchError.
    """
    opened = open_document(raw, trust)  # 1
    _check_keys(opened, keys_version)
    written = read_head(opened.body)  # 2
    epoch = Epoch(written.epoch, written.issued_at.timestamp())
    expires_at = written.expires_at.timestamp()
    _check_head(written, trust, epoch, expires_at, now)  # 3
    _check_age(epoch, newest)  # 4
    as_of = _as_of(epoch.issued_at, asked_at, trust.skew)
    halts = read_halts(written, as_of, opened.signer)
    return Document(State(as_of, halts, read_releases(written)), epoch, expires_at)


def _check_keys(opened: Opened, needed: int) -> None:
    version = opened.keys.version if opened.keys else 0
    if version < needed:
        told = f"the keys lead to version {version}, but version {needed} is in force here"
        raise KillSwitchError("rolled_back", told)


def _check_head(written: Written, trust: Trust, epoch: Epoch, expires_at: float, now: float) -> None:
    if written.name != trust.name:
        raise KillSwitchError("not_for_us", f"it is of `{written.name[:64]}`; trust.name is `{trust.name}`")
    if max(len(written.halts), len(written.released)) > MOST_HALTS:
        raise KillSwitchError("too_large", f"a state document has at most {MOST_HALTS} halts")
    if expires_at <= epoch.issued_at:
        raise malformed("it expires before it was issued")
    if epoch.issued_at > now + trust.skew:
        told = f"it was issued at {rfc3339(epoch.issued_at)}, {epoch.issued_at - now:.0f} s from now"
        raise KillSwitchError("not_yet_valid", f"{told}; clocks may differ by {trust.skew:.0f} s")
    if now >= expires_at:
        raise KillSwitchError("expired", f"the state document expired at {rfc3339(expires_at)}")


def _check_age(epoch: Epoch, newest: Epoch) -> None:
    if epoch.number < newest.number:
        told = f"it is of epoch {epoch.number}, and epoch {newest.number} was believed here"
        raise KillSwitchError("rolled_back", told)
    if epoch.number == newest.number and epoch.issued_at < newest.issued_at:
        told = (
            f"it was issued at {rfc3339(epoch.issued_at)}, before another one of its epoch that was believed"
        )
        raise KillSwitchError("rolled_back", told)


def _as_of(issued_at: float, asked_at: float, skew: float) -> float:
    """Never later than what the document can know of. A clock that is ahead says nothing of how old it is."""
    return min(issued_at, asked_at) if issued_at <= asked_at + MARGIN else asked_at - skew
