"""The units as files: nothing in them is unknown to systemd, and little of the host is left open to them."""

import re
import subprocess
from pathlib import Path

import pytest

from sidecar.config import Config
from tests.tools.systemd_machine import UNITS

SERVICE = UNITS / "ascend-sidecar.service"


def settings(path: Path) -> dict[str, list[str]]:
    """Values by key; systemd's keys repeat."""
    found: dict[str, list[str]] = {}
    for line in path.read_text().splitlines():
        key, is_setting, value = line.partition("=")
        if is_setting and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def exposure(service: Path) -> float:
    told = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(service)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert told.stderr == ""
    return float(re.search(r"Overall exposure level[^:]*: ([0-9.]+)", told.stdout)[1])


def test_the_exposure_is_small():
    assert exposure(SERVICE) <= 1.3


def test_the_exposure_is_that_of_the_file(tmp_path):
    """So that the figure above is not that of something else: without its filter, a service is more exposed."""
    bare = tmp_path / SERVICE.name
    bare.write_text(re.sub("SystemCallFilter=.*", "", SERVICE.read_text()))
    assert exposure(bare) > 1.3


def test_the_daemon_has_time_to_stop():
    """SIGKILL comes only after the whole grace and what follows it."""
    (stop,) = settings(SERVICE)["TimeoutStopSec"]
    assert int(stop) >= float(Config().shutdown.grace) + 5


def test_users_are_not_hidden_from_the_daemon():
    """With PrivateUsers= every peer would be nobody, and rules about uids would hold for no one."""
    assert "PrivateUsers" not in settings(SERVICE)


@pytest.mark.parametrize("unit", sorted(path.name for path in UNITS.glob("*.socket")))
def test_each_socket_is_one_that_the_daemon_knows(unit):
    socket = settings(UNITS / unit)
    assert socket["FileDescriptorName"] == [
        {
            "ascend-sidecar.socket": "decision",
            "ascend-sidecar-tcp.socket": "decision-tcp",
            "ascend-sidecar-ops.socket": "ops",
            "ascend-sidecar-approvals.socket": "approvals",
        }[unit]
    ]
    assert socket["Service"] == ["ascend-sidecar.service"]


@pytest.mark.parametrize("unit", ["ascend-sidecar.socket", "ascend-sidecar-approvals.socket"])
def test_a_unix_socket_is_for_its_group_alone(unit):
    socket = settings(UNITS / unit)
    assert socket["SocketMode"] == ["0660"]
    (group,) = socket["SocketGroup"]
    assert f"g {group} -\n" in (UNITS / "ascend-sidecar.sysusers.conf").read_text()
