"""The example app of deploy/helm in a cluster, with its bundle in a ConfigMap, and state that outlives its pod."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.tools.chart import objects, rendered
from tests.tools.cluster import Cluster
from tests.tools.pods import Pods

_HERE = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["localhost"]}
_SIZE = {"storage": "2Gi"}


class ExampleApp:
    """In a namespace `name` of its own, held to the restricted profile. Nothing of it is applied yet.

    `key` is the public key of the bundle; the volume is a new folder in `folder`, on the node `localhost`.
    """

    def __init__(self, control: Cluster, charts: Path, folder: Path, name: str, key: str) -> None:
        self._charts, self._key = charts, key
        self._volume = folder / "volume"
        self._volume.mkdir()
        self.namespace = control.namespace(name, "restricted")
        self.pods = Pods(control, name, "app.kubernetes.io/instance=demo")
        self.pods.apply(*self._claimed())
        self.pods.kubectl("wait", "pvc/state", "--for=jsonpath={.status.phase}=Bound", "--timeout=60s")

    @property
    def state(self) -> Path:
        """Of the daemon, as it is on the volume."""
        return self._volume / "state"

    def _claimed(self) -> Iterator[dict[str, Any]]:
        common = {"accessModes": ["ReadWriteOnce"], "storageClassName": ""}
        affinity = {"required": {"nodeSelectorTerms": [{"matchExpressions": [_HERE]}]}}
        volume = {"capacity": _SIZE, "local": {"path": str(self._volume)}, "nodeAffinity": affinity}
        claim = {"resources": {"requests": _SIZE}, "volumeName": self.namespace}
        yield _object("PersistentVolume", self.namespace, spec=volume | common)
        yield _object("PersistentVolumeClaim", "state", spec=claim | common)

    def put_bundle(self, text: str) -> None:
        self.pods.apply(_object("ConfigMap", "bundle", data={"bundle.dsse": text}))

    def rendered(self) -> list[dict[str, Any]]:
        """What Helm renders of the example."""
        bundle = {"configMap": {"name": "bundle", "key": "bundle.dsse"}}
        # Told to end, the daemon answers for less time than the agent takes to end: who is told first then matters.
        shutdown = {"grace": "1s"}
        values = {
            "policy": {"default": False, "bundle": bundle},
            "config": {"trust": {"keys": [self._key]}, "bundle": {"poll": "1s"}, "shutdown": shutdown},
            "state": {"kind": "claim", "claim": "state"},
        }
        return objects(rendered(self._charts / "example-agent", {"ascend-sidecar": values}))


def _object(kind: str, name: str, **content: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}} | content
