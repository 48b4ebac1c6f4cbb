"""The kill switch's queue in the config: what can never work is told at its key, before anything starts."""

import pytest

from sidecar.config import resolve
from sidecar.core.errors import ConfigError
from sidecar.daemon.feed import build_feed
from tests.tools.sqs import QUEUE

TOPIC = "arn:aws:sns:us-east-1:123456789012:halts"
URL, ARN = "ASCEND_SIDECAR_KILLSWITCH_QUEUE_URL", "ASCEND_SIDECAR_KILLSWITCH_TOPIC_ARN"
DELIVERY, ENDPOINT = "ASCEND_SIDECAR_KILLSWITCH_DELIVERY", "ASCEND_SIDECAR_KILLSWITCH_ENDPOINT_URL"
WAIT = "ASCEND_SIDECAR_KILLSWITCH_WAIT"
BLIND_AFTER = "ASCEND_SIDECAR_KILLSWITCH_BLIND_AFTER"
GOOD = {URL: QUEUE, ARN: TOPIC}


def findings(environ):
    with pytest.raises(ConfigError) as raised:
        resolve(None, environ, {})
    return str(raised.value)


def test_a_queue_with_its_topic_is_taken():
    switch = resolve(None, GOOD, {}).config.killswitch
    assert (switch.queue_url, switch.topic_arn) == (QUEUE, TOPIC)


@pytest.mark.parametrize("url", ["host", "arn:aws:sqs:us-east-1:1:q", "ftp://hush.example", "https://"])
def test_a_queue_url_that_is_none_is_refused_and_not_repeated(url):
    told = findings(GOOD | {URL: url})
    assert "killswitch.queue_url: not an address" in told
    assert "hush" not in told


def test_a_queue_url_with_a_password_is_refused_and_not_repeated():
    told = findings(GOOD | {URL: "https://me:hush@sqs.us-east-1.amazonaws.com/1/q"})
    assert "killswitch.queue_url: a user, password" in told
    assert "hush" not in told


def test_an_endpoint_in_the_clear_is_taken_on_this_machine_only():
    resolve(None, GOOD | {ENDPOINT: "http://127.0.0.1:4566"}, {})
    told = findings(GOOD | {ENDPOINT: "http://sqs.example"})
    assert "killswitch.endpoint_url: orders would come in the clear" in told


@pytest.mark.parametrize("arn", ["halts", "arn:aws:sqs:us-east-1:123456789012:halts", f"{TOPIC}:x"])
def test_a_topic_that_is_none_is_refused(arn):
    assert "killswitch.topic_arn" in findings(GOOD | {ARN: arn})


def test_a_queue_needs_the_topic_whose_messages_are_believed():
    assert "killswitch.topic_arn: a queue without its topic" in findings({URL: QUEUE})


def test_raw_orders_need_keys_that_verify_them():
    told = findings({URL: QUEUE, DELIVERY: "raw"})
    assert "killswitch.delivery: raw orders that nothing could verify" in told
    assert "topic_arn" not in told


@pytest.mark.parametrize("wait", ["0s", "21s"])
def test_a_poll_may_wait_from_one_to_twenty_seconds(wait):
    assert "killswitch.wait" in findings(GOOD | {WAIT: wait})


def test_a_daemon_is_not_to_be_blind_between_two_polls():
    resolve(None, GOOD | {WAIT: "7s", BLIND_AFTER: "10s"}, {})
    told = findings(GOOD | {WAIT: "20s", BLIND_AFTER: "10s"})
    assert "killswitch.blind_after: 10s is too short for polls of 20s" in told


def test_without_a_queue_there_is_no_feed():
    assert build_feed(resolve(None, {}, {}).config, {}) is None


def test_the_feed_is_named_after_its_queue():
    assert build_feed(resolve(None, GOOD, {}).config, {}).name == QUEUE


@pytest.mark.parametrize(
    ("queue", "told"),
    [("http://sqs.example/1/q", "only over https"), ("https://sqs.example/1/q?a=b", "query")],
)
def test_what_only_the_environment_can_make_good_is_told_at_the_start(queue, told):
    config = resolve(None, GOOD, {}).config
    changed = type(config.killswitch)(queue_url=queue, topic_arn=TOPIC)
    with pytest.raises(ConfigError, match=told):
        build_feed(type(config)(killswitch=changed), {})


def test_a_queue_url_in_the_clear_is_never_dialled_where_the_environment_names_an_endpoint():
    config = resolve(None, GOOD | {URL: "http://sqs.us-east-1.localhost.example:4566/1/q"}, {}).config
    assert build_feed(config, {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}) is not None


def test_certificates_that_are_none_are_refused(tmp_path):
    config = resolve(None, GOOD, {}).config
    with pytest.raises(ConfigError, match="no certificates can be read"):
        build_feed(config, {"AWS_CA_BUNDLE": str(tmp_path / "none.pem")})
