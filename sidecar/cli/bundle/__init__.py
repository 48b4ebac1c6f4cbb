"""`bundle`: make, sign, verify and publish signed bundles. Only `promote` needs a daemon."""

import typer

from sidecar.cli.bundle.checking import INSPECT, VERIFY, inspect, verify
from sidecar.cli.bundle.making import BUILD, build_bundle
from sidecar.cli.bundle.minting import KEYGEN, ROTATE, keygen, rotate
from sidecar.cli.bundle.promoting import PROMOTE, promote
from sidecar.cli.bundle.pushing import PUSH, push
from sidecar.cli.bundle.signing import SIGN, sign


def build() -> typer.Typer:
    app = typer.Typer(
        name="bundle", help="Make, sign, verify and publish signed bundles.", rich_markup_mode=None
    )
    app.command(epilog=KEYGEN)(keygen)
    app.command("build", epilog=BUILD)(build_bundle)
    app.command(epilog=SIGN)(sign)
    app.command(epilog=VERIFY)(verify)
    app.command(epilog=INSPECT)(inspect)
    app.command(epilog=PUSH)(push)
    app.command(epilog=PROMOTE)(promote)
    app.command(epilog=ROTATE)(rotate)
    return app
