"""Small real bundles for tests, out of policy text."""

from pathlib import Path

from sidecar.core.bundle import Bundle, load_folder
from sidecar.core.model import Action, Request, Resource, Subject
from sidecar.core.snapshot import Snapshot

DEFAULTS = {
    f"data/{path.name}": path.read_bytes()
    for path in (Path(__file__).parents[2] / "policies" / "data").glob("*.yaml")
}

HEAD = "apiVersion: ascend.sidecar/v1\nkind: Policy\nmetadata: {name: test}\n"


def bundle(text: str, **data: str) -> Bundle:
    """A bundle of one policy document, given from its `rules:` on, and data documents by name."""
    files = {"policy.yaml": (HEAD + text).encode()}
    files |= {f"data/{name}.yaml": content.encode() for name, content in data.items()}
    return load_folder(files, DEFAULTS, "test")


def snapshot(text: str, **data: str) -> Snapshot:
    return Snapshot(bundle(text, **data), 1.0)


def request(
    action: str = "read", subject: str = "agent:a", resource: str = "thing:t", **properties
) -> Request:
    who, _, name = subject.partition(":")
    kind, _, which = resource.partition(":")
    return Request(Subject(who, name), Action(action, properties), Resource(kind, which))
