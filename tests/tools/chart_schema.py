"""What values.schema.json has of the daemon's own settings: all of them but those that the chart sets itself."""

import json
from typing import Any, Final

from sidecar.config.describe import schema
from tests.tools.chart import CHARTS

PATH: Final = CHARTS / "ascend-sidecar" / "values.schema.json"
# By the part of the config; the decision address among them, which is to stay loopback.
OWNED: Final = {
    "Config": ("listen", "ops_listen", "state_dir", "run_dir", "socket", "policies", "tokens_file", "tls"),
    "BundleSource": ("source", "token_file", "ca_file"),
    "Platform": ("key_file", "signing_secret_file", "ca_file"),
    "KillSwitch": ("queue_url", "token_file", "ca_file", "host", "certificates"),
    "Log": ("format",),
    "Approvals": ("group",),
    "Audit": ("witness",),
}
_UNUSED: Final = ("Socket", "Tls", "Witness")


def settings() -> dict[str, Any]:
    """Schemas by the names of the parts, of what `config` in the values may have."""
    parts = {
        name: part for name, part in json.loads(json.dumps(schema()))["$defs"].items() if name not in _UNUSED
    }
    for name, keys in OWNED.items():
        for key in keys:
            del parts[name]["properties"][key]
    return parts


def with_settings(whole: dict[str, Any]) -> str:
    """The schema of values as the file holds it, with the settings that the daemon has now."""
    own = {name: part for name, part in whole["$defs"].items() if not name[0].isupper()}
    return json.dumps({**whole, "$defs": {**own, **settings()}}, indent=2) + "\n"
