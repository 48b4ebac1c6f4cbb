"""A real Kubernetes API server with etcd, controllers and scheduler, on loopback, for as long as tests need them."""

import json
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.tools.certificates import Certificate
from tests.tools.cluster import PAUSE, Cluster
from tests.tools.cluster_keys import Authority
from tests.tools.daemon import until

# Building on nothing else, these make pods of workloads and what a namespace needs to take pods in.
_CONTROLLERS = (
    "deployment-controller,replicaset-controller,daemonset-controller,job-controller,"
    "namespace-controller,serviceaccount-controller,root-ca-certificate-publisher-controller,"
    "garbage-collector-controller,node-lifecycle-controller,persistentvolume-binder-controller"
)
_START = 180.0


def free_ports(count: int) -> list[int]:
    """Of loopback, all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class ControlPlane(Cluster):
    """Use as a context manager. All state is in `folder`."""

    def __init__(self, tools: Path, helm: Path, folder: Path) -> None:
        super().__init__(tools, helm, folder, folder / "admin.kubeconfig")
        self._running: list[subprocess.Popen[bytes]] = []
        self.authority = Authority(folder / "keys")

    def __enter__(self) -> "ControlPlane":
        self._port, self._etcd, peer = free_ports(3)
        try:
            self._start_etcd(peer)
            self._start_server()
            self._start_controllers()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._running):
            process.kill()
            process.wait()

    def start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        """A program of the tools, which dies with this process; what it says goes to NAME.log."""
        with (self.folder / f"{name}.log").open("ab") as log:
            command = ("setpriv", "--pdeathsig", "KILL", str(self.tools / name), *arguments)
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._running.append(process)
        return process

    def _start_etcd(self, peer: int) -> None:
        client, peers = f"http://127.0.0.1:{self._etcd}", f"http://127.0.0.1:{peer}"
        self.start(
            "etcd",
            f"--data-dir={self.folder}/etcd",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=default={peers}",
            "--unsafe-no-fsync",
        )

    def _start_server(self) -> None:
        serving = self.authority.issue("apiserver", "apiserver", hosts=("127.0.0.1", "localhost"))
        tokens = self.authority.issue("tokens", "tokens")
        kubelets = self.authority.issue("apiserver-to-kubelet", "apiserver", "system:masters")
        process = self.start(
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{self._etcd}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self._port}",
            "--advertise-address=192.0.2.1",
            "--endpoint-reconciler-type=none",
            f"--tls-cert-file={serving.path}",
            f"--tls-private-key-file={serving.key}",
            f"--client-ca-file={self.authority.root.path}",
            # A kubelet of this machine serves on loopback, and its node is named localhost.
            "--kubelet-preferred-address-types=Hostname",
            f"--kubelet-certificate-authority={self.authority.root.path}",
            f"--kubelet-client-certificate={kubelets.path}",
            f"--kubelet-client-key={kubelets.key}",
            f"--service-account-key-file={tokens.path}",
            f"--service-account-signing-key-file={tokens.key}",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.96.0.0/24",
            "--authorization-mode=Node,RBAC",
            # So that it is Pod Security that refuses a privileged container, and not a switch of the server's.
            "--allow-privileged=true",
        )
        self.config_of("admin", self.authority.issue("admin", "admin", "system:masters"))
        self._await(process, lambda: self.kubectl("get", "--raw", "/readyz").out == "ok", "it is ready")

    def _start_controllers(self) -> None:
        manager = self.authority.issue("manager", "system:kube-controller-manager")
        process = self.start(
            "kube-controller-manager",
            f"--kubeconfig={self.config_of('manager', manager)}",
            f"--controllers={_CONTROLLERS}",
            f"--root-ca-file={self.authority.root.path}",
            # Each controller with the rights that it has in any cluster.
            "--use-service-account-credentials=true",
            "--leader-elect=false",
            "--secure-port=0",
        )
        scheduler = self.authority.issue("scheduler", "system:kube-scheduler")
        self.start(
            "kube-scheduler",
            f"--kubeconfig={self.config_of('scheduler', scheduler)}",
            "--leader-elect=false",
            "--secure-port=0",
        )
        asking = ("get", "serviceaccount", "default", "-n", "default")
        self._await(process, lambda: self.kubectl(*asking).code == 0, "the controllers are at work")

    def _await(self, process: subprocess.Popen[bytes], condition: Callable[[], bool], what: str) -> None:
        def going() -> bool:
            assert process.poll() is None, self.logs()
            return condition()

        until(going, what, _START, PAUSE)

    def logs(self) -> str:
        return "\n".join(path.read_text(errors="replace")[-3000:] for path in self.folder.glob("*.log"))

    def config_of(self, name: str, shown: Certificate) -> Path:
        """A kubeconfig file; JSON is YAML."""
        server = {
            "server": f"https://127.0.0.1:{self._port}",
            "certificate-authority": str(self.authority.root.path),
        }
        user = {"client-certificate": str(shown.path), "client-key": str(shown.key)}
        path = self.folder / f"{name}.kubeconfig"
        path.write_text(
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "clusters": [{"name": "c", "cluster": server}],
                    "users": [{"name": "u", "user": user}],
                    "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
                    "current-context": "x",
                }
            )
        )
        return path
