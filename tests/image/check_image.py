"""The image, by the Dockerfile's own steps in a root of Debian's. `make image-check` runs this.

The base image is a root that debootstrap lays out (IMAGE_BASE), so what Docker Hub's adds to that is not tried.
"""

import contextlib
import hashlib
import json
import os
import re
import stat
import subprocess
from pathlib import Path

import pytest

from tests.tools.daemon import REPOSITORY, UnixConnection, until
from tests.tools.image import Builder, Container, instructions

EPOCH = 1767225600
BASE = "debian:bookworm-slim@sha256:" + "0" * 64


def build(work: Path):
    work.mkdir()
    return Builder(REPOSITORY, Path(os.environ["IMAGE_BASE"]), work, {"BASE": BASE}).build()


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return tmp_path_factory.mktemp("image")


@pytest.fixture(scope="module")
def image(work):
    return build(work / "first")


@pytest.fixture(scope="module")
def running(image, work):
    with Container(image, [], {"ASCEND_SIDECAR_POLICIES": "default"}, work / "log") as made:
        until(lambda: made.process.poll() is None and made.execute(["ascend-sidecar", "status"]).returncode == 0,
              "the daemon is up", 60)  # fmt: skip
        yield made


def entries(root: Path):
    """Everything that an image's layer has of each file."""
    for path in sorted(root.rglob("*")):
        info = path.lstat()
        content = b""
        if path.is_symlink():
            content = str(path.readlink()).encode()
        elif path.is_file():
            content = hashlib.sha256(path.read_bytes()).digest()
        yield str(path.relative_to(root)), oct(info.st_mode), info.st_uid, info.st_gid, info.st_mtime, content


def test_two_builds_are_equal(image, work):
    second = build(work / "second")
    wheels = [next((work / name / "build/out/wheel").iterdir()).read_bytes() for name in ("first", "second")]
    assert wheels[0] == wheels[1]
    trees = [list(entries(work / name / "build/out/tree")) for name in ("first", "second")]
    assert [one for one, other in zip(*trees, strict=True) if one != other] == []
    assert second.entrypoint == image.entrypoint


def test_every_time_is_that_of_the_source(image, work):
    tree = work / "first/build/out/tree"
    assert {entry[4] for entry in entries(tree)} == {float(EPOCH)}


def test_nothing_gives_privileges_and_there_is_no_shell(image):
    for path in image.root.rglob("*"):
        mode = path.lstat().st_mode
        assert not (stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID)), path
    for name in ("sh", "bash", "dash", "busybox", "apt-get", "dpkg", "pip"):
        assert not list(image.root.rglob(f"bin/{name}")), name


def test_the_bill_names_what_is_there(image):
    bill = json.loads((image.root / "usr/share/sbom/ascend-sidecar.cdx.json").read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    assert bill["metadata"]["component"]["name"] == "ascend-sidecar"
    names = {part["name"] for part in bill["components"]}
    installed = {
        path.name for path in image.root.glob("opt/ascend-sidecar/lib/python3.11/site-packages/*.dist-info")
    }
    assert {re.sub(r"[_.]", "-", name.split("-")[0].lower()) for name in installed} - {
        "ascend-sidecar"
    } <= names
    assert set((REPOSITORY / "deploy/container/packages.txt").read_text().split()) <= names


def test_it_decides_read_only_as_nobody_without_capabilities(image, running):
    status = dict(
        line.split(":\t", 1)
        for line in Path(f"/proc/{running.pid}/status").read_text().splitlines()
        if ":\t" in line
    )
    assert status["Uid"].split() == ["65532"] * 4
    assert [status[f"Cap{kind}"] for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")] == ["0" * 16] * 5
    assert status["NoNewPrivs"] == "1"
    mounts = [line.split() for line in Path(f"/proc/{running.pid}/mounts").read_text().splitlines()]
    root = next(mount for mount in reversed(mounts) if mount[1] == "/")
    assert "ro" in root[3].split(",")
    connection = UnixConnection(f"/proc/{running.pid}/root/run/ascend-sidecar/sidecar.sock")
    asked = {
        "subject": {"type": "agent", "id": "demo"},
        "action": {"name": "database.read"},
        "resource": {"type": "resource", "id": "customer_profiles"},
    }
    connection.request(
        "POST", "/access/v1/evaluation", json.dumps(asked), {"Content-Type": "application/json"}
    )
    with contextlib.closing(connection):
        assert json.loads(connection.getresponse().read())["decision"] is True


def test_the_folders_it_writes_to_are_its_own(image):
    owned = {name: (image.root / name).stat() for name in ("var/lib/ascend-sidecar", "run/ascend-sidecar")}
    assert {(info.st_uid, info.st_gid) for info in owned.values()} == {(65532, 65532)}
    assert [oct(info.st_mode & 0o777) for info in owned.values()] == ["0o700", "0o755"]


def test_the_health_check_tells_health(image, running):
    healthy = running.execute(image.health)
    assert healthy.returncode == 0, healthy.stderr


def test_it_writes_to_its_volumes_alone(running):
    run = ["python3", "-c", "import sys; open(sys.argv[1], 'w')"]
    assert running.execute([*run, "/var/lib/ascend-sidecar/x"]).returncode == 0
    for path in ("/x", "/tmp/x", "/opt/ascend-sidecar/x", "/etc/x"):
        assert "Read-only file system" in running.execute([*run, path]).stderr


def test_it_stops_in_order_and_its_log_is_sound(image, work):
    with Container(image, ["serve", "--policies", "default"], {}, work / "stopping") as container:
        until(lambda: container.execute(image.health).returncode == 0, container.output(), 60)
        verified = container.execute(["ascend-sidecar", "audit", "verify"])
        assert verified.returncode == 0, verified.stdout + verified.stderr
        assert container.stop() == 0


def test_without_policies_it_says_what_is_missing(image, work):
    with Container(image, [], {}, work / "bare") as container:
        assert container.process.wait(60) == 78
        assert "no policy source" in container.output()


def test_hadolint_finds_nothing():
    linted = subprocess.run(
        [os.environ["HADOLINT"], str(REPOSITORY / "Dockerfile")], capture_output=True, text=True, check=False
    )
    assert (linted.returncode, linted.stdout, linted.stderr) == (0, "", "")


def test_docker_lines_of_the_page_fit_the_dockerfile():
    """No engine is here: options that name something of the image are compared with the image."""
    page = (REPOSITORY / "docs/deploy-container.md").read_text()
    dockerfile = instructions((REPOSITORY / "Dockerfile").read_text())
    needed = {rest for word, rest in dockerfile if word == "ARG" and "=" not in rest}
    builds = re.findall(r"docker build (?:[^\n]*\\\n)*[^\n]*", page)
    assert builds
    for line in builds:
        assert needed <= set(re.findall(r"--build-arg (\w+)=", line))
    (volumes,) = (json.loads(rest) for word, rest in dockerfile if word == "VOLUME")
    runs = re.findall(r"docker run (?:[^\n]*\\\n)*[^\n]*", page)
    assert runs
    for line in runs:
        assert "--read-only" in line
        assert "--cap-drop ALL" in line
        places = re.findall(r"(?:--volume|--tmpfs) (?:[^:\s]+:)?(/[^:\s]+)", line)
        assert set(volumes) <= set(places), line
