"""`approvals`: what waits for people, and their answers. Talks to a running daemon."""

import typer

from sidecar.cli.approvals.showing import LIST, SHOW, list_approvals, show
from sidecar.cli.approvals.voting import APPROVE, DENY, approve, deny
from sidecar.cli.approvals.watching import WATCH, watch


def build() -> typer.Typer:
    app = typer.Typer(
        name="approvals", help="Answer the actions that wait for people.", rich_markup_mode=None
    )
    app.command("list", epilog=LIST)(list_approvals)
    app.command(epilog=SHOW)(show)
    app.command(epilog=APPROVE)(approve)
    app.command(epilog=DENY)(deny)
    app.command(epilog=WATCH)(watch)
    return app
