"""A write that a crash tore is cut off, kept and told of. Any other damage ends the start."""

import hashlib
import shutil

import pytest

from sidecar.adapters.audit_files.keys import load_vkey
from sidecar.adapters.audit_files.layout import Layout
from sidecar.adapters.audit_files.reading import LogReader
from sidecar.adapters.audit_files.recovery import recover
from sidecar.adapters.audit_files.settings import Fsync
from sidecar.adapters.audit_files.verifying import verify_log
from sidecar.core.errors import ChainBroken
from tests.fakes.audit import PATIENCE, body, crashed_log, opened, until, write_log

SIGNED, UNSIGNED = 5, 3
SIZE = SIGNED + UNSIGNED


@pytest.fixture
async def crashed(tmp_path):
    """A state folder as a killed daemon leaves it, and its live segment's lines."""
    state = tmp_path / "crashed"
    segment = await crashed_log(state, SIGNED, UNSIGNED)
    lines = segment.read_bytes().rstrip(b"\0").splitlines(keepends=True)
    assert segment.read_bytes().endswith(bytes(4096))
    return state, segment, lines


def recovered(state, fsync=Fsync.ALWAYS):
    layout = Layout(state)
    return recover(layout, load_vkey(layout), fsync)


async def test_after_a_crash_that_tore_nothing_all_records_are_there_and_nothing_is_told(crashed):
    state, _, lines = crashed
    async with opened(state) as log:
        assert log.status().size == SIZE
        assert (await log.append(body(n="on"), PATIENCE)).seq == SIZE
    assert [entry.line + b"\n" for entry in LogReader(state).entries()][SIGNED:SIZE] == lines[-UNSIGNED:]
    assert verify_log(state).ok


async def test_a_last_line_torn_at_any_byte_is_cut_off_and_kept(crashed):
    state, segment, lines = crashed
    for end in range(1, len(lines[-1])):
        torn = lines[-1][:end]
        for zeros in (0, 4096):
            segment.write_bytes(b"".join(lines[:-1]) + torn + bytes(zeros))
            found = recovered(state)
            assert found.head.size == SIZE - 1
            assert segment.read_bytes() == b"".join(lines[:-1])
            (kept,) = found.cuts
            assert kept.read_bytes() == torn
            kept.unlink()


async def test_a_record_tells_what_was_cut_off(crashed):
    state, segment, lines = crashed
    torn = lines[-1][:40]
    segment.write_bytes(b"".join(lines[:-1]) + torn)
    async with opened(state) as log:
        told = await log.read(SIZE - 1)
    (cut,) = told["cuts"]
    assert told["type"] == "recovered"
    assert (cut["bytes"], cut["sha256"]) == (40, hashlib.sha256(torn).hexdigest())
    assert (state / "audit" / cut["file"]).read_bytes() == torn
    assert verify_log(state).ok
    (state / "audit" / cut["file"]).write_bytes(b"something else")
    assert not verify_log(state).ok


async def test_what_was_cut_off_is_told_even_if_the_daemon_dies_before_it_can(crashed):
    state, segment, lines = crashed
    segment.write_bytes(b"".join(lines[:-1]) + lines[-1][:40])
    recovered(state)
    async with opened(state) as log:
        assert (await log.read(SIZE - 1))["type"] == "recovered"


async def test_of_a_write_of_several_lines_that_lost_a_block_the_lines_before_it_stay(crashed):
    state, segment, lines = crashed
    hole = bytes(len(lines[-2]) - 20)
    segment.write_bytes(b"".join(lines[:-2]) + lines[-2][:20] + hole + lines[-1] + bytes(4096))
    found = recovered(state)
    assert found.head.size == SIZE - 2
    assert found.cuts[0].read_bytes() == lines[-2][:20] + hole + lines[-1]


async def test_bytes_with_holes_that_are_more_than_one_write_are_damage_unless_answers_did_not_wait(crashed):
    state, segment, lines = crashed
    segment.write_bytes(b"".join(lines) + b"\0" + b"x" * 300_000)
    with pytest.raises(ChainBroken):
        recovered(state)
    assert recovered(state, Fsync.NEVER).head.size == SIZE


async def test_a_whole_line_that_was_changed_is_damage(crashed):
    state, segment, lines = crashed
    lines[SIGNED] = lines[SIGNED].replace(b'"type":"test"', b'"type":"TEST"')
    segment.write_bytes(b"".join(lines))
    with pytest.raises(ChainBroken) as caught:
        recovered(state)
    assert caught.value.seq == SIGNED + 1


async def test_the_last_line_under_the_checkpoint_must_be_the_one_that_it_speaks_of(crashed):
    state, segment, lines = crashed
    lines[SIGNED - 1] = lines[SIGNED - 1].replace(b'"type":"test"', b'"type":"TEST"')
    segment.write_bytes(b"".join(lines))
    with pytest.raises(ChainBroken) as caught:
        recovered(state)
    assert caught.value.seq == SIGNED - 1


async def test_damage_before_the_checkpoint_is_found_beside_the_running_daemon(crashed):
    state, segment, lines = crashed
    lines[1] = lines[1].replace(b'"type":"test"', b'"type":"TEST"')
    segment.write_bytes(b"".join(lines))
    async with opened(state) as log:
        await until(log.warnings)
        await until(lambda: log.status().size == SIZE + 1)
        assert "record 1" in log.warnings()[0]
        assert (await log.read(SIZE))["type"] == "damage"
        assert log.status().writable


async def test_a_line_that_is_missing_between_others_is_damage(crashed):
    state, segment, lines = crashed
    segment.write_bytes(b"".join(lines[:-2] + lines[-1:]))
    with pytest.raises(ChainBroken) as caught:
        recovered(state)
    assert caught.value.seq == SIZE - 2


async def test_records_that_a_checkpoint_speaks_of_must_be_there(crashed):
    state, segment, lines = crashed
    segment.write_bytes(b"".join(lines[: -UNSIGNED - 1]))
    with pytest.raises(ChainBroken) as caught:
        recovered(state)
    assert caught.value.seq == SIGNED - 1
    assert "the checkpoint speaks of 5 records" in str(caught.value)


@pytest.mark.parametrize("name", ["checkpoint", "tile/0/000.p/5"])
async def test_a_damaged_or_missing_tree_is_damage(crashed, name):
    state, _, _ = crashed
    path = state / "audit" / name
    raw = bytearray(path.read_bytes())
    raw[25] ^= 1
    path.write_bytes(raw)
    with pytest.raises(ChainBroken):
        recovered(state)


async def test_a_missing_segment_is_damage(tmp_path):
    await write_log(tmp_path, 900)
    segments = sorted((tmp_path / "audit").glob("*.jsonl"))
    assert len(segments) > 2
    aside = tmp_path / "aside"
    shutil.move(segments[-1], aside)
    with pytest.raises(ChainBroken):
        recovered(tmp_path)
    shutil.move(aside, segments[-1])
    segments[1].unlink()
    report = verify_log(tmp_path)
    assert "is missing" in str(report.findings[0])
