"""Describing: what a bundle says of itself, and what stands in it."""

from collections.abc import Mapping

import msgspec

from sidecar.cli.edge import Edge
from sidecar.cli.screen import Screen
from sidecar.core.bundle import Payload
from sidecar.core.document import Document
from sidecar.core.model import Object
from sidecar.core.trust import Envelope
from sidecar.core.trust.rotation import read_unverified_keys


def header_of(payload: Payload) -> Object:
    """Its header and its digest, as JSON."""
    told: Object = msgspec.to_builtins(payload.header)
    return told | {"digest": payload.digest}


def contents_of(payload: Payload) -> Object:
    """Its files, and how many rules are in them."""
    files = [
        {"file": name, "bytes": payload.sizes[name], "sha256": digest}
        for name, digest in sorted(payload.digests.items())
    ]
    return {"rules": _count_of_rules(payload.documents), "files": files}


def signatures_of(envelope: Envelope) -> Object:
    """Ids of keys that signatures claim to be by, and the steps to other keys that it carries."""
    steps = [read_unverified_keys(step) for step in envelope.keys]
    return {
        "claimed_signers": [signature.keyid for signature in envelope.signatures],
        "key_steps": [
            {
                "version": step.version,
                "threshold": step.threshold,
                "keys": [key.id for key in step.value().keys],
            }
            for step in steps
        ],
    }


def show(edge: Edge, told: Object) -> None:
    """One line a fact, then a table of files where there are any."""
    for name, value in told.items():
        if name != "files" and value is not None:
            edge.say(f"  {name.replace('_', ' '):<20} {_shown(value)}")
    if "files" in told:
        rows = [(one["file"], str(one["bytes"]), one["sha256"]) for one in told["files"]]
        Screen(edge).table(("FILE", "BYTES", "SHA256"), rows)


def _count_of_rules(documents: Mapping[str, tuple[Document, ...]]) -> int:
    values = [one.value for name, parsed in documents.items() if "/" not in name for one in parsed]
    rules = [value.get("rules") for value in values if isinstance(value, dict)]
    return sum(len(one) for one in rules if isinstance(one, list))


def _shown(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_shown(item) for item in value) or "-"
    if isinstance(value, dict):
        return "; ".join(f"{name} {_shown(item)}" for name, item in value.items())
    return str(value)
