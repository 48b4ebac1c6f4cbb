"""Which parts of a recorded request are masks: all that masking and shortening make, and nothing else."""

import msgspec
import pytest

from sidecar.core.masking import Masker, MaskTable
from sidecar.core.masks import RESOURCE_ID, masked_paths
from sidecar.core.model import Caller, Code, Decision, Door, Verdict
from sidecar.core.record import DecisionRecord
from tests.fakes.policies import request
from tests.fakes.replaying import read_back

MASKER = Masker(MaskTable(keys=("password",), patterns=(), longest=64), b"k" * 32)
LONG = "x" * 65


def masked(**parts):
    record = DecisionRecord(
        Door.AUTHZEN, Caller(), request(**parts), Decision(Verdict.DENY, Code.POLICY_DENIED, "", 0.0)
    )
    return masked_paths(read_back(record, MASKER).request)


@pytest.mark.parametrize(
    ("parts", "path"),
    [
        ({"did": {"password": "hunter2"}}, "action.properties.password"),
        ({"of": {"password": 12345}}, "subject.properties.password"),
        ({"on": {"password": {"a": 1}}}, "resource.properties.password"),
        ({"context": {"deep": {"password": "x"}}}, "context.deep.password"),
        ({"context": {"password": [1, 2]}}, "context.password"),
        ({"context": {"text": LONG}}, "context.text"),
        ({"context": {"list": [1, {"password": "x"}, {"password": "y"}]}}, "context.list"),
        ({"context": {"list": [["a", LONG]]}}, "context.list"),
        ({"resource": f"file:{LONG}"}, "resource.id"),
    ],
)
def test_what_was_masked_is_found(parts, path):
    assert [".".join(found) for found in masked(**parts)] == [path]


def test_a_part_that_was_left_out_is_masked_as_a_whole():
    assert masked(context={"n": {f"k{n}": "x" * 60 for n in range(900)}}) == (("context",),)


def test_a_mask_within_a_text_masks_the_text():
    asked = request(context={"url": "https://h/?token=masked:hmac:0123456789abcdef0123456789abcdef&x=1"})
    assert masked_paths(asked) == (("context", "url"),)


def test_an_id_that_is_masked_stays_a_string_and_is_found():
    asked = request(resource="file:/a?token=masked:hmac:0123456789abcdef0123456789abcdef")
    assert masked_paths(asked) == (RESOURCE_ID,)


@pytest.mark.parametrize(
    "context",
    [
        {},
        {"n": 1, "b": True, "none": None, "list": ["a"], "deep": {"x": 1.5}},
        {"password": None},
        {"image": {"size": 5, "digest": "sha256:00"}},
        {"image": {"size": 5, "digest": "hmac:00", "name": "x"}},
        {"omitted": {"bytes": 5}},
        {"omitted": {"bytes": 5, "digest": "x"}, "n": 1},
        {"text": "the values are masked: none"},
    ],
)
def test_what_was_sent_is_not_taken_for_a_mask(context):
    assert masked(context=context) == ()


def test_nothing_is_masked_of_a_request_that_has_only_names():
    assert masked_paths(msgspec.convert(msgspec.to_builtins(request()), type(request()))) == ()
