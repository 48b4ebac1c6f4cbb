"""Values that the chart refuses, each with the name of what is wrong and what would be right."""

import json
import os

import pytest
import yaml

from sidecar.config.keys import KEYS
from tests.tools.chart import CHARTS, copied, helm, objects, refused, rendered
from tests.tools.chart_schema import OWNED, PATH, settings, with_settings

CHART = CHARTS / "ascend-sidecar"
DEFAULT = {"policy": {"default": True}}
BUNDLE = {"policy": {"bundle": {"source": "https://policy.example/b.dsse"}}}
TRUST = {"config": {"trust": {"keys": ["MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="]}}}
ON_NODES = {**DEFAULT, "mode": "daemonset"}
ROLE = {"roleArn": "arn:aws:iam::123456789012:role/r", "region": "eu-west-1"}

UNKNOWN = {
    "at the top": ({"polices": {}}, "'polices' not allowed"),
    "of a part": ({"image": {"name": "x"}}, "'/image': additional properties 'name' not allowed"),
    "deep": (
        {"probes": {"startup": {"path": "/"}}},
        "'/probes/startup': additional properties 'path' not allowed",
    ),
    "of a bundle": ({"policy": {"bundle": {"url": "x"}}}, "'/policy/bundle': additional properties 'url'"),
    "of a secret": (
        {"secretFiles": {"tokens_file": {"name": "a", "key": "b", "mode": 1}}},
        "'mode' not allowed",
    ),
    "no setting with a secret": (
        {"secretFiles": {"tls.key": {"name": "a", "key": "b"}}},
        "'tls.key' not allowed",
    ),
    "no setting of the daemon": (
        {"config": {"limits": {"bodies": "1KiB"}}},
        "'/config/limits': additional properties 'bodies'",
    ),
    "that the chart sets": (
        {"config": {"run_dir": "/x"}},
        "'/config': additional properties 'run_dir' not allowed",
    ),
    "an address that decides": (
        {"config": {"listen": "0.0.0.0:8181"}},
        "additional properties 'listen' not allowed",
    ),
}
WRONG = {
    "a mode": ({"mode": "deployment"}, "'/mode'"),
    "a digest": ({"image": {"digest": "sha256:1"}}, "'/image/digest'"),
    "a privileged port": ({"ops": {"port": 80}}, "'/ops/port'"),
    "root's group": ({"fsGroup": 0}, "'/fsGroup'"),
    "a group by name": ({"daemonset": {"hostSocket": {"group": "agents"}}}, "'/daemonset/hostSocket/group'"),
    "a duration": ({"config": {"shutdown": {"grace": "10"}}}, "'/config/shutdown/grace'"),
    "a file outside": (
        {"policy": {"files": {"../x.yaml": ""}}},
        "'/policy/files': additional properties '../x.yaml' not allowed",
    ),
    "a secret without its key": ({"secretFiles": {"tokens_file": {"name": "a"}}}, "missing property 'key'"),
    "a role": ({"aws": {"roleArn": "ascend"}}, "'/aws/roleArn'"),
}
CONTRADICTORY = {
    "no policies": ({}, "policy: policies come from one place, and given is none"),
    "two kinds of policies": (
        {**BUNDLE, "policy": {**BUNDLE["policy"], "default": True}, **TRUST},
        "given is default, bundle.source",
    ),
    "a bundle without keys": (
        BUNDLE,
        "policy.bundle.source: a bundle that nothing could verify; set config.trust.keys",
    ),
    "a bundle of a Secret without keys": (
        {"policy": {"bundle": {"secret": {"name": "b", "key": "k"}}}},
        "policy.bundle.secret: a bundle that nothing could verify",
    ),
    "a claim without a name": ({**DEFAULT, "state": {"kind": "claim"}}, "state.claim: is empty"),
    "a claim on nodes": (
        {**ON_NODES, "state": {"kind": "claim", "claim": "c"}},
        "state.kind: claim: daemons of several nodes",
    ),
    "a folder of the node in an app": (
        {**DEFAULT, "state": {"kind": "hostPath"}},
        "state.kind: hostPath: pods of one node",
    ),
    "a role without a region": (
        {**DEFAULT, "aws": {"roleArn": ROLE["roleArn"]}},
        "aws.region: is empty beside aws.roleArn",
    ),
    "a queue that pods share": (
        {**DEFAULT, "killswitch": {"queueUrl": "https://sqs.example/1/q-$(NODE_NAME)"}},
        "killswitch.queueUrl: daemons that share a queue take orders away from each other; have $(POD_NAME)",
    ),
    "a queue that nodes share": (
        {**ON_NODES, "killswitch": {"queueUrl": "https://sqs.example/1/q"}},
        "have $(NODE_NAME) in it",
    ),
    "scraped twice": (
        {
            **DEFAULT,
            "podSelector": {"app": "a"},
            "podMonitor": {"enabled": True},
            "serviceMonitor": {"enabled": True},
        },
        "serviceMonitor.enabled: beside podMonitor.enabled",
    ),
    "scraped by a Service for all pods": (
        {**DEFAULT, "serviceMonitor": {"enabled": True}},
        "podSelector: is empty, so that serviceMonitor.enabled would be for every pod",
    ),
    "closed for all pods": (
        {**DEFAULT, "networkPolicy": {"appIngress": []}},
        "podSelector: is empty, so that networkPolicy.appIngress would be for every pod",
    ),
    "scraped by nobody": ({**ON_NODES, "podMonitor": {"enabled": True}}, "networkPolicy.scrapers: is empty"),
    "scraped by nobody, in an app": (
        {
            **DEFAULT,
            "podMonitor": {"enabled": True},
            "podSelector": {"app": "a"},
            "networkPolicy": {"appIngress": []},
        },
        "networkPolicy.scrapers: is empty",
    ),
    "a bundle behind a wall": (
        {**BUNDLE, **TRUST, "mode": "daemonset"},
        "networkPolicy.egress: is empty, so that policy.bundle.source",
    ),
    "a role behind a wall": (
        {**ON_NODES, "aws": ROLE},
        "networkPolicy.egress: is empty, so that aws.roleArn",
    ),
    "halts behind a wall": (
        {**ON_NODES, "config": {"killswitch": {"state": "s3://b/halts"}}},
        "networkPolicy.egress: is empty, so that config.killswitch.state",
    ),
    "a platform behind a wall": (
        {**ON_NODES, "config": {"platform": {"url": "https://platform.example"}}},
        "networkPolicy.egress: is empty, so that config.platform.url",
    ),
    "an account of no name": (
        {**ON_NODES, "daemonset": {"serviceAccount": {"create": False}}},
        "daemonset.serviceAccount.name: is empty",
    ),
}


@pytest.mark.parametrize(("values", "told"), UNKNOWN.values(), ids=UNKNOWN)
def test_an_unknown_value_is_refused_by_its_name(values, told):
    assert told in refused(CHART, {**DEFAULT, **values})


@pytest.mark.parametrize(("values", "told"), WRONG.values(), ids=WRONG)
def test_a_value_of_the_wrong_form_is_refused_by_its_name(values, told):
    assert told in refused(CHART, {**DEFAULT, **values})


@pytest.mark.parametrize(("values", "told"), CONTRADICTORY.values(), ids=CONTRADICTORY)
def test_values_that_contradict_each_other_are_refused(values, told):
    assert told in refused(CHART, values)


@pytest.mark.parametrize(
    "values", [DEFAULT, ON_NODES, {**BUNDLE, **TRUST}], ids=["sidecar", "daemonset", "bundle"]
)
def test_what_is_compared_above_is_taken_without_the_fault(values):
    assert rendered(CHART, values)


def test_every_part_of_the_schema_is_closed():
    """But for maps whose names are the user's: labels, amounts, and Kubernetes' own objects."""

    def open_parts(schema, path):
        if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
            yield path
        for key in ("properties", "$defs"):
            for name, part in schema.get(key, {}).items():
                if isinstance(part, dict):
                    yield from open_parts(part, f"{path}/{name}")

    assert sorted(open_parts(json.loads(PATH.read_text()), "")) == [
        "/amounts", "/daemonset/nodeSelector", "/daemonset/podAnnotations", "/daemonset/serviceAccount/annotations",
        "/dashboard/labels", "/global", "/monitor/labels", "/podSelector", "/prometheusRule/labels",
    ]  # fmt: skip


def test_the_schema_has_the_settings_that_the_daemon_has():
    """GOLDEN=write takes them from the daemon."""

    if os.environ.get("GOLDEN") == "write":
        PATH.write_text(with_settings(json.loads(PATH.read_text())))
    assert PATH.read_text() == with_settings(json.loads(PATH.read_text()))


def test_every_setting_that_is_a_file_can_come_of_a_secret():
    """But for TLS, which is for addresses that others reach, and for a witness, which is no secret."""
    files = {name for name in KEYS if name.endswith("_file")}
    assert set(json.loads(PATH.read_text())["properties"]["secretFiles"]["properties"]) == files


def test_what_the_chart_sets_itself_is_no_value():
    assert all(key not in settings()[part]["properties"] for part, keys in OWNED.items() for key in keys)


def test_the_schema_knows_every_value_of_the_chart():
    """And the chart's file shows every value that there is, with its default."""
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = json.loads(PATH.read_text())

    def names(part):
        part = schema["$defs"][part["$ref"].split("/")[-1]] if "$ref" in part else part
        return part.get("properties", {})

    assert set(defaults) == set(schema["properties"]) - {"global"}
    for name, value in defaults.items():
        known = names(schema["properties"][name])
        if name not in {"config", "secretFiles"} and known:
            assert set(known) - {"appIngress"} == set(value), name


def test_an_app_does_not_include_the_daemon_of_the_node(tmp_path):
    charts = copied(tmp_path)
    told = refused(charts / "example-agent", {"ascend-sidecar": {"mode": "daemonset"}})
    assert 'mode: daemonset, and an app includes "ascend-sidecar.container"' in told


def test_an_alias_is_refused(tmp_path):
    """Its values would not be found."""
    app = tmp_path / "app"
    (app / "templates").mkdir(parents=True)
    (app / "templates" / "x.yaml").write_text('a: {{ include "ascend-sidecar.volumes" . | nindent 2 }}\n')
    (app / "charts").mkdir()
    (app / "charts" / "guard").symlink_to(CHART)
    (app / "Chart.yaml").write_text(
        "apiVersion: v2\nname: app\nversion: 0.1.0\ndependencies:\n"
        "  - {name: ascend-sidecar, alias: guard, version: 0.1.0}\n"
    )
    assert "app: ascend-sidecar must be a dependency that is on, under no alias" in refused(
        app, {"guard": DEFAULT}
    )


def test_names_of_releases_do_not_make_names_too_long():
    long = "r" * 53
    ran = helm("template", long, CHART, values={**ON_NODES, "dashboard": {"enabled": True}})
    names = [one["metadata"]["name"] for one in objects(ran.out)]
    assert names
    assert all(len(name) <= 63 for name in names)
