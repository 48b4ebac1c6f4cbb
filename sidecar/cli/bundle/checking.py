"""`bundle verify` and `bundle inspect`: whether a host would take a bundle, and what is in it."""

import time
from pathlib import Path
from typing import Annotated, Final

import typer

from sidecar.cli.bundle.describing import contents_of, header_of, show, signatures_of
from sidecar.cli.edge import Edge, edge_of
from sidecar.cli.exits import Exit
from sidecar.cli.opening import SignedFile, read_bundle
from sidecar.cli.options import (
    Json,
    Labels,
    PubKeys,
    Threshold,
    TrustedName,
    TrustWords,
    trust_words,
)
from sidecar.cli.screen import Screen
from sidecar.cli.trusting import find_trust
from sidecar.core.bundle import BUNDLE_TYPE, Verified, compile_bundle, read_payload
from sidecar.core.errors import BundleError, WrongPayloadType
from sidecar.core.model import Object
from sidecar.core.trust import parse_envelope, read_unverified

VERIFY: Final = """\b
Examples:
  ascend-sidecar bundle verify prod.dsse --pub release.pub
  ascend-sidecar bundle verify prod.dsse --pub a.pub --pub b.pub --pub c.pub --threshold 2 --audience prod
  ASCEND_SIDECAR_CONFIG=/etc/ascend-sidecar/config.yaml ascend-sidecar bundle verify prod.dsse --json

What was in force on a host before is not known here, so a rollback is not seen.

Exit codes: 0 verified, 1 not, 64 usage or no keys to verify by, 78 bad config.
"""
INSPECT: Final = """\b
Examples:
  ascend-sidecar bundle inspect prod.dsse --pub release.pub
  ascend-sidecar bundle inspect prod.dsse --insecure-unverified --json

Exit codes: 0 shown, 1 it does not verify, 64 usage or no keys to verify by, 78 bad config.
"""

File = Annotated[
    str, typer.Argument(metavar="FILE", help="Signed bundle, also in a gzip; - is standard input.")
]
Unverified = Annotated[
    bool,
    typer.Option("--insecure-unverified", help="Show it whoever made it. Nothing of it is to be believed."),
]


def verify(
    context: typer.Context,
    file: File,
    *,
    pub: PubKeys = None,
    threshold: Threshold = None,
    name: TrustedName = None,
    audience: Labels = None,
    json: Json = False,
) -> int:
    """Verify a bundle as a host would: signatures, addressee, time, every file, and that it compiles."""
    edge = edge_of(context)
    words = trust_words(pub, threshold, name, audience)
    try:
        source = _source(edge, file, words)
        verified = source.verified()
        contents = contents_of(verified.payload)
        compile_bundle(verified, file)
    except BundleError as error:
        return refuse(edge, error, json=json)
    told = _facts(verified) | contents
    if json:
        edge.emit({"ok": True} | told)
    else:
        Screen(edge).line("ok", f"{file}: {verified.header.name} revision {verified.header.revision}")
        show(edge, told)
    return Exit.OK


def inspect(
    context: typer.Context,
    file: File,
    *,
    pub: PubKeys = None,
    threshold: Threshold = None,
    name: TrustedName = None,
    audience: Labels = None,
    insecure_unverified: Unverified = False,
    json: Json = False,
) -> int:
    """Show what a bundle says of itself, its keys and its files. It is verified first."""
    edge = edge_of(context)
    try:
        if insecure_unverified:
            told = _unverified(edge, file)
        else:
            source = _source(edge, file, trust_words(pub, threshold, name, audience))
            verified = source.verified()
            told = (
                _facts(verified) | signatures_of(parse_envelope(source.raw)) | contents_of(verified.payload)
            )
    except BundleError as error:
        return refuse(edge, error, json=json)
    if json:
        edge.emit({"verified": not insecure_unverified} | told)
    else:
        show(edge, told)
    return Exit.OK


def refuse(edge: Edge, error: BundleError, *, json: bool) -> Exit:
    """Say why a bundle is not one that a host would take."""
    if json:
        edge.emit({"ok": False, "kind": error.kind, "problem": str(error)})
    else:
        Screen(edge).line("FAILED", f"{error.kind}: {error}")
    return Exit.DENIED


def _source(edge: Edge, file: str, words: TrustWords) -> SignedFile:
    trust = find_trust(edge, words)
    return SignedFile(Path(file), read_bundle("FILE", file, edge.stdin), trust, time.time())


def _facts(verified: Verified) -> Object:
    """What trusted keys vouch for."""
    signed = verified.signed
    told = {"signers": list(signed.signers), "keys_version": signed.keys_version}
    return header_of(verified.payload) | told


def _unverified(edge: Edge, file: str) -> Object:
    raw = read_bundle("FILE", file, edge.stdin)
    envelope = parse_envelope(raw)
    if envelope.payload_type != BUNDLE_TYPE:
        raise WrongPayloadType(f"{file} is `{envelope.payload_type}`, not `{BUNDLE_TYPE}`")
    payload = read_payload(read_unverified(envelope))
    edge.complain(f"{file}: NOT VERIFIED: anybody can have made this, whatever it says of itself")
    return header_of(payload) | signatures_of(envelope) | contents_of(payload)
