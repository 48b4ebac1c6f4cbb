"""Alerts and dashboard: by names that the daemon has, and by expressions that say what they are for."""

import json
import re
import shutil

import pytest
import yaml

from sidecar.core.errors import BundleError
from sidecar.core.model import Code, Verdict
from tests.tools.chart import CHARTS, find, need, objects, rendered, run
from tests.tools.daemon import REPOSITORY, Daemon

CASES = REPOSITORY / "tests" / "golden" / "chart" / "alerts_test.yaml"
VALUES = {
    "mode": "daemonset", "policy": {"default": True}, "dashboard": {"enabled": True},
    "prometheusRule": {"enabled": True}, "networkPolicy": {"enabled": False},
}  # fmt: skip
_NAME = re.compile(r"\bascend_sidecar_\w+")


@pytest.fixture(scope="module")
def documents():
    return objects(rendered(CHARTS / "ascend-sidecar", VALUES))


@pytest.fixture(scope="module")
def groups(documents):
    return find(documents, "PrometheusRule")["spec"]


@pytest.fixture(scope="module")
def alerts(groups):
    return groups["groups"][0]["rules"]


@pytest.fixture(scope="module")
def dashboard(documents):
    return json.loads(find(documents, "ConfigMap", "-dashboard")["data"]["ascend-sidecar.json"])


@pytest.fixture(scope="module")
def panels(dashboard):
    """Titles and expressions."""
    return [(panel["title"], target["expr"]) for panel in dashboard["panels"] for target in panel["targets"]]


@pytest.fixture(scope="module")
def metrics(tmp_path_factory):
    """What a daemon with every feed tells: a state of halts, and a platform that is not there."""
    folder = tmp_path_factory.mktemp("d")
    (folder / "halts.dsse").write_text("not yet")
    environ = {
        "ASCEND_SIDECAR_KILLSWITCH_STATE": str(folder / "halts.dsse"),
        "ASCEND_SIDECAR_KILLSWITCH_KEYS": "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=",
        "ASCEND_SIDECAR_PLATFORM_URL": "http://127.0.0.1:9",
        "ASCEND_SIDECAR_PLATFORM_KEY": "k",
    }
    with Daemon(folder, environ=environ) as daemon:
        daemon.evaluate("agent:a", "file.read", "file:/srv/a")
        yield daemon.get("/metrics", "ops").raw.decode()


def families(text):
    """Names of series by those of families: a histogram has three."""
    named = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))
    ends = {"histogram": ("_bucket", "_sum", "_count")}
    return {f"{name}{end}" for name, kind in named.items() for end in ends.get(kind, ("",))}


def test_alerts_and_dashboard_go_by_metrics_that_the_daemon_has(metrics, alerts, panels, dashboard):
    named = {name for alert in alerts for name in _NAME.findall(alert["expr"])}
    named |= {name for _, expr in panels for name in _NAME.findall(expr)}
    named |= set(_NAME.findall(json.dumps(dashboard["templating"])))
    assert len(named) > 15
    assert named - families(metrics) == set()


def test_labels_have_values_that_the_daemon_gives(alerts, panels):
    known = {"code": set(Code), "verdict": {verdict.word for verdict in Verdict}}
    for expr in [*(alert["expr"] for alert in alerts), *(expr for _, expr in panels)]:
        for label, _, values in re.findall(r'\b(code|verdict)(=~?)"([^"]+)"', expr):
            assert set(values.split("|")) <= known[label], expr


def test_what_the_source_withholds_is_not_counted_as_refused(alerts):
    """An outage has an alert of its own; what somebody tampered with must not be taken for one."""
    (expr,) = [alert["expr"] for alert in alerts if alert["alert"] == "AscendSidecarBundleRefused"]
    (withheld,) = set(re.findall(r'reason!~"([^"]+)"', expr))
    kinds = {one.kind for one in BundleError.__subclasses__() if re.fullmatch(withheld, one.kind)}
    assert kinds == {"source_unavailable", "source_refused", "source_timeout"}


def test_agents_that_come_and_go_are_not_missed(alerts):
    values = VALUES | {"prometheusRule": {"enabled": True, "absent": False}}
    spec = find(objects(rendered(CHARTS / "ascend-sidecar", values)), "PrometheusRule")["spec"]
    left = {alert["alert"] for alert in spec["groups"][0]["rules"]}
    assert {alert["alert"] for alert in alerts} - left == {"AscendSidecarAbsent"}


def test_prometheus_takes_the_rules(groups, tmp_path):
    (tmp_path / "alerts.yaml").write_text(yaml.safe_dump(groups))
    ran = run(need("promtool"), "check", "rules", tmp_path / "alerts.yaml")
    assert ran.code == 0, ran.out + ran.err
    assert f"SUCCESS: {len(groups['groups'][0]['rules'])} rules found" in ran.out


def test_each_alert_comes_when_it_should_and_not_before(groups, tmp_path):
    (tmp_path / "alerts.yaml").write_text(yaml.safe_dump(groups))
    shutil.copy(CASES, tmp_path)
    ran = run(need("promtool"), "test", "rules", CASES.name, folder=tmp_path)
    assert ran.code == 0, ran.out + ran.err


def test_each_alert_has_a_case_where_it_comes_and_one_where_it_does_not(alerts):
    cases = [one for test in yaml.safe_load(CASES.read_text())["tests"] for one in test["alert_rule_test"]]
    for comes in (True, False):
        tried = {one["alertname"] for one in cases if bool(one.get("exp_alerts")) == comes}
        assert {alert["alert"] for alert in alerts} == tried


def test_prometheus_takes_what_panels_ask(panels, tmp_path):
    """As rules, with Grafana's variables filled in."""
    variables = {"$namespace": "agents", "$pod": ".*", "$__rate_interval": "5m"}

    def filled(expr):
        for name, text in variables.items():
            expr = expr.replace(name, text)
        return expr

    rules = [{"record": f"panel:{number}", "expr": filled(expr)} for number, (_, expr) in enumerate(panels)]
    assert not [rule for rule in rules if "$" in rule["expr"]]
    (tmp_path / "panels.yaml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    ran = run(need("promtool"), "check", "rules", tmp_path / "panels.yaml")
    assert ran.code == 0, ran.out + ran.err


def test_panels_have_numbers_places_and_titles_of_their_own(dashboard):
    panels = dashboard["panels"]
    for of in (lambda p: p["id"], lambda p: p["title"], lambda p: (p["gridPos"]["x"], p["gridPos"]["y"])):
        assert len({of(panel) for panel in panels}) == len(panels)


def test_prometheus_takes_the_metrics_themselves(metrics):
    """`promtool check metrics` tells what breaks the rules of names and units."""
    ran = run(need("promtool"), "check", "metrics", stdin=metrics)
    assert [line for line in ran.err.splitlines() if line.startswith("ascend_")] == []
