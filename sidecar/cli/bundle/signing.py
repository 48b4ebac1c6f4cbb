"""`bundle sign`: one more signature, by a key in a file or in a KMS."""

from typing import Annotated, Final

import typer

from sidecar.cli.edge import edge_of
from sidecar.cli.exits import Exit, UsageError
from sidecar.cli.opening import read_bundle
from sidecar.cli.options import Json
from sidecar.cli.outputs import check_output, tell, write_output
from sidecar.cli.trusting import find_signers
from sidecar.core.bundle import BUNDLE_TYPE, read_payload
from sidecar.core.trust import Envelope, countersign, parse_envelope, read_unverified, write_envelope
from sidecar.core.trust.rotation import read_unverified_keys

SIGN: Final = """\b
Examples:
  ascend-sidecar bundle sign prod.dsse --key release.key
  ascend-sidecar bundle sign prod.dsse --kms alias/policy-release --out signed.dsse
  ascend-sidecar bundle sign step-1.dsse --key second.key

A key in KMS must be ECC_NIST_P256 for SIGN_VERIFY; region and credentials are those of the AWS environment.

Exit codes: 0 signed, 64 usage, 69 KMS does not answer, 78 nothing that is signed here, or KMS refuses.
"""

Envelopes = Annotated[
    str,
    typer.Argument(metavar="FILE", help="Bundle, or step to other keys; - is standard input."),
]
Keys = Annotated[
    list[str] | None, typer.Option("--key", metavar="FILE", help="Private key to sign with; repeat it.")
]
Kms = Annotated[
    list[str] | None,
    typer.Option("--kms", metavar="KEY", help="Key in AWS KMS, by id, alias or ARN; repeat it."),
]
Out = Annotated[
    str | None,
    typer.Option("--out", metavar="FILE", help="Where to, - is standard output. [default: FILE itself]"),
]


def sign(
    context: typer.Context,
    file: Envelopes,
    *,
    key: Keys = None,
    kms: Kms = None,
    out: Out = None,
    json: Json = False,
) -> int:
    """Add a signature to a bundle. Those that are there stay, so that several people can sign one after another."""
    edge = edge_of(context)
    target = out or file
    check_output(target, json=json)
    if not key and not kms:
        raise UsageError("nobody to sign: give --key FILE or --kms KEY")
    envelope = parse_envelope(read_bundle("FILE", file, edge.stdin))
    what = _described(envelope)
    signers = find_signers(key or (), kms or ())
    signed = countersign(envelope, signers)
    write_output(edge, target, write_envelope(signed))
    ids = [one.public.id for one in signers]
    told = {"out": target, "what": what, "signers": ids, "signatures": len(signed.signatures)}
    lines = (
        f"{target}: {what}; signatures in it: {len(signed.signatures)}",
        *(f"signed by key {one}" for one in ids),
    )
    tell(edge, target, told, lines, json=json)
    return Exit.OK


def _described(envelope: Envelope) -> str:
    """What the signature will be for. Raises BundleError for what is neither a bundle nor a step to other keys."""
    if envelope.payload_type == BUNDLE_TYPE:
        header = read_payload(read_unverified(envelope)).header
        return f"{header.name} revision {header.revision}"
    written = read_unverified_keys(envelope)
    return f"version {written.version} of the keys of {written.name}"
