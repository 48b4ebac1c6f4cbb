"""Describe: the config for people and editors, what is in effect and what could be."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from sidecar.config.keys import KEYS, value_of
from sidecar.config.loading import Resolved
from sidecar.config.model import Config
from sidecar.config.units import UNITS
from sidecar.core.errors import Place
from sidecar.core.model import JSON

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True, slots=True)
class Explained:
    """One key: its value as a file would hold it, and where that was set."""

    key: str
    value: JSON
    origin: Place
    env: str
    description: str


def explain(resolved: Resolved) -> tuple[Explained, ...]:
    """Every key with its effective value. No key holds a secret, only names of files."""
    return tuple(
        Explained(
            key.name,
            written(value_of(resolved.config, key)),
            resolved.origins.get(key.name, Place("default")),
            key.env,
            key.description,
        )
        for key in KEYS.values()
    )


def written(value: Any) -> JSON:
    """A value as a file would hold it: units and paths as strings."""
    if isinstance(value, tuple):
        return list(value)
    return str(value) if type(value) in UNITS or isinstance(value, str | Path) else value


def schema() -> Mapping[str, Any]:
    """A JSON Schema (2020-12) of the config file, with descriptions and defaults."""
    (root,), parts = msgspec.json.schema_components(
        [Config], schema_hook=_unit_schema, ref_template="#/$defs/{name}"
    )
    for key in KEYS.values():
        properties = parts[key.section.__name__]["properties"]
        properties[key.path[-1]]["default"] = written(value_of(Config(), key))
    return {"$schema": _DIALECT, "title": "ascend-sidecar", **root, "$defs": parts}


def _unit_schema(type_: type) -> dict[str, Any]:
    unit = UNITS[type_]
    return {"type": "string", "pattern": f"^{unit.pattern}$", "examples": list(unit.examples)}
