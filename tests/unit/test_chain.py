"""The hash chain, line by line."""

import hashlib
import json

import pytest

from sidecar.core.chain import (
    GENESIS,
    MAX_BODY,
    Head,
    follow,
    is_body,
    line_hash,
    line_seq,
    line_time,
    link,
)
from sidecar.core.errors import ChainBroken

TIME = b"2026-01-31T09:00:00.000001Z"
FIRST = link(0, GENESIS, TIME, b"", b'{"type":"a"}')
SECOND = link(1, line_hash(FIRST), TIME, b'"unrecorded":{},', b'{"type":"b"}')


def test_a_line_is_a_json_object_that_begins_with_number_hash_and_time():
    assert list(json.loads(FIRST)) == ["seq", "prev", "time", "type"]
    assert json.loads(SECOND)["prev"] == hashlib.sha256(FIRST).hexdigest()
    assert json.loads(SECOND)["unrecorded"] == {}
    assert (line_seq(SECOND), line_time(SECOND)) == (1, TIME.decode())


def test_a_line_that_continues_the_chain_moves_its_head():
    head = follow(follow(Head(), FIRST), SECOND)
    assert head == Head(2, line_hash(SECOND), TIME.decode())


def test_a_log_whose_beginning_is_gone_is_followed_from_any_line():
    assert follow(Head(1, ""), SECOND).size == 2


@pytest.mark.parametrize(
    ("head", "line"),
    [
        pytest.param(Head(), SECOND, id="number"),
        pytest.param(Head(1, GENESIS), SECOND, id="hash"),
        pytest.param(Head(), b'{"type":"a"}', id="no header"),
        pytest.param(Head(), FIRST[1:], id="cut"),
        pytest.param(Head(), FIRST.replace(b'"seq":0', b'"seq":00'), id="leading zero"),
        pytest.param(Head(), b"", id="empty"),
    ],
)
def test_a_line_that_does_not_continue_the_chain_is_refused_with_the_number_that_is_missing(head, line):
    with pytest.raises(ChainBroken) as caught:
        follow(head, line)
    assert caught.value.seq == head.size


@pytest.mark.parametrize(
    ("raw", "fits"),
    [
        (b'{"a":1}', True),
        (b"{}", False),
        (b"[1,2,3]", False),
        (b'{"a":\n1}', False),
        (b'{"a":"\0"}', False),
        (b'{"a":"' + b"x" * (MAX_BODY - 8) + b'"}', True),
        (b'{"a":"' + b"x" * (MAX_BODY - 7) + b'"}', False),
    ],
)
def test_only_what_keeps_lines_whole_can_be_a_body(raw, fits):
    assert is_body(raw) is fits


def test_what_is_no_line_has_no_number_and_no_time():
    assert line_seq(b"{}") is None
    assert line_time(b"{}") == ""
