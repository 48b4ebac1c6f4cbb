"""The state folder with its keys, the files that hold secrets, and the room that is left on the disk."""

import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sidecar.adapters.audit_files.layout import Layout
from sidecar.cli.doctor.finding import Found, Patient, finding, ok, skipped, unseen
from sidecar.config import read_signing_secret, read_tokens
from sidecar.core.errors import ConfigError

_ROOT: Final = 0
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
# Where the group may read what no other of it gets to. systemd.exec(5), CREDENTIALS: an access list for the service's
# user shows as rights of the group. Kubernetes gives a Secret's files to the pod's fsGroup, and the chart mounts them
# into the daemon's container alone.
_HANDED_OVER: Final = ("/run/credentials", "/etc/ascend-sidecar-secrets")
_MIB: Final = 1 << 20


def check_state(patient: Patient) -> Iterator[Found]:
    """The folder, its keys and its disk."""
    folder = patient.config.state_dir
    if not folder.exists():
        yield skipped("state", f"{folder} is not there; the daemon makes it at its first start")
        return
    yield _private("state", folder, patient)
    layout = Layout(folder)
    for key in (layout.log_key, layout.masking_key):
        yield _private("keys", key, patient)
    yield _room(patient)


def check_secrets(patient: Patient) -> Iterator[Found]:
    """The files that the config names. Their contents are not shown."""
    config = patient.config
    named = {
        "tls.key": config.tls.key,
        "platform.key_file": config.platform.key_file,
        "platform.signing_secret_file": read_signing_secret(config.platform, patient.environ),
        "bundle.token_file": config.bundle.token_file,
        "killswitch.token_file": config.killswitch.token_file,
    }
    for setting, path in named.items():
        if path is not None:
            yield _private("secrets", path, patient, setting)
    if config.tokens_file is not None:
        yield _tokens(config.tokens_file)


def _private(check: str, path: Path, patient: Patient, setting: str = "") -> Found:
    """For its owner alone, who is the daemon's user or root."""
    told = f"{setting}: {path}" if setting else str(path)
    try:
        info = path.stat()
    except OSError as error:
        return unseen(check, path, error)
    mode = stat.S_IMODE(info.st_mode)
    others = stat.S_IRWXO if any(path.is_relative_to(place) for place in _HANDED_OVER) else _OTHERS
    if mode & others:
        fix = f"chmod {'0700' if path.is_dir() else '0600'} {path}"
        return finding(check, f"{told} has mode {mode:04o}: others than its owner get at it", fix)
    if info.st_uid not in (_ROOT, patient.state_owner) and patient.state_owner is not None:
        fix = f"chown {patient.state_owner} {path}"
        return finding(check, f"{told} belongs to uid {info.st_uid}, not to the daemon's", fix)
    return ok(check, f"{told} has mode {mode:04o}, uid {info.st_uid}")


def _tokens(path: Path) -> Found:
    try:
        count = len(read_tokens(path))
    except ConfigError as error:
        return finding("secrets", f"tokens_file: {error}")
    return ok("secrets", f"tokens_file: {path} has {count} tokens, as digests")


def _room(patient: Patient) -> Found:
    """A full disk denies everything. Two segments are what the log needs to go on at all."""
    folder, audit = patient.config.state_dir, patient.config.audit
    disk = shutil.disk_usage(folder)
    told = f"{disk.free // _MIB} MiB are free at {folder}, the log may take {audit.keep.bytes}"
    if disk.free < 2 * audit.segment:
        return finding("disk", told, "when the disk is full, everything is denied")
    return ok("disk", told)
