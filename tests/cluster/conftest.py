"""A cluster for the tests of a run. `make e2e` says where its programs are."""

import os
import shutil
from pathlib import Path

import pytest

from tests.tools.chart import copied, need
from tests.tools.control_plane import ControlPlane
from tests.tools.node import Node
from tests.tools.pod_images import pack_all


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


@pytest.fixture(scope="session")
def node(control, tmp_path_factory):
    """Its pods run what the charts call example-agent:0.1.0 and ascend-sidecar:0.1.0."""
    work, images = tmp_path_factory.mktemp("work"), tmp_path_factory.mktemp("images")
    pack_all(Path(os.environ["IMAGE_BASE"]), control.tools / "pause", work, images)
    shutil.rmtree(work)
    with Node(control, tmp_path_factory.mktemp("node") / "node", images) as running:
        yield running
