"""The restricted profile of Kubernetes' Pod Security Standards: what a pod's spec does against it.

https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
"""

from collections.abc import Iterator
from typing import Any, Final

_VOLUMES: Final = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret",
}  # fmt: skip
_NAMESPACES: Final = ("hostNetwork", "hostPID", "hostIPC", "hostUsers")


def offences(spec: dict[str, Any]) -> Iterator[str]:
    """Each as the name of a container or volume, and the field."""
    yield from (name for name in _NAMESPACES if spec.get(name))
    for volume in spec.get("volumes", ()):
        yield from (f"{volume['name']}: {kind}" for kind in volume.keys() - {"name"} - _VOLUMES)
    for container in (*spec.get("initContainers", ()), *spec["containers"]):
        for offence in _of_container(container, spec.get("securityContext", {})):
            yield f"{container['name']}: {offence}"


def _of_container(container: dict[str, Any], pod: dict[str, Any]) -> Iterator[str]:
    own = container.get("securityContext", {})
    both = pod | own
    capabilities = own.get("capabilities", {})
    rules = {
        "privileged": not own.get("privileged", False),
        "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is False,
        "runAsNonRoot": both.get("runAsNonRoot") is True,
        "runAsUser": both.get("runAsUser") != 0,
        "seccompProfile": both.get("seccompProfile", {}).get("type") in {"RuntimeDefault", "Localhost"},
        "capabilities.drop": "ALL" in capabilities.get("drop", ()),
        "capabilities.add": set(capabilities.get("add", ())) <= {"NET_BIND_SERVICE"},
        "hostPort": not any(port.get("hostPort") for port in container.get("ports", ())),
    }
    yield from (name for name, is_kept in rules.items() if not is_kept)
