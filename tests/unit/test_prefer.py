"""How long callers wait, as their headers say."""

import pytest

from sidecar.api.prefer import patience


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"prefer": "wait=2"}, 2.0),
        ({"prefer": "respond-async, wait=2"}, 2.0),
        ({"prefer": "wait=0"}, None),
        ({"prefer": "wait=soon"}, None),
        ({"x-envoy-expected-rq-timeout-ms": "200"}, 0.18),
        ({"x-envoy-expected-rq-timeout-ms": "10"}, 0.005),
        ({"x-envoy-expected-rq-timeout-ms": "0"}, None),
        ({"x-envoy-expected-rq-timeout-ms": "-5"}, None),
        ({"x-envoy-expected-rq-timeout-ms": "²"}, None),
        ({"prefer": "wait=1", "x-envoy-expected-rq-timeout-ms": "3020"}, 1.0),
        ({"prefer": "wait=5", "x-envoy-expected-rq-timeout-ms": "3020"}, 3.0),
    ],
)
def test_the_shorter_of_what_a_caller_says_counts(headers, seconds):
    assert patience(headers) == (None if seconds is None else pytest.approx(seconds))
