"""Payloads: what a host writes on a hook's standard input, read strictly.

An error names the member and repeats nothing of what stands in it, since it is shown and may be kept.
"""

import json
from typing import Any

from sidecar.cli.hosts.calls import CannotTell, Object


def payload_of(raw: bytes) -> Object:
    """The JSON object on standard input. Raises CannotTell."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise CannotTell("the input of the hook is not UTF-8") from error
    if not text.strip():
        raise CannotTell("the input of the hook is empty")
    value = parse(text)
    if not isinstance(value, dict):
        raise CannotTell("the input of the hook is not a JSON object")
    return value


def text_of(payload: Object, name: str, default: str | None = None) -> str:
    value = payload.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str) or not (value or default is not None):
        raise CannotTell(f"{name}: must be text")
    return value


def object_of(payload: Object, name: str) -> Object:
    """An object, or one written as text. Copilot and Cursor's MCP event write the arguments as JSON text."""
    value: Any = payload.get(name)
    if isinstance(value, str):
        value = parse(value)
    if not isinstance(value, dict):
        raise CannotTell(f"{name}: must be a JSON object")
    return value


def parse(text: str) -> Any:
    """JSON without what two readers could read differently. Raises CannotTell, with nothing of the text."""
    try:
        return json.loads(text, object_pairs_hook=_members, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise CannotTell("the input of the hook is not JSON") from error


def _members(pairs: list[tuple[str, Any]]) -> Object:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise CannotTell("the input of the hook has a member twice")
    return found


def _no_number(_word: str) -> Any:
    raise CannotTell("the input of the hook has a number that JSON does not have")
