"""`check`: ask for a decision, of a running daemon or of a folder of policies."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Final

import msgspec
import typer

from sidecar.cli import verdicts
from sidecar.cli.doors import Door, Message, decision_doors, exchange, problem_of
from sidecar.cli.edge import Edge, edge_of
from sidecar.cli.exits import Exit, UnreachableError, UsageError
from sidecar.cli.inputs import read_input
from sidecar.cli.options import (
    Json,
    Labels,
    PubKeys,
    RunDir,
    StateDir,
    Threshold,
    TrustedName,
    TrustWords,
    config_of,
    trust_words,
)
from sidecar.cli.question import (
    ActionWord,
    ContextJson,
    Properties,
    RequestFile,
    ResourceWord,
    SubjectWord,
    Words,
    question,
)
from sidecar.cli.rooms import LOCAL, enter
from sidecar.core.model import Object

_MAX_TOKEN: Final = 4096
_PATH: Final = "/access/v1/evaluation"
_EXAMPLES: Final = """\b
Examples:
  ascend-sidecar check agent:bot-1 file.read file:/srv/report.txt
  ascend-sidecar check agent:payments-1 transaction payment_gateway:main --property amount=500
  ascend-sidecar check --request request.json --json
  ascend-sidecar check --local ./policies agent:bot-1 shell host:build-7
  ascend-sidecar check --local prod.dsse --pub release.pub agent:bot-1 shell host:build-7

Exit codes: 0 allowed, 1 denied, 2 pending, 64 not a request, 69 no daemon answers.
"""

Url = Annotated[str | None, typer.Option("--url", metavar="URL", help="Ask here, over TCP.")]
SocketPath = Annotated[
    str | None, typer.Option("--socket", metavar="PATH", help="Ask here, over a Unix socket.")
]
TokenFile = Annotated[
    str | None, typer.Option("--token-file", metavar="FILE", help="File with the bearer token to ask with.")
]
Local = Annotated[
    str | None,
    typer.Option(
        "--local",
        metavar="DIR|FILE",
        help="Judge this folder or signed bundle instead: advice, without halts or record.",
    ),
]


def build() -> typer.Typer:
    app = typer.Typer(rich_markup_mode=None)
    app.command(epilog=_EXAMPLES)(check)
    return app


def check(
    context: typer.Context,
    subject: SubjectWord = None,
    action: ActionWord = None,
    resource: ResourceWord = None,
    *,
    properties: Properties = None,
    context_json: ContextJson = None,
    request: RequestFile = None,
    url: Url = None,
    socket: SocketPath = None,
    token_file: TokenFile = None,
    local: Local = None,
    pub: PubKeys = None,
    threshold: Threshold = None,
    name: TrustedName = None,
    audience: Labels = None,
    state_dir: StateDir = None,
    run_dir: RunDir = None,
    json: Json = False,
) -> int:
    """Ask whether an action may be done.

    A running daemon is asked, at its Unix socket if that is there, else over TCP.
    """
    edge = edge_of(context)
    words = Words(subject, action, resource, tuple(properties or ()), context_json, request)
    asked = question(words, edge.stdin)
    if sum(place is not None for place in (url, socket, local)) > 1:
        raise UsageError("--url, --socket and --local exclude each other")
    trusted = trust_words(pub, threshold, name, audience)
    if local is not None:
        return _tell(edge, msgspec.json.encode(enter(LOCAL).advise(edge, local, trusted, asked)), json)
    if trusted != TrustWords():
        raise UsageError(
            "--pub, --threshold, --name and --audience are for a signed bundle: give --local FILE"
        )
    doors = _doors(edge, url, socket, state_dir, run_dir)
    return _tell(edge, _ask(doors, asked, _authorization(token_file)), json)


def _doors(
    edge: Edge, url: str | None, socket: str | None, state_dir: str | None, run_dir: str | None
) -> tuple[Door, ...]:
    if url is not None:
        return (Door.at_url(url),)
    if socket is not None:
        return (Door.at_socket(socket),)
    return decision_doors(config_of(edge, state_dir, run_dir))


def _authorization(token_file: str | None) -> Mapping[str, str]:
    if token_file is None:
        return {}
    raw = read_input("--token-file", token_file, _MAX_TOKEN).strip()
    if not raw or not all(0x21 <= byte <= 0x7E for byte in raw):
        raise UsageError(f"--token-file {token_file}: holds no token")
    return {"Authorization": f"Bearer {raw.decode()}"}


def _ask(doors: tuple[Door, ...], asked: Object, authorization: Mapping[str, str]) -> bytes:
    headers = {"Content-Type": "application/json", **authorization}
    response = exchange(doors, Message("POST", _PATH, msgspec.json.encode(asked), headers))
    if response.status == HTTPStatus.OK:
        return response.body
    reason = f"{response.door} refused to decide, status {response.status}: {problem_of(response.body)}"
    if HTTPStatus.BAD_REQUEST <= response.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        raise UsageError(reason)
    raise UnreachableError(reason)


def _tell(edge: Edge, raw: bytes, json: bool) -> Exit:
    evaluation = verdicts.parse_evaluation(raw)
    if json:
        edge.emit(msgspec.Raw(raw))
    else:
        verdicts.show(edge, evaluation.context)
    return verdicts.exit_of(evaluation)
