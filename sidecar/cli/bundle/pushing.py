"""`bundle push`: a bundle goes where hosts fetch it, if they would take it in the place of what lies there."""

import gzip
import time
from typing import Annotated, Final

import typer

from sidecar.cli.bundle.checking import File, refuse
from sidecar.cli.edge import edge_of
from sidecar.cli.exits import Exit
from sidecar.cli.opening import MAX_BUNDLE, inflate, read_bundle
from sidecar.cli.options import Json, Labels, PubKeys, Threshold, TrustedName, trust_words
from sidecar.cli.outputs import tell
from sidecar.cli.targets import target_of
from sidecar.cli.trusting import find_trust
from sidecar.core.bundle import Floor, Trust, Verified, compile_bundle, floor_under
from sidecar.core.bundle import verify as verify_bundle
from sidecar.core.errors import BundleError, RolledBackBundle

PUSH: Final = """\b
Examples:
  ascend-sidecar bundle push prod.dsse s3://policies/prod.dsse --pub release.pub
  ascend-sidecar bundle push prod.dsse /srv/www/prod.dsse.gz --gzip --pub release.pub

What lies there and would be rolled back stays, unless --force is given. Hosts would refuse the older one anyway.

Exit codes: 0 pushed, 1 it does not verify or would roll hosts back, 64 usage, 69 S3 does not answer,
78 S3 refuses or the file cannot be made.
"""
Destination = Annotated[str, typer.Argument(metavar="DEST", help="File, or s3://bucket/key.")]
Gzip = Annotated[bool, typer.Option("--gzip", help="Push a gzip of it; hosts know it by its first bytes.")]
Force = Annotated[bool, typer.Option("--force", help="Whatever lies there now.")]


def push(
    context: typer.Context,
    file: File,
    destination: Destination,
    *,
    compress: Gzip = False,
    force: Force = False,
    pub: PubKeys = None,
    threshold: Threshold = None,
    name: TrustedName = None,
    audience: Labels = None,
    json: Json = False,
) -> int:
    """Verify a bundle, then put it where hosts fetch it. What does not verify is never pushed."""
    edge = edge_of(context)
    target = target_of("DEST", destination)
    trust = find_trust(edge, trust_words(pub, threshold, name, audience))
    held = None if force else target.read(MAX_BUNDLE)
    try:
        raw = read_bundle("FILE", file, edge.stdin)
        verified = _verified(raw, held, target.name, trust)
        digest = compile_bundle(verified, file).digest
    except BundleError as error:
        return refuse(edge, error, json=json)
    sent = gzip.compress(raw, mtime=0) if compress else raw
    target.write(sent, held[1] if held else None, guarded=not force)
    header = verified.header
    told = {"destination": target.name, "name": header.name, "revision": header.revision}
    lines = (f"{target.name}: {header.name} revision {header.revision}", f"sha256 {digest}")
    tell(edge, target.name, told | {"digest": digest, "bytes": len(sent)}, lines, json=json)
    return Exit.OK


def _verified(raw: bytes, held: tuple[bytes, str] | None, place: str, trust: Trust) -> Verified:
    """As a host would that has in force what lies there now. Raises BundleError."""
    now = time.time()
    verified = verify_bundle(raw, trust, Floor(), now)
    try:
        return verify_bundle(raw, trust, _floor(held, place, trust), now) if held else verified
    except RolledBackBundle as error:
        told = f"hosts that have what lies at {place} would refuse it: {error}"
        raise RolledBackBundle(f"{told}; --force puts it there nevertheless") from error


def _floor(held: tuple[bytes, str], place: str, trust: Trust) -> Floor:
    """What no host could have in force is no floor."""
    try:
        return floor_under(inflate(place, held[0]), trust)
    except BundleError:
        return Floor()
