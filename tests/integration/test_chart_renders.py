"""What the charts make of values: as it was when somebody looked, and as Kubernetes takes it."""

import copy

import pytest
import yaml

from sidecar.config import Config, load
from tests.tools.chart import VERSIONS, complaints, copied, find, helm, objects
from tests.tools.golden_charts import CASES
from tests.tools.pod_security import offences

by_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@pytest.fixture(scope="module")
def charts(tmp_path_factory):
    return copied(tmp_path_factory.mktemp("charts"))


@pytest.fixture(scope="module")
def documents(charts):
    """Renders a case once, and gives a copy."""
    made = {case: objects(case.render(charts)) for case in CASES}
    return lambda case: copy.deepcopy(made[case])


def pod_of(documents):
    (one,) = [each for each in documents if each["kind"] in {"Deployment", "DaemonSet"}]
    return one["spec"]["template"]["spec"]


def daemon_of(pod):
    (one,) = [
        c for c in (*pod.get("initContainers", ()), *pod["containers"]) if c["name"] == "ascend-sidecar"
    ]
    return one


@by_case
def test_it_renders_as_it_did(charts, case):
    """GOLDEN=write takes what is rendered now, for somebody to look at."""
    now = case.render(charts)
    assert now == case.expected(now)


@by_case
def test_a_linter_finds_nothing(charts, case):
    ran = helm("lint", "--strict", charts / case.chart, values=case.values)
    assert ran.code == 0, ran.out + ran.err


@pytest.mark.parametrize("chart", ["ascend-sidecar", "example-agent"])
def test_a_linter_finds_nothing_in_a_chart_as_it_is(charts, chart):
    """Its own values lack what only a user knows, which a linter passes over."""
    ran = helm("lint", "--strict", charts / chart)
    assert ran.code == 0, ran.out + ran.err


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_takes_every_object(documents, version):
    found = [each for case in CASES for one in documents(case) for each in complaints(one, version)]
    assert found == []


@pytest.mark.parametrize("kind", ["DaemonSet", "PrometheusRule", "ServiceMonitor", "NetworkPolicy"])
def test_a_field_that_nobody_knows_is_a_complaint(documents, kind):
    """So that the silence above says something."""
    (case,) = [one for one in CASES if one.name == "ascend-sidecar-daemonset-everything"]
    one = find(documents(case), kind)
    one["spec"]["unheard"] = 1
    assert [text for text in complaints(one, VERSIONS[0]) if "unheard" in text]


@by_case
def test_every_pod_is_restricted(documents, case):
    """But for folders of the node, and for the container that gives them to the daemon."""
    found = set(offences(pod_of(documents(case))))
    on_node = {"ascend-sidecar-run: hostPath", "ascend-sidecar-state: hostPath"}
    preparing = {"prepare: runAsNonRoot", "prepare: runAsUser", "prepare: capabilities.add"}
    assert found <= (set() if case.chart == "example-agent" else on_node | preparing)


@by_case
def test_no_container_gets_what_it_does_not_need(documents, case):
    """The agent: the sockets, read-only. Nobody: a token of Kubernetes. All: a read-only root and bounds."""
    pod = pod_of(documents(case))
    assert pod["automountServiceAccountToken"] is False
    for container in (*pod.get("initContainers", ()), *pod["containers"]):
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert "memory" in container["resources"]["limits"]
    agents = [one for one in pod["containers"] if one["name"] == "agent"]
    mounts = [(one["name"], one["mountPath"], one["readOnly"]) for a in agents for one in a["volumeMounts"]]
    assert mounts == [("ascend-sidecar-run", "/run/ascend-sidecar", True)] * len(agents)
    assert all(
        one["securityContext"]["runAsUser"] != daemon_of(pod)["securityContext"]["runAsUser"]
        for one in agents
    )


@by_case
def test_no_variable_holds_a_secret(documents, case):
    """Secrets are files: variables show in crash dumps, in /proc and to whatever the process starts."""
    for container in (
        *pod_of(documents(case)).get("initContainers", ()),
        *pod_of(documents(case))["containers"],
    ):
        assert "envFrom" not in container
        assert not [one for one in container.get("env", ()) if "secretKeyRef" in one.get("valueFrom", {})]


@by_case
def test_every_mount_has_its_volume_and_every_volume_a_mount(documents, case):
    pod = pod_of(documents(case))
    mounted = {
        m["name"] for c in (*pod.get("initContainers", ()), *pod["containers"]) for m in c["volumeMounts"]
    }
    assert mounted == {volume["name"] for volume in pod["volumes"]}


@by_case
def test_the_daemon_takes_its_config(documents, case, tmp_path):
    """The file of the ConfigMap with the variables of the container, by the loader of `serve`."""
    made = documents(case)
    container = daemon_of(pod_of(made))
    config = next(one["data"]["config.yaml"] for one in made if "config.yaml" in one.get("data", {}))
    (tmp_path / "config.yaml").write_text(config)
    environ = {one["name"]: one["value"].replace("$(NODE_NAME)", "n").replace("$(POD_NAME)", "p")
               for one in container["env"] if "value" in one}  # fmt: skip
    loaded = load(tmp_path / "config.yaml", environ, {})
    assert loaded.listen.is_loopback
    assert loaded.ops_listen.port == container["ports"][0]["containerPort"]
    assert str(loaded.run_dir) in {one["mountPath"] for one in container["volumeMounts"]}
    mounted = [one["mountPath"] for one in container["volumeMounts"]]
    named = [text for text in yaml.safe_dump(yaml.safe_load(config)).split() if text.startswith("/etc/")]
    assert all(any(text.startswith(f"{place}") for place in mounted) for text in named)


@by_case
def test_probes_come_by_the_address_of_the_pod(documents, case):
    """Kubelet asks from outside the pod, so that loopback would never be ready."""
    made = documents(case)
    container = daemon_of(pod_of(made))
    assert container["startupProbe"]["httpGet"] == {"path": "/readyz", "port": "ascend-ops"}
    assert container["livenessProbe"]["httpGet"] == {"path": "/livez", "port": "ascend-ops"}
    assert "host" not in container["startupProbe"]["httpGet"]
    config = yaml.safe_load(
        next(one["data"]["config.yaml"] for one in made if "config.yaml" in one.get("data", {}))
    )
    assert not config["ops_listen"].startswith(("127.", "localhost", "[::1]"))
    assert "listen" not in config


def test_a_sidecar_is_ready_by_itself_alone_where_nobody_asked_for_more(documents):
    """A daemon that denies for a stale bundle does not take the app out of service."""
    with_readiness = {case.name for case in CASES if "readinessProbe" in daemon_of(pod_of(documents(case)))}
    assert with_readiness == {"example-agent-everything"}


def test_a_sidecar_is_one_for_kubernetes_too(documents):
    """Without `restartPolicy` an init container would have to end before the agent begins."""
    for case in CASES:
        pod = pod_of(documents(case))
        is_sidecar = daemon_of(pod) in pod.get("initContainers", ())
        assert is_sidecar == (case.chart == "example-agent")
        assert daemon_of(pod).get("restartPolicy") == ("Always" if is_sidecar else None)


def test_a_changed_config_rolls_the_pods(charts):
    hashes = set()
    for grace in ("5s", "6s"):
        ran = helm("template", "d", charts / "example-agent",
                   values={"ascend-sidecar": {"config": {"shutdown": {"grace": grace}}}})  # fmt: skip
        (one,) = [
            e["value"] for e in daemon_of(pod_of(objects(ran.out)))["env"] if e["name"] == "CONFIG_SHA256"
        ]
        hashes.add(one)
    assert len(hashes) == 2


def test_only_the_daemon_has_the_role_of_aws(documents):
    (case,) = [one for one in CASES if one.name == "example-agent-everything"]
    pod = pod_of(documents(case))
    holders = [c["name"] for c in (*pod["initContainers"], *pod["containers"])
               if any(m["name"] == "ascend-sidecar-aws" for m in c["volumeMounts"])]  # fmt: skip
    assert holders == ["ascend-sidecar"]


@by_case
def test_nothing_leads_from_outside_to_the_address_that_decides(documents, case):
    """No port, Service, monitor or rule of a network names it; whoever asks from elsewhere finds loopback closed."""
    assert str(Config().listen.port) not in yaml.safe_dump_all(documents(case))
