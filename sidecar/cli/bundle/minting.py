"""`bundle keygen` and `bundle rotate`: new keys, and the signed step by which hosts come to trust them."""

import re
from pathlib import Path
from typing import Annotated, Final

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sidecar.adapters.whole_files import CannotWrite, make_file
from sidecar.cli.edge import edge_of
from sidecar.cli.exits import Exit, UsageError
from sidecar.cli.options import Json
from sidecar.cli.outputs import OutFile, check_output, tell, write_output
from sidecar.cli.trusting import DEFAULT_NAME, find_signers, key_set
from sidecar.core.trust import PrivateKey, write_envelope
from sidecar.core.trust.rotation import state_keys

KEYGEN: Final = """\b
Examples:
  ascend-sidecar bundle keygen release
  ascend-sidecar bundle keygen alice --out-dir ~/keys --json

Exit codes: 0 made, 64 usage, 78 a file is there already or cannot be made.
"""
ROTATE: Final = """\b
Examples:
  ascend-sidecar bundle rotate --version 1 --next-pub new.pub --key old.key --out step-1.dsse
  ascend-sidecar bundle rotate --version 2 --threshold 2 --next-pub a.pub --next-pub b.pub --key new.key \\
    --out step-2.dsse
  ascend-sidecar bundle build ./policies --revision 8 --keys step-1.dsse --keys step-2.dsse --out prod.dsse

Exit codes: 0 made, 64 usage, 69 KMS does not answer, 78 KMS refuses or the file cannot be made.
"""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

KeyName = Annotated[str, typer.Argument(metavar="NAME", help="Makes NAME.key and NAME.pub.")]
OutDir = Annotated[
    Path, typer.Option("--out-dir", metavar="DIR", help="Folder to make them in; made if need be.")
]
BundleName = Annotated[
    str, typer.Option("--name", metavar="NAME", help="Name of the bundles that the keys sign.")
]
Version = Annotated[
    int,
    typer.Option("--version", metavar="N", min=1, max=2**31, help="Number of the next key set; it grows."),
]
NextThreshold = Annotated[
    int, typer.Option("--threshold", metavar="N", min=1, help="How many of the next keys must sign.")
]
NextPub = Annotated[
    list[str],
    typer.Option(
        "--next-pub", metavar="KEY", help="Public key of the next set, a file or base64; repeat it."
    ),
]
CurrentKeys = Annotated[
    list[str] | None,
    typer.Option("--key", metavar="FILE", help="Private key of the set that is in force; repeat it."),
]
CurrentKms = Annotated[
    list[str] | None, typer.Option("--kms", metavar="KEY", help="The same in AWS KMS: id, alias or ARN.")
]


def keygen(context: typer.Context, name: KeyName, *, out_dir: OutDir = Path(), json: Json = False) -> int:
    """Make an Ed25519 key pair. Nothing is ever overwritten.

    The line that it prints goes into trust.keys of the hosts. Whoever has the .key file decides what they allow.
    """
    edge = edge_of(context)
    if not _NAME.fullmatch(name):
        raise UsageError(f"NAME `{name}` is not letters, digits, `.`, `_` and `-`; --out-dir says where")
    key = PrivateKey(Ed25519PrivateKey.generate())
    private, public = out_dir / f"{name}.key", out_dir / f"{name}.pub"
    _make_pair(private, public, key)
    if json:
        told = {"id": key.public.id, "public": key.public.text}
        edge.emit({**told, "private_file": str(private), "public_file": str(public)})
    else:
        edge.say(
            f"{private}  keep it secret\n{public}\nkey id  {key.public.id}\ntrust.keys  {key.public.text}"
        )
    return Exit.OK


def _make_pair(private: Path, public: Path, key: PrivateKey) -> None:
    try:
        private.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWrite(f"{private.parent} cannot be made: {error.strerror}") from error
    make_file(private, key.pem, private=True)
    try:
        make_file(public, key.public.pem, private=False)
    except CannotWrite:
        private.unlink()
        raise


def rotate(
    context: typer.Context,
    *,
    version: Version,
    next_pub: NextPub,
    out: OutFile,
    name: BundleName = DEFAULT_NAME,
    threshold: NextThreshold = 1,
    key: CurrentKeys = None,
    kms: CurrentKms = None,
    json: Json = False,
) -> int:
    """Sign the step to the next key set. Bundles that carry it take hosts along; `sign` adds more signatures."""
    edge = edge_of(context)
    check_output(out, json=json)
    following = key_set("--next-pub", next_pub, threshold, version)
    signers = find_signers(key or (), kms or ())
    if not signers:
        raise UsageError("the step is signed by the keys in force: give --key FILE or --kms KEY")
    write_output(edge, out, write_envelope(state_keys(name, following, signers)))
    told = {
        "out": out,
        "name": name,
        "version": version,
        "threshold": threshold,
        "keys": [one.id for one in following.keys],
        "signers": [one.public.id for one in signers],
    }
    lines = (
        f"{out}: from key set version {version} on, {threshold} of {len(next_pub)} keys sign `{name}`",
        f"signed by {len(signers)}; carry it with `bundle build --keys {out}`",
    )
    tell(edge, out, told, lines, json=json)
    return Exit.OK
