"""What docs/deploy-kubernetes.md says can be typed, and fits the charts."""

import re
import shlex

import pytest
import yaml

from tests.tools.chart import CHARTS, VERSIONS, complaints, copied, find, helm, objects, rendered
from tests.tools.daemon import REPOSITORY

PAGE = (REPOSITORY / "docs" / "deploy-kubernetes.md").read_text()
VALUES = yaml.safe_load((CHARTS / "ascend-sidecar" / "values.yaml").read_text())


def blocks(kind):
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def lines(program):
    """The page's command lines of a program, as words."""
    joined = "".join(blocks("sh")).replace("\\\n", "")
    return [shlex.split(line) for line in joined.splitlines() if line.startswith(f"{program} ")]


def block(first):
    (found,) = [one for one in blocks("yaml") if one.startswith(first)]
    return found


@pytest.fixture(scope="module")
def charts(tmp_path_factory):
    return copied(tmp_path_factory.mktemp("charts"))


@pytest.fixture(scope="module")
def installed(charts):
    """What each line that installs or upgrades makes, by the release's name: `helm template` with the same words."""
    made = []
    for _, verb, *typed in lines("helm"):
        words = [word.replace("deploy/helm", str(charts)) for word in typed]
        if verb == "dependency":
            assert helm(verb, *words).code == 0
            continue
        assert verb in {"install", "upgrade"}
        ran = helm("template", *words)
        assert ran.code == 0, ran.err
        made.append((words[0], objects(ran.out)))
    return made


def test_every_line_that_installs_makes_what_kubernetes_takes(installed):
    assert len(installed) > 4
    for _, documents in installed:
        assert [each for one in documents for each in complaints(one, VERSIONS[-1])] == []


def test_every_line_of_kubectl_names_what_is_there(installed):
    """The lines themselves need a cluster."""
    there = {
        f"{one['kind'].lower()}/{one['metadata']['name']}": one
        for _, documents in installed
        for one in documents
    }
    asked = lines("kubectl")
    assert len(asked) > 8
    for words in asked:
        if words[1:3] == ["label", "namespace"]:
            assert words[3] in {"agents", "guard"}
            continue
        (target,) = [word for word in words if word.startswith(("deployment/", "daemonset/"))]
        pod = there[target]["spec"]["template"]["spec"]
        if "-c" in words:
            containers = (*pod.get("initContainers", ()), *pod["containers"])
            assert words[words.index("-c") + 1] in {one["name"] for one in containers}


def test_the_example_is_what_the_page_says_of_an_app():
    chart = yaml.safe_load((CHARTS / "example-agent" / "Chart.yaml").read_text())
    assert yaml.safe_load(block("dependencies:"))["dependencies"] == chart["dependencies"]
    deployment = (CHARTS / "example-agent" / "templates" / "deployment.yaml").read_text()
    for line in block("      securityContext:").splitlines():
        assert f"\n{line}\n" in deployment


def test_the_values_of_an_app_are_taken(charts):
    values = yaml.safe_load(block("ascend-sidecar:"))
    values["ascend-sidecar"]["policy"]["default"] = False
    assert rendered(charts / "example-agent", values)


def test_secrets_and_network_are_taken(charts):
    values = yaml.safe_load(block("secretFiles:")) | yaml.safe_load(block("networkPolicy:"))
    values |= yaml.safe_load(block("ascend-sidecar:"))["ascend-sidecar"] | {"mode": "daemonset"}
    values["config"]["platform"] = {"url": "https://platform.example"}
    documents = objects(rendered(charts / "ascend-sidecar", values))
    rules = find(documents, "NetworkPolicy")["spec"]["egress"]
    assert yaml.safe_load(block("networkPolicy:"))["networkPolicy"]["egress"][0] in rules


def test_the_pod_of_an_agent_fits_the_folder_of_the_node():
    pod = yaml.safe_load(block("spec:"))
    made = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "agent"}, **pod}
    assert [each for version in VERSIONS for each in complaints(made, version)] == []
    host = VALUES["daemonset"]["hostSocket"]
    (volume,) = pod["spec"]["volumes"]
    (mount,) = pod["spec"]["containers"][0]["volumeMounts"]
    assert volume["hostPath"]["path"] == host["path"]
    assert pod["spec"]["securityContext"]["supplementalGroups"] == [host["group"]]
    assert mount["readOnly"] is True


def test_the_line_for_tmpfiles_is_what_the_init_container_does(installed):
    (line,) = re.findall(r"^d (.*)$", PAGE, re.MULTILINE)
    path, mode, uid, gid = line.split()
    documents = next(documents for name, documents in installed if name == "guard")
    (prepare,) = find(documents, "DaemonSet")["spec"]["template"]["spec"]["initContainers"]
    assert [path, uid, gid, mode] == prepare["command"][3:]


def test_the_page_names_every_alert(charts):
    values = {"policy": {"default": True}, "prometheusRule": {"enabled": True}}
    documents = objects(rendered(charts / "ascend-sidecar", values))
    there = {rule["alert"] for rule in find(documents, "PrometheusRule")["spec"]["groups"][0]["rules"]}
    table = PAGE[PAGE.index("| alert | severity |") :]
    named = {name.replace("…", "AscendSidecar") for name in re.findall(r"`((?:AscendSidecar|…)\w+)`", table)}
    assert named == there
