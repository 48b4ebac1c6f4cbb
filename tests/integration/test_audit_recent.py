"""The last decisions of real logs: where they begin, which are void, and what damage is told instead of used."""

import asyncio

import msgspec
import pytest

from sidecar.adapters.audit_files.layout import Layout
from sidecar.adapters.audit_files.recent import Stretch, find_decisions, read_decisions
from sidecar.core.errors import AuditError, ChainBroken, ConfigError
from tests.fakes.audit import PATIENCE, opened, until, whole_segment
from tests.fakes.policies import request
from tests.fakes.replaying import recorded
from tests.tools.bundles import bundle

RECORD = recorded(bundle("rules: [{id: r, effect: allow, reason: x}]\n"), request())
DECISION = msgspec.json.encode(RECORD)
EVENT = b'{"type":"event","event":"started"}'


async def _write(state, bodies, **settings):
    async with opened(state, **settings) as log:
        # Once zeros are ready a log goes on in them: where its segments end would depend on when that is.
        await until(Layout(state).prepared.exists)
        for body in bodies:
            await log.append(body, PATIENCE)


def write(state, *bodies, segment_bytes=1024 * 1024):
    asyncio.run(_write(state, bodies, segment_bytes=segment_bytes))


def seqs(state, limit):
    return [one.seq for one in read_decisions(state, find_decisions(state, limit))]


@pytest.mark.parametrize(
    ("limit", "stretch"),
    [
        (1, Stretch(4, 6, frozenset({1}))),
        (2, Stretch(2, 6, frozenset({1}))),
        (9, Stretch(0, 6, frozenset({1}))),
    ],
)
def test_the_last_decisions_are_found_and_what_is_void(tmp_path, limit, stretch):
    write(tmp_path, EVENT, DECISION, DECISION, b'{"type":"void","voids":[1]}', DECISION, EVENT)
    assert find_decisions(tmp_path, limit) == stretch


def test_they_are_read_in_order_with_all_that_stands_between_them(tmp_path):
    write(tmp_path, EVENT, DECISION, EVENT, DECISION, b'{"type":"void","voids":[3]}')
    found = list(read_decisions(tmp_path, find_decisions(tmp_path, 2)))
    assert [(one.seq, one.type, one.is_void) for one in found] == [
        (1, "decision", False),
        (2, "event", False),
        (3, "decision", True),
        (4, "void", False),
    ]
    assert found[0].decision == RECORD
    assert found[1].decision is None
    assert found[0].time.endswith("Z")


def test_they_may_stand_in_many_segments(tmp_path):
    write(tmp_path, *[DECISION] * 200, segment_bytes=64 * 1024)
    assert len(Layout(tmp_path).segments()) > 2
    for limit in (1, 60, 150, 200, 500):
        assert seqs(tmp_path, limit) == list(range(max(0, 200 - limit), 200))


def test_what_is_written_afterwards_is_not_read(tmp_path):
    write(tmp_path, DECISION)
    stretch = find_decisions(tmp_path, 9)
    write(tmp_path, DECISION)
    assert [one.seq for one in read_decisions(tmp_path, stretch)] == [0]


def test_a_log_without_records_has_none(tmp_path):
    write(tmp_path)
    assert seqs(tmp_path, 9) == []


def test_a_folder_without_a_log_is_a_config_error(tmp_path):
    with pytest.raises(ConfigError, match="is this a state folder"):
        find_decisions(tmp_path, 9)


def test_a_segment_that_cannot_be_read_is_told(tmp_path):
    write(tmp_path, DECISION)
    Layout(tmp_path).segment(9).path.mkdir()
    with pytest.raises(AuditError, match="the log cannot be read"):
        find_decisions(tmp_path, 9)


def damage(state, old, new):
    segment = whole_segment(state)
    segment.write_bytes(segment.read_bytes().replace(old, new, 1))


def test_a_changed_record_is_told(tmp_path):
    write(tmp_path, DECISION, DECISION, DECISION)
    damage(tmp_path, b'"code":"allowed"', b'"code":"no_bundle"')
    with pytest.raises(ChainBroken, match="record 1 does not continue the chain"):
        seqs(tmp_path, 9)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'{"seq":1,', b'{"seq":x,'),
        (b'{"seq":1,', b'{"SEQ":1,'),
        (b'"door":', b'"do\xff\x00or":'),
        (b'"type":', b'"typ":'),
    ],
)
def test_a_damaged_line_is_told(tmp_path, old, new):
    write(tmp_path, DECISION, DECISION, DECISION)
    damage(tmp_path, old, new)
    with pytest.raises(AuditError, match=r"no record at byte|are no whole record"):
        seqs(tmp_path, 9)


def test_text_that_is_no_utf_8_is_told(tmp_path):
    write(tmp_path, DECISION, DECISION)
    damage(tmp_path, b'"agent"', b'"ag\xffnt"')
    with pytest.raises(AuditError, match="record 0 is no JSON object"):
        seqs(tmp_path, 9)


def test_a_removed_line_is_told(tmp_path):
    write(tmp_path, DECISION, DECISION, DECISION)
    segment = whole_segment(tmp_path)
    lines = segment.read_bytes().split(b"\n")
    segment.write_bytes(b"\n".join([lines[0], *lines[2:]]))
    with pytest.raises(ChainBroken, match="record 1 is not there"):
        seqs(tmp_path, 9)


def test_a_decision_of_another_shape_is_told(tmp_path):
    write(tmp_path, DECISION.replace(b'"allowed"', b'"allowed_by_a_later_daemon"'))
    with pytest.raises(AuditError, match="record 0 is no decision that can be read"):
        seqs(tmp_path, 9)


def test_an_end_that_was_taken_away_meanwhile_is_told(tmp_path):
    write(tmp_path, DECISION, DECISION)
    with pytest.raises(ChainBroken, match="record 2 was there a moment ago"):
        list(read_decisions(tmp_path, Stretch(0, 3, frozenset())))
