"""CVSS v3.1 vectors of actions."""

import pytest

from sidecar.core.risk.cvss import METRICS, VECTORS, Metrics, base_score, difference, parse_vector, raised

WRITE = "AV:L/AC:L/PR:L/UI:N/S:U/C:N/I:H/A:L"


def test_the_closed_set_of_vectors_has_the_size_that_bounds_the_cache():
    size = 1
    for values in METRICS.values():
        size *= len(values)
    assert size == VECTORS


def test_a_vector_is_read_as_its_eight_metrics():
    assert parse_vector(WRITE)["I"] == "H"


@pytest.mark.parametrize(
    ("vector", "complaint"),
    [
        ("AV:L/AC:L", "in this order"),
        ("AC:L/AV:L/PR:L/UI:N/S:U/C:N/I:H/A:L", "in this order"),
        ("AV:Q/AC:L/PR:L/UI:N/S:U/C:N/I:H/A:L", 'Unknown value "Q"'),
        (WRITE + "/E:P", "in this order"),
        ("", "in this order"),
    ],
)
def test_a_malformed_vector_is_refused_with_what_is_wrong(vector, complaint):
    with pytest.raises(ValueError, match=complaint):
        parse_vector(vector)


def test_metrics_are_raised_where_they_are_less_severe():
    assert raised(WRITE, [Metrics(S="C", C="L")]) == "AV:L/AC:L/PR:L/UI:N/S:C/C:L/I:H/A:L"


def test_no_metric_is_ever_lowered():
    assert raised(WRITE, [Metrics(I="L", A="L", AV="A")]) == "AV:A/AC:L/PR:L/UI:N/S:U/C:N/I:H/A:L"


def test_a_difference_names_the_metrics_that_changed():
    assert difference(WRITE, "AV:N/AC:L/PR:L/UI:N/S:C/C:N/I:H/A:L") == "reach, scope change"


@pytest.mark.parametrize(
    ("vector", "score"),
    [
        # The examples of CVSS v3.1, "Examples" document: CVE-2013-1937, CVE-2013-0375, CVE-2014-3566.
        ("AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1),
        ("AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 6.4),
        ("AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 3.1),
    ],
)
def test_scores_are_those_of_the_standard(vector, score):
    assert base_score(vector) == score
