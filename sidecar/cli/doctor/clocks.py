"""The clock of this host: against the newest record of its log, and against the services that it talks to."""

import ssl
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from sidecar.adapters.audit_files.reading import LogReader
from sidecar.cli.doctor.finding import Found, Patient, finding, ok, skipped, span, unseen
from sidecar.core.errors import AuditError
from sidecar.core.times import rfc3339

_CHECK: Final = "clock"
_PATIENCE: Final = 5.0
# An HTTP Date counts whole seconds, and the way there and back takes time too.
_COARSE: Final = 2.0


def check_clock(patient: Patient) -> Iterator[Found]:
    yield _against_log(patient)
    config = patient.config
    if config.killswitch.queue_url is not None:
        address = config.killswitch.endpoint_url or config.killswitch.queue_url
        bundle = patient.environ.get("AWS_CA_BUNDLE")
        yield _against("AWS", address, Path(bundle) if bundle else None, patient)
    if config.platform.url is not None:
        yield _against("the platform", config.platform.url, config.platform.ca_file, patient)


def _against_log(patient: Patient) -> Found:
    try:
        newest = LogReader(patient.config.state_dir).newest(1)
        if not newest:
            return skipped(_CHECK, "the log has no record to compare with")
        ahead = newest[0].time - patient.now
    except OSError as error:
        return unseen(_CHECK, patient.config.state_dir / "audit", error)
    except AuditError as error:
        return finding(_CHECK, f"the log: {error}", "`ascend-sidecar audit verify` tells more")
    when = rfc3339(newest[0].time)
    if ahead > 1.0:
        hint = (
            "set the clock. Until it has caught up the daemon goes on from its log's time at half the pace; if it is "
            "the log's time that is wrong, start it once by `ascend-sidecar serve --accept-clock`"
        )
        return finding(_CHECK, f"the log's newest record is of {when}, {span(ahead)} from now", hint)
    return ok(_CHECK, f"the log's newest record is of {when}, {span(-ahead)} ago")


def _against(whose: str, url: str, ca_file: Path | None, patient: Patient) -> Found:
    try:
        date = _date_at(url, ca_file)
    except (OSError, HTTPException, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        return finding(_CHECK, f"{whose} at {_origin(url)} cannot be asked for its time: {why}")
    ahead, most = patient.now - date, float(patient.config.trust.clock_skew)
    if abs(ahead) > most + _COARSE:
        way = "ahead of" if ahead > 0 else "behind"
        hint = "set the clock: signatures and orders are refused that are of another time"
        return finding(_CHECK, f"this host is {span(abs(ahead))} {way} {whose}", hint)
    return ok(_CHECK, f"this host and {whose} agree to {abs(ahead):.0f} s")


def _date_at(url: str, ca_file: Path | None) -> float:
    """Epoch seconds of an answer's Date, of whatever status: nothing is asked for, and no key is sent.

    Raises OSError, HTTPException, and ValueError for an answer without a date.
    """
    parts = urlsplit(url)
    host, connection = parts.hostname or "", HTTPConnection
    if parts.scheme == "https":
        tls = ssl.create_default_context(cafile=ca_file)
        channel: HTTPConnection = HTTPSConnection(host, parts.port, timeout=_PATIENCE, context=tls)
    else:
        channel = connection(host, parts.port, timeout=_PATIENCE)
    try:
        channel.request("HEAD", "/")
        return parsedate_to_datetime(channel.getresponse().headers.get("Date", "")).timestamp()
    finally:
        channel.close()


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
