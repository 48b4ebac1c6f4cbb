"""`killswitch`: halt and release, on this host or for the fleet, and what the fleet's way needs of AWS."""

import typer

from sidecar.cli.killswitch.beating import BEACON, beacon
from sidecar.cli.killswitch.collecting import GC, gc
from sidecar.cli.killswitch.halting import BLOCK, RESET, UNBLOCK, block, reset, unblock
from sidecar.cli.killswitch.provisioning import DEPROVISION, PROVISION, deprovision, provision
from sidecar.cli.killswitch.publishing import BLOCK as PUBLISH_BLOCK
from sidecar.cli.killswitch.publishing import UNBLOCK as PUBLISH_UNBLOCK
from sidecar.cli.killswitch.publishing import publish_block, publish_unblock
from sidecar.cli.killswitch.reviewing import SHOW, VERIFY, show, verify
from sidecar.cli.killswitch.showing import STATUS, status
from sidecar.cli.killswitch.state_orders import BLOCK as STATE_BLOCK
from sidecar.cli.killswitch.state_orders import UNBLOCK as STATE_UNBLOCK
from sidecar.cli.killswitch.state_orders import state_block, state_unblock
from sidecar.cli.killswitch.stating import NEW, RENEW, new, renew


def build() -> typer.Typer:
    app = typer.Typer(name="killswitch", help="Halt agents, and release them.", rich_markup_mode=None)
    app.command(epilog=STATUS)(status)
    app.command(epilog=BLOCK)(block)
    app.command(epilog=UNBLOCK)(unblock)
    app.command(epilog=RESET)(reset)
    app.add_typer(_publish())
    app.add_typer(_state())
    app.command(epilog=BEACON)(beacon)
    app.command(epilog=PROVISION)(provision)
    app.command(epilog=DEPROVISION)(deprovision)
    app.command(epilog=GC)(gc)
    return app


def _publish() -> typer.Typer:
    app = typer.Typer(name="publish", help="Sign an order and send it to all hosts.", rich_markup_mode=None)
    app.command("block", epilog=PUBLISH_BLOCK)(publish_block)
    app.command("unblock", epilog=PUBLISH_UNBLOCK)(publish_unblock)
    return app


def _state() -> typer.Typer:
    app = typer.Typer(name="state", help="Keep the signed document of what is halted.", rich_markup_mode=None)
    app.command(epilog=NEW)(new)
    app.command("block", epilog=STATE_BLOCK)(state_block)
    app.command("unblock", epilog=STATE_UNBLOCK)(state_unblock)
    app.command(epilog=RENEW)(renew)
    app.command(epilog=SHOW)(show)
    app.command(epilog=VERIFY)(verify)
    return app
