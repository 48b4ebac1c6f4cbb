"""`bundle build`: a folder of policies becomes an envelope, the same bytes for the same content."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec
import typer

from sidecar.cli.edge import Edge, edge_of
from sidecar.cli.exits import Exit, UsageError
from sidecar.cli.inputs import read_input
from sidecar.cli.moments import later, moment, span
from sidecar.cli.opening import default_files, read_folder
from sidecar.cli.options import Json
from sidecar.cli.outputs import OutFile, check_output, tell, write_output
from sidecar.cli.trusting import DEFAULT_NAME, find_signers
from sidecar.core.bundle import BUNDLE_TYPE, Header, build_payload, read_payload
from sidecar.core.errors import BundleError, MalformedBundle
from sidecar.core.model import JSON
from sidecar.core.shape import findings
from sidecar.core.trust import Envelope, parse_envelope, seal, write_envelope
from sidecar.core.trust.rotation import read_unverified_keys

BUILD: Final = """\b
Examples:
  ascend-sidecar bundle build ./policies --revision 7 --out prod.dsse
  ascend-sidecar bundle build ./policies --revision 7 --expires-in 14d --audience prod --key release.key \\
    --out prod.dsse
  ascend-sidecar bundle build ./policies --revision 7 --issued-at 2026-01-31T09:00:00Z --out -

The same files and options give the same bytes; comments, the style of the YAML and times of files do not count.

Exit codes: 0 made, 64 usage, 78 the folder cannot be loaded or the file cannot be made.
"""
_MAX_STEP: Final = 64 * 1024

Folder = Annotated[
    str, typer.Argument(metavar="DIR", help="Folder of policies, or `default` for the built-in ones.")
]
Revision = Annotated[
    int, typer.Option("--revision", metavar="N", min=1, help="Number of this bundle; it grows.")
]
Name = Annotated[
    str, typer.Option("--name", metavar="NAME", help="What hosts know it by; it is their trust.name.")
]
ExpiresIn = Annotated[
    str | None,
    typer.Option("--expires-in", metavar="TIME", help="How long it is valid from then on. [default: 30d]"),
]
ExpiresAt = Annotated[
    str | None, typer.Option("--expires-at", metavar="TIME", help="Until when it is valid, in RFC 3339.")
]
IssuedAt = Annotated[
    str | None,
    typer.Option("--issued-at", metavar="TIME", help="[default: $SOURCE_DATE_EPOCH, else now]"),
]
Audience = Annotated[
    list[str] | None,
    typer.Option("--audience", metavar="LABEL", help="Hosts that it is for; repeat it. [default: any]"),
]
MinVersion = Annotated[
    str | None,
    typer.Option("--min-daemon-version", metavar="V", help="Older daemons refuse it, such as 1.2.0."),
]
RollbackTo = Annotated[
    int | None,
    typer.Option(
        "--allow-rollback-to",
        metavar="N",
        min=1,
        help="Hosts with a higher revision take this one, and from then on any from N.",
    ),
]
Steps = Annotated[
    list[str] | None,
    typer.Option("--keys", metavar="STEP", help="Signed step to other keys, by `bundle rotate`; repeat it."),
]
Keys = Annotated[
    list[str] | None,
    typer.Option("--key", metavar="FILE", help="Private key to sign with at once; repeat it."),
]
NoTests = Annotated[bool, typer.Option("--no-tests", help="Leave the folder's tests out.")]


def build_bundle(
    context: typer.Context,
    folder: Folder,
    *,
    revision: Revision,
    out: OutFile,
    name: Name = DEFAULT_NAME,
    expires_in: ExpiresIn = None,
    expires_at: ExpiresAt = None,
    issued_at: IssuedAt = None,
    audience: Audience = None,
    min_daemon_version: MinVersion = None,
    allow_rollback_to: RollbackTo = None,
    keys: Steps = None,
    key: Keys = None,
    no_tests: NoTests = False,
    json: Json = False,
) -> int:
    """Make a bundle out of a folder of policies, once all of it is known to load."""
    edge = edge_of(context)
    check_output(out, json=json)
    issued = _issued(edge, issued_at)
    header = _header(
        name=name,
        revision=revision,
        issued_at=issued,
        expires_at=_expires(issued, expires_in, expires_at),
        audience=sorted(set(audience)) if audience else None,
        min_daemon_version=min_daemon_version,
        allow_rollback_to=allow_rollback_to,
    )
    steps, signers = _steps(name, keys or ()), find_signers(key or ())
    payload = _payload(folder, header, tests=not no_tests)
    write_output(edge, out, write_envelope(seal(BUNDLE_TYPE, payload, signers, steps)))
    _tell(edge, out, payload, [one.public.id for one in signers], json=json)
    return Exit.OK


def _issued(edge: Edge, text: str | None) -> datetime:
    """reproducible-builds.org: SOURCE_DATE_EPOCH is the time of the last change of the source."""
    if text is not None:
        return moment("--issued-at", text)
    epoch = edge.environ.get("SOURCE_DATE_EPOCH")
    if epoch:
        return moment("SOURCE_DATE_EPOCH", epoch)
    return datetime.fromtimestamp(int(time.time()), UTC)


def _expires(issued: datetime, within: str | None, at: str | None) -> datetime:
    if within is not None and at is not None:
        raise UsageError("--expires-in and --expires-at exclude each other")
    if at is None:
        return later("--expires-in", issued, span("--expires-in", within or "30d"))
    expires = moment("--expires-at", at)
    if expires <= issued:
        raise UsageError(
            f"--expires-at {expires.isoformat()} is not after {issued.isoformat()}, when it is issued"
        )
    return expires


def _header(**written: JSON | datetime) -> Header:
    value = {name: part for name, part in written.items() if part is not None}
    try:
        return msgspec.convert(value, Header)
    except msgspec.ValidationError as error:
        found = next(findings(msgspec.to_builtins(value), Header))
        option = "--" + str(found.keys[0]).replace("_", "-") if found.keys else "the header"
        raise UsageError(f"{option}: {found.message}") from error


def _payload(folder: str, header: Header, *, tests: bool) -> bytes:
    source = read_folder(folder)
    try:
        return build_payload(header, source.files, default_files(), tests=tests)
    except MalformedBundle as error:
        raise source.located(error) from error


def _steps(name: str, files: Sequence[str]) -> tuple[Envelope, ...]:
    """In the order of their versions, in which hosts go through them. Raises UsageError."""
    steps: dict[int, Envelope] = {}
    for file in files:
        try:
            step = parse_envelope(read_input("--keys", file, _MAX_STEP))
            written = read_unverified_keys(step)
        except BundleError as error:
            raise UsageError(f"--keys {file}: {error}") from error
        if written.name != name or written.version in steps:
            raise UsageError(f"--keys {file}: is version {written.version} of the keys of `{written.name}`")
        steps[written.version] = step
    return tuple(steps[version] for version in sorted(steps))


def _tell(edge: Edge, out: str, raw: bytes, signers: list[str], *, json: bool) -> None:
    payload = read_payload(raw)
    header = payload.header
    told = {"out": out, "name": header.name, "revision": header.revision, "digest": payload.digest}
    told |= {"issued_at": header.issued_at, "expires_at": header.expires_at}
    told |= {"files": len(payload.digests), "signers": signers}
    state = f"signed by {len(signers)}"
    if not signers:
        state = f"unsigned; sign it with `ascend-sidecar bundle sign {out} --key FILE`"
    until = header.expires_at.isoformat()
    lines = (
        f"{out}: {header.name} revision {header.revision}, {len(payload.digests)} files, until {until}",
        f"sha256 {payload.digest}",
        state,
    )
    tell(edge, out, told, lines, json=json)
