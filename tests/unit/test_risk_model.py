"""The assessment of requests, by the default table."""

import pytest

from sidecar.core.risk.score import band
from tests.fakes.default_risk import MODEL, TABLE, ask, assess, points


@pytest.mark.parametrize(
    ("action", "score"), [("list_directory", 15), ("write_file", 50), ("delete_file", 75)]
)
def test_the_publicly_documented_scores_are_exact(action, score):
    risk = assess(action, "file:/srv/app/x")
    assert risk.score == score
    assert len(risk.because) == 1


@pytest.mark.parametrize("verb", TABLE.verbs)
def test_without_facts_a_verb_scores_its_baseline(verb):
    assert assess(verb).score == TABLE.verbs[verb].base


def test_a_score_explains_itself_line_by_line():
    risk = assess("write_file", "file:/etc/config.yaml")
    assert risk.because == (
        "base 50 (fs.write)",
        "path under /etc +20",
        "CVSS scope change +1",
        "NIST risk low to moderate +3",
    )
    assert (risk.score, points(risk), risk.level) == (74, 74, "high")
    assert (risk.cvss.vector, risk.cvss.score) == ("CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:C/C:N/I:H/A:L", 7.3)
    assert (risk.nist.likelihood, risk.nist.impact, risk.nist.level) == ("moderate",) * 3
    assert (risk.attack.tactic, risk.attack.technique) == ("impact", "T1565.001")


def test_the_quick_start_of_the_sdk_stays_below_the_limit_for_approvals():
    indicators = {"pii_involved": True, "data_sensitivity": "low", "compliance_flags": []}
    risk = assess("database.read", context={"risk_indicators": indicators, "environment": "production"})
    assert risk.because[:2] == ("base 30 (db.query)", "personal data +10")
    assert 40 <= risk.score < 60


@pytest.mark.parametrize(
    ("indicator", "line"),
    [
        ({"pii_involved": True}, "personal data +10"),
        ({"financial_data": True}, "financial data +10"),
        ({"external_transfer": True}, "leaves the organisation +15"),
        ({"data_sensitivity": "high"}, "data labelled high +10"),
        ({"compliance_flags": ["SOC2", "HIPAA"]}, "health data +10"),
        ({"compliance_flags": ["GDPR"]}, "personal data +10"),
        ({"compliance_flags": ["PCI-DSS"]}, "financial data +10"),
        ({"amount_threshold": "exceeded"}, "a large amount +5"),
    ],
)
def test_risk_indicators_of_the_sdk_raise_the_score(indicator, line):
    assert line in assess("database.read", context={"risk_indicators": indicator}).because


@pytest.mark.parametrize("no", [False, None, 0, "", "no", "false", "low", [], {}])
def test_a_clear_no_adds_nothing(no):
    assert assess("database.read", context={"risk_indicators": {"pii_involved": no}}).score == 30


def test_labels_together_add_no_more_than_their_limit():
    labels = ["pii", "pci", "phi", "confidential"]
    risk = assess("database.read", held={"labels": labels})
    assert sum(int(line[-3:]) for line in risk.because if "data" in line and "CVSS" not in line) == 20


def test_an_external_transfer_is_never_below_60():
    risk = assess("data_access", context={"risk_indicators": {"external_transfer": True}})
    assert (risk.score, risk.because[-1]) == (60, "floor 60: leaves the organisation +7")


def test_the_environment_of_every_sdk_client_adds_nothing():
    assert assess("write_file", context={"environment": "production"}) == assess("write_file")


@pytest.mark.parametrize(
    "key", ["risk_score", "riskScore", "risk_level", "score", "level", "local_risk_level"]
)
@pytest.mark.parametrize("value", [0, 100, "low", "critical", {"score": 99}])
def test_a_caller_cannot_send_a_score(key, value):
    sent = {key: value, "risk_indicators": {key: value}}
    for parts in ({"context": sent}, {"properties": sent}, {"held": sent}):
        assert assess("delete_file", **parts) == assess("delete_file")


@pytest.mark.parametrize(
    ("action", "facts"),
    [
        ("directory_tree", {"recursive": True}),
        ("net.post", {"external_transfer": True}),
        ("transaction", {"financial_data": True, "external_transfer": True}),
        ("read_multiple_files", {"count": 10}),
        ("spawn_agent", {"orchestration_depth": 1}),
    ],
)
def test_what_the_verb_implies_is_not_added_again(action, facts):
    assert assess(action, properties=facts) == assess(action)


@pytest.mark.parametrize(
    ("count", "added"), [(9, 0), (10, 10), (99, 10), (100, 20), (1000, 30), ("1,000", 30), ([0] * 12, 10)]
)
def test_many_objects_add_up_by_their_number(count, added):
    risk = assess("list_directory", properties={"count": count})
    assert sum(int(line[-3:]) for line in risk.because if "objects or more" in line) == added


@pytest.mark.parametrize("count", [None, "many", "9" * 400, -5, True, float("nan")])
def test_what_is_no_count_adds_nothing(count):
    assert assess("list_directory", properties={"count": count}).score == 15


def test_rows_amounts_delegation_and_taint_are_facts():
    assert "1,000 rows or more +10" in assess("query", properties={"limit": 5000}).because
    assert "a large amount +5" in assess("transaction", properties={"amount": 10000}).because
    assert "delegated 3 times or more +5" in assess("query", context={"orchestration_depth": 3}).because
    assert "steered by untrusted content +15" in assess("query", context={"tainted": True}).because


def test_a_request_deeper_than_is_looked_at_counts_as_the_worst():
    inner = {}
    for _ in range(40):
        inner = {"inner": [inner]}
    assert assess("list_directory", properties=inner).score >= 90


def test_a_verb_that_another_outscores_says_so():
    risk = assess("bash", properties={"command": "rm -r x", "recursive": True})
    assert risk.because == (
        "base 85 (fs.delete_tree: rm deletes whole trees)",
        "no less than as shell.exec +5",
    )
    assert risk.score == 90


def test_nothing_scores_above_99():
    facts = {"recursive": True, "count": 5000, "tainted": True, "external_transfer": True, "labels": ["pii"]}
    assert assess("ctl.modify", "file:/etc/ascend-sidecar/x", properties=facts).score == 99


@pytest.mark.parametrize(
    ("score", "level"),
    [(0, "low"), (39, "low"), (40, "medium"), (69, "medium"), (70, "high"), (89, "high"), (90, "critical")],
)
def test_levels_are_the_bands_of_cvss_times_ten(score, level):
    assert band(TABLE.bands, score) == level


def test_assessing_twice_gives_the_same_value_and_leaves_the_request_alone():
    request = ask("write_file", "file:/etc/x", properties={"paths": ["/a", "/b"]}, context={"count": 12})
    before = repr(request)
    assert MODEL.assess(request) == MODEL.assess(request)
    assert repr(request) == before


def test_the_paths_of_the_table_are_given_to_the_policies():
    assert "file" in MODEL.paths.resource_types
    assert {"path", "file_path", "destination"} <= MODEL.paths.properties
