"""What the page on Kubernetes has a reader type, by a real cluster with one node, in the page's order.

Left out are the lines that name something of the reader's.
"""

import re
import shlex

import pytest
import yaml

from tests.tools.daemon import REPOSITORY
from tests.tools.pods import AGENT, Pods

PAGE = (REPOSITORY / "docs/deploy-kubernetes.md").read_text()
# The number of a held action, and a person's key.
OF_THE_READER = ("approvals approve",)


def lines():
    """Of the page's shell blocks, with continued lines as one."""
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
        yield from (
            line
            for line in re.sub(r"\\\n\s*", "", block).splitlines()
            if line.startswith(("helm ", "kubectl "))
        )


@pytest.fixture(scope="module")
def folder(charts, tmp_path_factory):
    """Where the charts are where they are in this repository."""
    made = tmp_path_factory.mktemp("reader")
    (made / "deploy").mkdir()
    (made / "deploy/helm").symlink_to(charts)
    return made


@pytest.fixture(scope="module")
def typed(control, node, folder):
    """The page's lines with what came of each."""
    kept = [line for line in lines() if not any(words in line for words in OF_THE_READER)]
    return {line: control.run(*shlex.split(line), cwd=folder).ok() for line in kept}


def test_each_line_works(typed):
    assert len(typed) >= 10


def test_what_the_daemon_of_the_pod_says_of_itself(typed):
    assert "finding" not in next(said for line, said in typed.items() if line.endswith("doctor"))


def test_an_agent_beside_the_daemon_of_its_node_asks_over_its_socket(control, typed):
    """A pod as the page writes it."""
    (spec,) = [
        yaml.safe_load(block)["spec"]
        for block in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
        if "supplementalGroups" in block
    ]
    spec["containers"][0]["env"] = [{"name": "ASCEND_AGENT_ID", "value": "elsewhere"}]
    pods = Pods(control, control.namespace("beside", "privileged"), "app=beside")
    metadata = {"name": "beside", "labels": {"app": "beside"}}
    pods.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    pods.wait(lambda: len(pods.logs(AGENT)) > 3, "it asks")
    assert pods.logs(AGENT)[-1] == "allow"
