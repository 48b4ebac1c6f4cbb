"""The policies that would be in force: a folder, or the stored bundle with its age and expiry."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sidecar.adapters.bundle_files import BundleDir
from sidecar.adapters.bundle_store import StoredBundle
from sidecar.cli.doctor.finding import Found, Patient, finding, ok, skipped, span
from sidecar.config import DEFAULT_POLICIES, policies_folder
from sidecar.config.trust import read_trust
from sidecar.core.bundle import Trust, load_folder, verify
from sidecar.core.errors import BundleError, ConfigError, StoreError
from sidecar.core.times import rfc3339
from sidecar.service.ports import Kept

_CHECK: Final = "bundle"


def check_policies(patient: Patient) -> Iterator[Found]:
    config = patient.config
    if config.policies is not None:
        yield _folder(policies_folder(config.policies))
    try:
        trust = read_trust(config)
    except ConfigError as error:
        yield finding("trust", str(error))
        return
    if trust is None:
        yield skipped("trust", "trust.keys is empty: no bundle and no order is believed by its signature")
    else:
        ids = ", ".join(key.id[:12] for key in trust.keys.keys)
        yield ok("trust", f"{trust.keys.threshold} of {len(trust.keys.keys)} keys must sign ({ids})")
        if config.bundle.source is not None:
            yield from _stored(patient, trust)


def _folder(folder: Path) -> Found:
    defaults = BundleDir(policies_folder(DEFAULT_POLICIES)).load()
    try:
        bundle = load_folder(BundleDir(folder).load(), defaults, str(folder))
    except BundleError as error:
        hint = "`ascend-sidecar policy lint` tells more"
        return finding(_CHECK, f"{folder}: {str(error).splitlines()[0]}", hint)
    return ok(_CHECK, f"{folder} loads as {bundle.revision}; a folder is not signed and does not expire")


def _stored(patient: Patient, trust: Trust) -> Iterator[Found]:
    """As the daemon does at its start, without the source: what is in the state folder."""
    store = StoredBundle(patient.config.state_dir)
    try:
        kept = store.load()
        if kept is None:
            yield skipped(_CHECK, "no bundle is stored yet; the daemon denies everything until it has one")
            return
        header = verify(kept.raw, trust, store.floor(trust.name), patient.now).header
    except (BundleError, StoreError) as error:
        yield finding(_CHECK, f"the stored bundle: {error}", "push a good one to bundle.source")
        return
    issued_at, expires_at = header.issued_at.timestamp(), header.expires_at.timestamp()
    yield ok(
        _CHECK,
        f"revision {header.revision} was issued {span(patient.now - issued_at)} ago and "
        f"expires in {span(expires_at - patient.now)}, at {rfc3339(expires_at)}",
    )
    yield _looked(patient, kept)


def _looked(patient: Patient, kept: Kept) -> Found:
    age, most = patient.now - kept.checked_at, float(patient.config.bundle.max_staleness)
    if kept.checked_at == 0:
        return skipped(_CHECK, "when the source was last seen is not known")
    told = f"the source was last seen {span(age)} ago"
    if age >= most:
        hint = f"from {span(most)} on everything is denied: see whether bundle.source can be reached"
        return finding(_CHECK, told, hint)
    return ok(_CHECK, told)
