"""Vocabulary: the variables, functions and methods that a condition may name."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from sidecar.core.model import Action, Resource, Risk, Subject

# The fields that may follow a name, each with its own; None leaves them open.
Fields = Mapping[str, Any] | None


def _fields(kind: Any) -> Fields:
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return None
    return {field.name: _fields(field.type) for field in msgspec.structs.fields(kind)}


VARIABLES: Final[Mapping[str, Fields]] = {
    "subject": _fields(Subject),
    "action": _fields(Action),
    "resource": _fields(Resource),
    "context": None,
    "risk": _fields(Risk),
    "threats": None,
    "caller": {"uid": None, "gid": None, "token_id": None},
    "now": {},
    "approval": None,
}
TYPES: Final = frozenset(
    {"bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"}
)
LOOKUPS: Final = frozenset({"lookup", "known"})
FUNCTIONS: Final = LOOKUPS | frozenset(
    {"bytes", "double", "duration", "dyn", "has", "int", "size", "string", "timestamp", "type", "uint"}
)
MACROS: Final = frozenset({"all", "exists", "exists_one", "filter", "map"})
METHODS: Final = MACROS | frozenset(
    {
        "contains",
        "endsWith",
        "getDate",
        "getDayOfMonth",
        "getDayOfWeek",
        "getDayOfYear",
        "getFullYear",
        "getHours",
        "getMilliseconds",
        "getMinutes",
        "getMonth",
        "getSeconds",
        "matches",
        "size",
        "startsWith",
    }
)
# Calls that fail on some strings; a literal one is tried when the condition is loaded.
PARTIAL: Final = frozenset({"double", "duration", "int", "matches", "timestamp", "uint"})
