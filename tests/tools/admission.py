"""What an API server makes of objects: whether it takes them, and what it leaves out."""

import json
from collections.abc import Iterator
from typing import Any

from tests.tools.cluster import Cluster, Ran

_WORKLOADS = {"Deployment", "DaemonSet"}


def listed(documents: list[dict[str, Any]]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": documents})


def pod_of(documents: list[dict[str, Any]]) -> dict[str, Any]:
    """The pod that a controller makes of the one workload's template."""
    (workload,) = (document for document in documents if document["kind"] in _WORKLOADS)
    template = workload["spec"]["template"]
    metadata = template["metadata"] | {"name": "made"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def tried(control: Cluster, namespace: str, document: dict[str, Any]) -> Ran:
    """What the server would do with it."""
    options = ("--dry-run=server", "--validate=strict", "-o", "json")
    return control.kubectl("create", "-n", namespace, *options, "-f", "-", stdin=json.dumps(document))


def dropped(given: Any, kept: Any, place: str = "") -> Iterator[str]:
    """Where an object that the server keeps is not what it was given; what it adds by default is no matter."""
    if isinstance(given, dict) and isinstance(kept, dict):
        for name, value in given.items():
            yield from dropped(value, kept.get(name), f"{place}.{name}")
    elif isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        for number, pair in enumerate(zip(given, kept, strict=True)):
            yield from dropped(*pair, f"{place}[{number}]")
    elif given != kept:
        yield f"{place}: {given!r} is kept as {kept!r}"
