"""Question: the words of the command line, or a file, as an AuthZEN request."""

from collections.abc import Iterable
from typing import Annotated, BinaryIO, Final

import msgspec
import typer

from sidecar.cli.exits import UsageError
from sidecar.cli.inputs import read_input
from sidecar.core.errors import RequestError
from sidecar.core.ijson import JsonLimits, parse_object
from sidecar.core.model import JSON, Object

SubjectWord = Annotated[
    str | None, typer.Argument(metavar="SUBJECT", help="type:id, such as agent:payments-1")
]
ActionWord = Annotated[str | None, typer.Argument(metavar="ACTION", help="Name, such as database.read")]
ResourceWord = Annotated[
    str | None, typer.Argument(metavar="RESOURCE", help="type:id, such as file:/etc/hosts")
]
Properties = Annotated[
    list[str] | None,
    typer.Option(
        "--property",
        metavar="KEY=VALUE",
        help="Property of the action, or of `subject.KEY` or `resource.KEY`; JSON or text.",
    ),
]
ContextJson = Annotated[str | None, typer.Option("--context", metavar="JSON", help="Context, a JSON object.")]
RequestFile = Annotated[
    str | None,
    typer.Option("--request", metavar="FILE", help="Whole request as JSON; - reads standard input."),
]

_MAX_BYTES: Final = 256 << 10
_ENTITIES: Final = ("subject", "action", "resource")


class Words(msgspec.Struct, frozen=True):
    """What was typed."""

    subject: str | None
    action: str | None
    resource: str | None
    properties: tuple[str, ...]
    context: str | None
    file: str | None


def question(words: Words, stdin: BinaryIO) -> Object:
    """The request in AuthZEN's form. Raises UsageError for what cannot be one."""
    spoken = (words.subject, words.action, words.resource, words.context, words.properties or None)
    if words.file is not None:
        if any(word is not None for word in spoken):
            raise UsageError("--request holds the whole request; leave the other words out")
        return _object(read_input("--request", words.file, _MAX_BYTES, stdin), "--request")
    if words.subject is None or words.action is None or words.resource is None:
        raise UsageError("SUBJECT, ACTION and RESOURCE are needed, or --request FILE")
    asked: Object = {
        "subject": _entity("SUBJECT", words.subject),
        "action": {"name": words.action},
        "resource": _entity("RESOURCE", words.resource),
    }
    if words.context is not None:
        asked["context"] = _object(words.context.encode("utf-8", "surrogateescape"), "--context")
    _add_properties(asked, words.properties)
    return asked


def _entity(word: str, text: str) -> Object:
    kind, colon, name = text.partition(":")
    if not (kind and colon and name):
        raise UsageError(f"{word} `{text}` is not of the form type:id")
    return {"type": kind, "id": name}


def _add_properties(asked: Object, properties: Iterable[str]) -> None:
    for text in properties:
        key, equals, value = text.partition("=")
        entity, dot, name = key.partition(".")
        if entity not in _ENTITIES or not dot:
            entity, name = "action", key
        if not equals or not name:
            raise UsageError(f"--property `{text}` is not of the form KEY=VALUE")
        asked[entity].setdefault("properties", {})[name] = _value(value)


def _value(text: str) -> JSON:
    """JSON where it is JSON, so that numbers compare as numbers; else the text itself."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return text


def _object(raw: bytes, source: str) -> Object:
    try:
        return parse_object(raw, JsonLimits())
    except RequestError as error:
        raise UsageError(f"{source}: {error}") from error
