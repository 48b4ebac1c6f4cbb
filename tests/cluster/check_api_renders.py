"""What the charts render is taken by a real API server: as it is, with no warning, and with nothing of it dropped."""

import json

import pytest

from tests.tools.admission import dropped, listed, pod_of, tried
from tests.tools.chart import find, objects
from tests.tools.daemon import until
from tests.tools.golden_charts import CASES

MADE = "app.kubernetes.io/managed-by=Helm"


def level(case):
    """The strictest profile of Pod Security that takes this case: folders of the node are for `privileged` alone."""
    return "restricted" if case.chart == "example-agent" else "privileged"


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.name)
def case(request):
    return request.param


@pytest.fixture(scope="module")
def documents(case, charts):
    return objects(case.render(charts))


@pytest.fixture(scope="module")
def namespace(control, case):
    yield control.namespace(f"of-{case.name}", level(case))
    control.kubectl("delete", "namespace", f"of-{case.name}", "--wait=false").ok()


@pytest.fixture(scope="module")
def applied(control, documents, namespace):
    """After a dry run by the server, which must be of the same mind."""
    text = listed(documents)
    for more in (("--dry-run=server",), ()):
        control.kubectl("apply", *more, "--validate=strict", "-n", namespace, "-f", "-", stdin=text).ok()
    return control.kubectl("get", "-n", namespace, "-f", "-", "-o", "json", stdin=text).items


def test_a_render_is_kept_as_it_is(documents, applied):
    assert len(applied) == len(documents)
    assert [line for pair in zip(documents, applied, strict=True) for line in dropped(*pair)] == []


def test_its_pods_are_admitted(control, case, documents, namespace, applied):
    """The controller of a Deployment gets what it asks for; a DaemonSet's asks once there is a node."""
    if case.chart == "example-agent":
        name = find(documents, "Deployment")["metadata"]["name"]
        until(lambda: has_pods(control, namespace, name), f"pods of {name}", 60, 0.4)
    let_in(control, namespace, pod_of(documents))
    taken = tried(control, namespace, pod_of(documents))
    assert list(dropped(pod_of(documents), taken.items[0])) == []


def has_pods(control, namespace, name):
    status = control.kubectl("get", "deployment", name, "-n", namespace, "-o", "json").items[0]["status"]
    conditions = {one["type"]: one for one in status.get("conditions", [])}
    assert "ReplicaFailure" not in conditions, conditions
    return status.get("replicas") == 1


def let_in(control, namespace, pod):
    """The account that it names, where the chart makes none."""
    if name := pod["spec"].get("serviceAccountName"):
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}
        control.kubectl("apply", "--server-side", "-n", namespace, "-f", "-", stdin=json.dumps(account)).ok()


def test_helm_installs_upgrades_and_takes_it_away(control, charts, case):
    """Each first as a question to the server."""
    namespace = control.namespace(f"helm-{case.name}", level(case))
    release = ("demo", str(charts / case.chart), "--namespace", namespace, "--values", "-")
    values = json.dumps(case.values)
    for verb in ("install", "upgrade"):
        for more in (("--dry-run=server",), ()):
            control.run("helm", verb, *release, *more, stdin=values).ok()
    control.run("helm", "uninstall", "demo", "--namespace", namespace).ok()
    left = control.kubectl("get", "all,configmaps,networkpolicies", "-n", namespace, "-l", MADE, "-o", "json")
    assert [one["kind"] for one in left.items if "deletionTimestamp" not in one["metadata"]] == []


@pytest.mark.parametrize(
    "daemonset", [case for case in CASES if level(case) == "privileged"], ids=lambda case: case.name
)
def test_no_stricter_profile_takes_the_daemon_of_a_node(control, charts, daemonset):
    """As the page says, because of the folders of the node."""
    baseline = control.namespace(f"baseline-{daemonset.name}", "baseline")
    pod = pod_of(objects(daemonset.render(charts)))
    let_in(control, baseline, pod)
    ran = tried(control, baseline, pod)
    assert ran.code == 1
    assert 'violates PodSecurity "baseline:latest": hostPath volumes' in ran.err
