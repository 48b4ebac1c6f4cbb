"""Schema: the written language as JSON Schema (2020-12), so that editors complete it and mark what does not load.

It says what one document looks like. What takes a whole bundle to see is the loader's: unique ids, names in
conditions, who approves, and that `deny` is above `approve`.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from sidecar.core.policy.cases import WrittenTests
from sidecar.core.policy.values import Effect
from sidecar.core.policy.written import WrittenPolicy, WrittenRule

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_Schema = dict[str, Any]

_ID: Final = {"items": {"pattern": ":"}}
# What the structs check by code, or the loader once it knows the effect, by the struct that it goes with.
_BESIDES: Final[Mapping[str, _Schema]] = {
    "WrittenThresholds": {"minProperties": 1},
    "WrittenMatch": {"properties": {"subjects": _ID, "resources": _ID}},
    "WrittenRule": {
        "dependentSchemas": {
            "approval": {"properties": {"effect": {"enum": [Effect.APPROVE]}}},
            "thresholds": {"properties": {"effect": {"enum": [Effect.ALLOW]}}},
            "valid_for": {"properties": {"effect": {"enum": [Effect.ALLOW, Effect.APPROVE]}}},
            "allow_when_blind": {"properties": {"effect": {"enum": [Effect.ALLOW, Effect.APPROVE]}}},
        }
    },
}


class _WholePolicy(WrittenPolicy, frozen=True):
    """A document with the rules that the loader reads one by one."""

    rules: tuple[WrittenRule, ...] = ()


def policy_schema() -> _Schema:
    """Of a `kind: Policy` document."""
    return _schema(_WholePolicy, "A policy of ascend-sidecar")


def suite_schema() -> _Schema:
    """Of a `kind: PolicyTest` document."""
    return _schema(WrittenTests, "Tests of policies of ascend-sidecar")


def _schema(struct: type[msgspec.Struct], title: str) -> _Schema:
    (root,), parts = msgspec.json.schema_components([struct], ref_template="#/$defs/{name}")
    for name, besides in _BESIDES.items():
        if name in parts:
            parts[name] = {**parts[name], "allOf": [besides]}
    return {"$schema": DIALECT, "title": title, **root, "$defs": _in_ecma(parts)}


def _in_ecma(value: Any) -> Any:
    r"""JSON Schema has the regular expressions of ECMA-262, where the end of the text is `$` and not `\Z`."""
    if isinstance(value, dict):
        return {key: _pattern(item) if key == "pattern" else _in_ecma(item) for key, item in value.items()}
    return [_in_ecma(item) for item in value] if isinstance(value, list) else value


def _pattern(written: Any) -> Any:
    return written.replace(r"\Z", "$") if isinstance(written, str) else _in_ecma(written)
