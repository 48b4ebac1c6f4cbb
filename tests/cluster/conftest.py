"""A cluster for the tests of a run. `make e2e` says where its programs are."""

import os
from pathlib import Path

import pytest

from tests.tools.chart import copied, need
from tests.tools.control_plane import ControlPlane


@pytest.fixture(scope="session")
def control(tmp_path_factory):
    """A control plane that knows the kinds of the Prometheus operator."""
    with ControlPlane(
        Path(os.environ["CLUSTER_TOOLS"]), need("helm").parent, tmp_path_factory.mktemp("control")
    ) as running:
        crds = str(need("crds"))
        running.kubectl("create", "-f", crds).ok()
        running.kubectl("wait", "--for=condition=Established", "--timeout=60s", "-f", crds).ok()
        yield running


@pytest.fixture(scope="session")
def charts(tmp_path_factory):
    """The charts, with what the example depends on built in."""
    return copied(tmp_path_factory.mktemp("charts"))
