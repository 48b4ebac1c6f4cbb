"""Settings of containerd, the network and the kubelet of a node that shares its machine with others."""

from pathlib import Path
from typing import Any

from tests.tools.certificates import Certificate
from tests.tools.control_plane import free_ports

PAUSE_IMAGE = "localhost/pause:e2e"

_CONTAINERD = """\
version = 2
root = "{folder}/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs"]
[grpc]
address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{pause}"
disable_apparmor = true
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{tools}/node/usr/lib/cni"
conf_dir = "{folder}/cni"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
BinaryName = "{tools}/node/usr/sbin/runc"
"""

NETWORK = {
    "cniVersion": "0.4.0",
    "name": "e2e",
    "type": "ptp",
    "ipam": {"type": "host-local", "ranges": [[{"subnet": "198.18.77.0/24"}]], "dataDir": "/run/cni"},
}


def containerd(folder: Path, tools: Path) -> str:
    return _CONTAINERD.format(folder=folder, tools=tools, pause=PAUSE_IMAGE)


def kubelet(folder: Path, serving: Certificate, root: Certificate, cgroup: str) -> dict[str, Any]:
    """It changes nothing of the machine's, and ends no pod for what others use of its disk and memory."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": "127.0.0.1",
        "port": free_ports(1)[0],
        "healthzPort": 0,
        "tlsCertFile": str(serving.path),
        "tlsPrivateKeyFile": str(serving.key),
        "authentication": {
            "x509": {"clientCAFile": str(root.path)},
            "anonymous": {"enabled": False},
            "webhook": {"enabled": False},
        },
        "authorization": {"mode": "AlwaysAllow"},
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroup}",
        "enforceNodeAllocatable": [],
        "failCgroupV1": False,
        "failSwapOn": False,
        "oomScoreAdj": 0,
        "makeIPTablesUtilChains": False,
        "protectKernelDefaults": True,
        "localStorageCapacityIsolation": False,
        "evictionHard": {"memory.available": "0%", "nodefs.available": "0%", "imagefs.available": "0%"},
        "imageGCHighThresholdPercent": 100,
        "clusterDNS": ["10.96.0.10"],
        "resolvConf": "",
        "volumePluginDir": str(folder / "plugins"),
        "syncFrequency": "1s",
        "fileCheckFrequency": "1h",
    }
