"""Config laws: every key can be set everywhere, and the nearer source wins."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.config import resolve
from sidecar.config.describe import explain, schema, written
from sidecar.config.keys import KEYS, value_of
from sidecar.config.units import Address, Mode, Seconds, Size
from sidecar.core.errors import Place

BY_TYPE = {
    Seconds: ("1s", "2s"),
    Size: ("64KiB", "128KiB"),
    Mode: ("0600", "0666"),
    Address: ("127.0.0.1:1", "127.0.0.1:2"),
    bool: (True, False),
    int: (5, 6),
    str: ("one", "two"),
}
TOPICS = ("arn:aws:sns:eu-west-1:123456789012:one", "arn:aws-cn:sns:cn-north-1:123456789012:two")
BY_KEY = {
    "allowed_hosts": (["a.example"], ["b.example", "c.example"]),
    "approvals.same_uid": ("allow", "deny"),
    "audit.fsync": ("interval", "never"),
    "audit.keep.age": ("1h", "2h"),
    "audit.keep.bytes": ("1GiB", "2GiB"),
    "forward_auth.headers": (["x-a"], ["x-b", "x-c"]),
    "forward_auth.subject": ("agent:one", "agent:two"),
    "forward_auth.subject_from": ("header", "certificate"),
    "killswitch.blind_subjects": (["a-*"], ["b-*", "agent:*"]),
    "killswitch.delivery": ("raw", "envelope"),
    "killswitch.endpoint_url": ("https://a.example", "http://127.0.0.1:1"),
    "killswitch.keys": (["/a.pub"], ["/b.pub", "/c.pub"]),
    "killswitch.queue_url": ("https://a.example/1/q", "https://b.example/1/q"),
    "killswitch.reply_topic_arn": TOPICS,
    "killswitch.threshold": (2, 1),
    "killswitch.topic_arn": TOPICS,
    "log.format": ("json", "console"),
    "log.level": ("debug", "error"),
    "platform.outbox.age": ("1h", "2h"),
    "platform.outbox.bytes": ("1MiB", "2MiB"),
    "platform.url": ("https://a.example", "https://b.example/base"),
    "trust.audience": (["prod"], ["prod", "eu"]),
    "trust.keys": (["/a.pub"], ["/b.pub", "/c.pub"]),
    "public_base_url": ("https://a.example", "https://b.example"),
}
COMPANIONS = {
    "tls.cert": {"tls.key": "/key"},
    "tls.key": {"tls.cert": "/cert"},
    "forward_auth.grpc": {"forward_auth.enabled": "true"},
    "forward_auth.subject": {"forward_auth.subject_from": "fixed"},
    "killswitch.queue_url": {"killswitch.topic_arn": TOPICS[0]},
    "killswitch.threshold": {"killswitch.keys": "/a.pub,/b.pub"},
}


def samples(name):
    return BY_KEY.get(name) or BY_TYPE.get(KEYS[name].type, ("/one", "/two"))


def as_text(value):
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(value) if isinstance(value, list) else str(value)


def in_file(folder, name, value):
    for part in reversed(name.split(".")):
        value = {part: value}
    file = folder / "config.yaml"
    file.write_text(json.dumps(value))
    return file


def effective(name, resolved):
    return written(value_of(resolved.config, KEYS[name]))


@pytest.mark.parametrize("name", KEYS)
def test_a_key_can_be_set_in_the_file(name, tmp_path):
    value, _ = samples(name)
    file = in_file(tmp_path, name, value)
    resolved = resolve(file, {}, COMPANIONS.get(name, {}))
    assert effective(name, resolved) == value
    place = resolved.origins[name]
    assert (place.path, place.line, place.column > 1) == (str(file), 1, True)


@pytest.mark.parametrize("name", KEYS)
def test_a_key_can_be_set_in_the_environment_and_wins_over_the_file(name, tmp_path):
    value, other = samples(name)
    variable = KEYS[name].env
    resolved = resolve(in_file(tmp_path, name, other), {variable: as_text(value)}, COMPANIONS.get(name, {}))
    assert effective(name, resolved) == value
    assert resolved.origins[name] == Place(variable)


@pytest.mark.parametrize("name", KEYS)
def test_a_flag_wins_over_the_environment(name):
    value, other = samples(name)
    flags = {name: as_text(value)} | COMPANIONS.get(name, {})
    resolved = resolve(None, {KEYS[name].env: as_text(other)}, flags)
    assert effective(name, resolved) == value
    assert resolved.origins[name] == Place(KEYS[name].flag)


def test_no_two_keys_share_a_variable_or_a_flag():
    assert len({key.env for key in KEYS.values()}) == len(KEYS)
    assert len({key.flag for key in KEYS.values()}) == len(KEYS)


def test_every_key_is_explained_and_described():
    explained = explain(resolve(None, {}, {}))
    assert [one.key for one in explained] == list(KEYS)
    assert all(one.description.endswith(".") or one.description for one in explained)


@pytest.mark.parametrize("name", KEYS)
def test_the_schema_knows_the_key_its_default_and_what_it_means(name):
    part = schema()
    found = part["$defs"]["Config"]
    for word in name.split("."):
        found = part["$defs"][found["$ref"].rpartition("/")[2]] if "$ref" in found else found
        found = found["properties"][word]
    assert found["description"] == KEYS[name].description
    assert "default" in found


@given(st.integers(min_value=0, max_value=10**9 - 1))
def test_a_duration_reads_back_as_it_is_written(milliseconds):
    seconds = Seconds(milliseconds / 1000)
    assert Seconds.parse(str(seconds)) == seconds


@given(st.integers(min_value=0, max_value=10**9 - 1))
def test_a_size_reads_back_as_it_is_written(size):
    assert Size.parse(str(Size(size))) == size
