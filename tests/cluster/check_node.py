"""Pods as the chart renders them, run by a real kubelet: what starts and ends when, and who reaches what."""

import contextlib
import os
import signal

import pytest

from tests.fakes.terminal import type_in
from tests.tools.chart import find
from tests.tools.daemon import until
from tests.tools.example_app import ExampleApp
from tests.tools.pods import AGENT, PATIENCE, SIDECAR, Followed, statuses
from tests.tools.workshop import RULES, done

ALLOW = RULES.replace("file.read", "database.read")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """A signed bundle, and the public key that signs it."""
    folder = tmp_path_factory.mktemp("bundle")
    (folder / "policies").mkdir()
    (folder / "policies/files.yaml").write_text(ALLOW)
    done(type_in("bundle", "keygen", "a", "--out-dir", folder))
    path = folder / "bundle.dsse"
    signing = ("--key", folder / "a.key", "--out", path)
    done(type_in("bundle", "build", folder / "policies", "--revision", 1, *signing))
    return path.read_text(), "".join((folder / "a.pub").read_text().splitlines()[1:-1])


@pytest.fixture(scope="module")
def app(control, charts, node, bundle, tmp_path_factory):
    """The example, applied as it is rendered, with a daemon that has nothing to decide by yet."""
    made = ExampleApp(control, charts, tmp_path_factory.mktemp("app"), "waiting", bundle[1])
    made.put_bundle("not yet")
    made.pods.apply(*made.rendered())
    return made


def test_the_agent_does_not_start_before_the_daemon_is_ready(app, bundle):
    app.pods.await_running(SIDECAR)
    app.pods.wait(lambda: app.pods.failed_probes() >= 5, "the kubelet has asked five times")
    assert app.pods.status(SIDECAR)["started"] is False
    assert app.pods.status(SIDECAR)["restartCount"] == 0
    assert app.pods.status(AGENT)["state"] == {"waiting": {"reason": "PodInitializing"}}
    app.put_bundle(bundle[0])
    app.pods.await_running(AGENT)
    assert app.pods.status(SIDECAR)["started"] is True
    app.pods.await_log(AGENT, "allow")
    assert app.pods.status(AGENT)["restartCount"] == 0


@pytest.fixture(scope="module")
def going(app, bundle):
    """The same, once there are policies."""
    app.put_bundle(bundle[0])
    app.pods.await_log(AGENT, "allow")
    return app


def test_an_agent_of_another_uid_asks_over_the_shared_socket_and_reaches_nothing_else(going):
    assert going.pods.logs(AGENT) == [
        "uid 10001",
        "writing among the sockets: Read-only file system",
        "the daemon's state: not there",
        "allow",
    ]


def test_a_daemon_that_is_killed_denies_until_it_is_back_and_the_agent_stays(going, node):
    app = going
    for pid in node.pids(app.pods.status(SIDECAR)["containerID"]):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    app.pods.wait(lambda: app.pods.status(SIDECAR)["restartCount"] == 1, "the kubelet starts it again")
    app.pods.wait(lambda: app.pods.logs(AGENT)[-1] == "allow", "the agent is allowed again")
    refused = app.pods.logs(AGENT)[4:-1]
    assert refused
    assert all(line.startswith("not allowed: ") for line in refused), refused
    assert app.pods.status(AGENT)["restartCount"] == 0


def ended(control, pods, namespace, folder):
    """What the agent said while the pod was deleted, and how its containers ended: (second, exit code) by name."""
    name = pods.await_one()["metadata"]["name"]
    of_the_pod = ("-n", namespace, name)
    with (
        Followed(control, folder / "agent", "logs", "-f", *of_the_pod, "-c", AGENT) as agent,
        Followed(control, folder / "seen", "get", "pod", "-w", *of_the_pod, "-o", "json") as seen,
    ):
        pods.kubectl("delete", "deployment", "demo")
        pods.wait(lambda: not pods.all(), "the pod is gone")
        until(lambda: "at its end" in agent.text(), "its last words", PATIENCE)
        *_, last = seen.documents()
    return agent.text().splitlines(), {status["name"]: end_of(status) for status in statuses(last)}


def end_of(status):
    told = status["state"]["terminated"]
    return told["finishedAt"], told["exitCode"]


def test_the_agent_ends_first_and_then_the_daemon_whose_log_is_whole(going, control, tmp_path):
    """Last of those that share the pod."""
    said, ends = ended(control, going.pods, going.namespace, tmp_path)
    assert said[-1] == "at its end: allow"
    assert ends[AGENT] <= ends[SIDECAR]
    assert (ends[AGENT][1], ends[SIDECAR][1]) == (0, 0)
    assert done(type_in("audit", "verify", "--state-dir", going.state, "--json")).json["findings"] == []


def test_a_daemon_that_is_no_sidecar_ends_while_the_agent_still_needs_it(
    control, charts, node, bundle, tmp_path
):
    """What the order of the end hangs on: among the containers all are told to end at once."""
    app = ExampleApp(control, charts, tmp_path, "beside-it", bundle[1])
    app.put_bundle(bundle[0])
    documents = app.rendered()
    spec = find(documents, "Deployment")["spec"]["template"]["spec"]
    (sidecar,) = spec.pop("initContainers")
    del sidecar["restartPolicy"]
    spec["containers"].append(sidecar)
    app.pods.apply(*documents)
    app.pods.await_log(AGENT, "allow")
    said, ends = ended(control, app.pods, app.namespace, tmp_path)
    assert said[-1].startswith("at its end: not allowed")
    assert ends[SIDECAR] < ends[AGENT]


def test_without_the_start_up_probe_the_agent_starts_before_its_daemon_is_ready(
    control, charts, node, bundle, tmp_path
):
    """What the order hangs on."""
    app = ExampleApp(control, charts, tmp_path, "hasty", bundle[1])
    app.put_bundle("not yet")
    documents = app.rendered()
    del find(documents, "Deployment")["spec"]["template"]["spec"]["initContainers"][0]["startupProbe"]
    app.pods.apply(*documents)
    app.pods.await_running(AGENT)
    app.pods.wait(lambda: len(app.pods.logs(AGENT)) > 3, "the agent has asked")
    assert "allow" not in app.pods.logs(AGENT)


def test_a_job_ends_although_its_daemon_runs_on(control, charts, node, bundle, tmp_path):
    app = ExampleApp(control, charts, tmp_path, "once", bundle[1])
    app.put_bundle(bundle[0])
    *others, deployment = sorted(app.rendered(), key=lambda document: document["kind"] == "Deployment")
    template = deployment["spec"]["template"]
    template["spec"]["restartPolicy"] = "Never"
    template["spec"]["containers"][0]["args"] = ["once"]
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "once"},
        "spec": {"template": template},
    }
    app.pods.apply(*others, job)
    app.pods.kubectl("wait", "job/once", "--for=condition=Complete", f"--timeout={PATIENCE:.0f}s")
    assert app.pods.logs(AGENT)[-1] == "at its end: allow"
