"""The images of the charts' pods as files, under the names that the charts have for them, made without an engine."""

import shutil
import subprocess
from pathlib import Path

from tests.tools.daemon import REPOSITORY
from tests.tools.image import Builder, Stage
from tests.tools.node_settings import PAUSE_IMAGE
from tests.tools.oci import pack

_LIBRARY = "docker.io/library/"
_AGENT = ("shims/python/ascend_sidecar.py", "tests/cluster/agent.py")
# For so many seconds the agent goes on when it is told to end.
DRAIN = 3


def pack_all(base: Path, pause: Path, work: Path, packed: Path) -> None:
    """Into the folder `packed`. `base` stands for the Dockerfile's base image; `pause` holds a pod's namespaces."""
    sidecar = Builder(REPOSITORY, base, work, {"BASE": "debian@sha256:" + "0" * 64}).build()
    (work / "pause").mkdir()
    shutil.copy(pause, work / "pause/pause")
    holding = Stage(work / "pause", entrypoint=["/pause"], user="65535:65535")
    pack(sidecar, f"{_LIBRARY}ascend-sidecar:0.1.0", packed / "sidecar.tar")
    pack(_agents(sidecar, work / "agent"), f"{_LIBRARY}example-agent:0.1.0", packed / "agent.tar")
    pack(holding, PAUSE_IMAGE, packed / "pause.tar")


def _agents(sidecar: Stage, root: Path) -> Stage:
    """The daemon's interpreter, the shim and an agent."""
    subprocess.run(["cp", "-a", "--reflink=auto", str(sidecar.root), str(root)], check=True)
    (root / "agent").mkdir()
    for source in _AGENT:
        shutil.copy(REPOSITORY / source, root / "agent")
    entrypoint = ["/usr/bin/python3.11", "/agent/agent.py"]
    return Stage(root, user="10001:10001", entrypoint=entrypoint, command=[str(DRAIN)])
