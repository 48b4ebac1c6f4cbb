"""What the API server refuses of a render that is off by a little, so that what it accepts says something."""

import copy

import pytest

from tests.tools.admission import dropped, pod_of, tried
from tests.tools.chart import find, objects, rendered


@pytest.fixture(scope="module")
def namespace(control):
    return control.namespace("refusals", "restricted")


@pytest.fixture(scope="module")
def pod(charts):
    """The example's pod, as its Deployment makes it."""
    return pod_of(objects(rendered(charts / "example-agent", {})))


def container(pod):
    return pod["spec"]["initContainers"][0]


def privileged(pod):
    container(pod)["securityContext"].update(privileged=True, allowPrivilegeEscalation=True)


def escalating(pod):
    del container(pod)["securityContext"]["allowPrivilegeEscalation"]


def root(pod):
    container(pod)["securityContext"].update(runAsUser=0, runAsNonRoot=False)


def capable(pod):
    container(pod)["securityContext"]["capabilities"] = {"drop": ["ALL"], "add": ["SYS_ADMIN"]}


def undropped(pod):
    del container(pod)["securityContext"]["capabilities"]


def unconfined(pod):
    container(pod)["securityContext"]["seccompProfile"] = {"type": "Unconfined"}


def of_the_host(pod):
    pod["spec"]["hostPID"] = True


def on_the_node(pod):
    pod["spec"]["volumes"].append({"name": "node", "hostPath": {"path": "/"}})


def with_a_port_of_the_node(pod):
    container(pod)["ports"][0]["hostPort"] = 8182


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (privileged, "privileged"),
        (escalating, "allowPrivilegeEscalation != false"),
        (root, "runAsNonRoot != true"),
        (capable, "unrestricted capabilities"),
        (undropped, "unrestricted capabilities"),
        (unconfined, "seccompProfile"),
        (of_the_host, "host namespaces"),
        (on_the_node, "restricted volume types"),
        (with_a_port_of_the_node, "hostPort"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_privilege_more_is_refused(control, namespace, pod, spoil, told):
    spoilt = copy.deepcopy(pod)
    spoil(spoilt)
    ran = tried(control, namespace, spoilt)
    assert ran.code == 1
    assert 'violates PodSecurity "restricted:latest"' in ran.err
    assert told in ran.err


def misspelt(pod):
    context = container(pod)["securityContext"]
    context["readOnlyRootFilesytem"] = context.pop("readOnlyRootFilesystem")


def probed_though_it_ends(pod):
    del container(pod)["restartPolicy"]


def without_a_volume(pod):
    pod["spec"]["volumes"].pop()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (misspelt, 'unknown field "spec.initContainers[0].securityContext.readOnlyRootFilesytem"'),
        (
            probed_though_it_ends,
            "startupProbe: Forbidden: may not be set for init containers without restartPolicy=Always",
        ),
        (without_a_volume, "volumeMounts"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_field_that_is_off_is_refused(control, namespace, pod, spoil, told):
    spoilt = copy.deepcopy(pod)
    spoil(spoilt)
    ran = tried(control, namespace, spoilt)
    assert ran.code == 1
    assert told in ran.err


def test_the_pod_itself_is_taken(control, namespace, pod):
    tried(control, namespace, pod).ok()


def test_a_sidecar_among_the_containers_is_taken_and_is_none(control, namespace, pod):
    """The server leaves `restartPolicy` out and says nothing: the comparison with what was rendered tells."""
    spoilt = copy.deepcopy(pod)
    spoilt["spec"]["containers"] += spoilt["spec"].pop("initContainers")
    taken = tried(control, namespace, spoilt)
    assert list(dropped(spoilt, taken.items[0])) == [
        ".spec.containers[1].restartPolicy: 'Always' is kept as None"
    ]


def test_a_workload_whose_pods_would_be_refused_is_taken_with_a_warning_that_counts(
    control, namespace, charts
):
    deployment = find(objects(rendered(charts / "example-agent", {})), "Deployment")
    privileged({"spec": deployment["spec"]["template"]["spec"]})
    ran = tried(control, namespace, deployment)
    assert ran.code == 0
    with pytest.raises(AssertionError, match='would violate PodSecurity "restricted:latest"'):
        ran.ok()
