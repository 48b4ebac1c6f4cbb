"""The decision log on files: segments, checkpoints, retention, witness, keys, forks, reading."""

import asyncio
import json
import stat

import pytest
import uvloop

from sidecar.adapters.audit_files.keys import load_masking_key, load_vkey
from sidecar.adapters.audit_files.layout import Layout
from sidecar.adapters.audit_files.proving import prove
from sidecar.adapters.audit_files.reading import LogReader
from sidecar.adapters.audit_files.settings import Fsync
from sidecar.adapters.audit_files.verifying import verify_log
from sidecar.core.chain import MAX_BODY
from sidecar.core.checkpoint import verify_checkpoint
from sidecar.core.errors import AuditError, ChainBroken, ConfigError
from sidecar.core.model import Code
from sidecar.core.proof import parse_proof, verify_proof
from tests.fakes.audit import PATIENCE, body, crashed_log, fill, live_segment, opened, until, write_log
from tests.fakes.clock import TurnedClock

DAY = 86400.0


def segments(state):
    return sorted((state / "audit").glob("*.jsonl"))


async def test_a_closed_log_is_plain_json_lines_under_a_checkpoint(tmp_path):
    receipts = await write_log(tmp_path, 700)
    assert len(segments(tmp_path)) > 1
    records = [json.loads(line) for path in segments(tmp_path) for line in path.read_bytes().splitlines()]
    assert [record["seq"] for record in records] == list(range(700))
    report = verify_log(tmp_path)
    assert (report.ok, report.first, report.size, report.signed) == (True, 0, 700, 700)
    assert [(entry.seq, entry.hash) for entry in LogReader(tmp_path).entries()] == receipts


async def test_segments_are_named_by_their_first_record_and_each_has_its_checkpoint(tmp_path):
    async with opened(tmp_path) as log:
        await fill(log, 700)
        await asyncio.gather(*(log.append(body(n=n, pad="x" * 1000), PATIENCE) for n in range(800)))
    key = load_vkey(Layout(tmp_path))
    firsts = [json.loads(path.read_bytes().split(b"\n")[0])["seq"] for path in segments(tmp_path)]
    assert [int(path.stem) for path in segments(tmp_path)] == firsts
    kept = sorted((tmp_path / "audit" / "checkpoints").iterdir())
    assert [verify_checkpoint(path.read_bytes(), key).size for path in kept] == firsts[1:]


async def test_it_works_on_uvloop_as_on_asyncio(tmp_path):
    def on_uvloop():
        uvloop.run(write_log(tmp_path, 500))

    await asyncio.to_thread(on_uvloop)
    assert verify_log(tmp_path).size == 500


async def test_a_log_goes_on_where_it_stopped(tmp_path):
    first = await write_log(tmp_path, 10)
    again = await write_log(tmp_path, 10)
    assert [seq for seq, _ in first + again] == list(range(20))
    assert verify_log(tmp_path).ok


async def test_checkpoints_come_by_time_and_by_number(tmp_path):
    async with opened(tmp_path, checkpoint_every=0.05) as log:
        await fill(log, 3)
        await until(lambda: log.status().checkpoint_size == 3)
    async with opened(tmp_path / "other", checkpoint_every=3600.0, checkpoint_records=100) as log:
        await fill(log, 250)
        await until(lambda: log.status().checkpoint_size >= 200)


async def test_a_running_log_verifies_and_is_read_from_outside(tmp_path):
    async with opened(tmp_path, checkpoint_every=0.02) as log:
        for _ in range(10):
            await fill(log, 100)
            report = await asyncio.to_thread(verify_log, tmp_path)
            assert report.findings == ()
        assert LogReader(tmp_path).newest(1)[0].seq == 999
        assert LogReader(tmp_path).entry(500).record["seq"] == 500


async def test_every_record_is_found_by_its_number_and_no_other(tmp_path):
    await write_log(tmp_path, 1000)
    reader = LogReader(tmp_path)
    assert all(reader.entry(seq).record["seq"] == seq for seq in range(1000))
    assert reader.entry(1000) is None
    assert [entry.seq for entry in reader.newest(700)] == list(range(999, 299, -1))
    assert [entry.seq for entry in reader.entries(990)] == list(range(990, 1000))


async def test_the_longest_records_are_found_too(tmp_path):
    async with opened(tmp_path, segment_bytes=1024 * 1024) as log:
        long = b'{"pad":"' + b"x" * (MAX_BODY - 10) + b'"}'
        await asyncio.gather(*(log.append(long if n % 3 else body(n=n), PATIENCE) for n in range(60)))
        assert [(await log.read(seq))["seq"] for seq in range(60)] == list(range(60))
        assert len(await log.newest(60)) == 60


async def test_records_are_selected_by_time_and_by_what_they_say(tmp_path):
    clock = TurnedClock(1_700_000_000.0)
    async with opened(tmp_path, clock=clock) as log:
        for n in range(400):
            clock.advance(1)
            await log.append(body(n=n, pad="x" * 300), PATIENCE)
    reader = LogReader(tmp_path)
    begin = 1_700_000_000.0
    chosen = reader.select(lambda entry: entry.record["n"] % 2 == 0, since=begin + 101, until=begin + 111)
    assert [entry.seq for entry in chosen] == [100, 102, 104, 106, 108]


async def test_whoever_follows_gets_new_records_as_they_come(tmp_path):
    await write_log(tmp_path, 3)
    entries = LogReader(tmp_path).follow(1, lambda _: asyncio.run(write_log(tmp_path, 2)))
    seen = await asyncio.to_thread(lambda: [next(entries).seq for _ in range(6)])
    assert seen == [1, 2, 3, 4, 5, 6]


async def test_a_proof_out_of_the_log_is_verified_without_it(tmp_path):
    await write_log(tmp_path, 600)
    key = load_vkey(Layout(tmp_path))
    for seq in (0, 255, 256, 599):
        text = str(prove(tmp_path, seq))
        assert verify_proof(parse_proof(text), LogReader(tmp_path).entry(seq).line, key).size == 600
    with pytest.raises(AuditError, match="speaks of 600 records"):
        prove(tmp_path, 600)


async def test_the_oldest_segments_go_beyond_a_size_and_the_tree_still_proves_what_was_in_them(tmp_path):
    await write_log(tmp_path, 2000)
    line = LogReader(tmp_path).entry(0).line
    count = len(segments(tmp_path))
    async with opened(tmp_path, keep_bytes=192 * 1024) as log:
        await until(lambda: len(segments(tmp_path)) < count)
        assert await log.read(0) is None
    report = verify_log(tmp_path)
    assert report.findings == ()
    assert report.first > 0
    key = load_vkey(Layout(tmp_path))
    assert verify_proof(prove(tmp_path, 0), line, key)
    assert LogReader(tmp_path).entry(report.first).record["seq"] == report.first
    async with opened(tmp_path) as log:
        assert (await fill(log, 1))[0][0] == report.size


async def test_sealed_segments_go_at_an_age_and_the_live_one_is_sealed_in_time(tmp_path):
    clock = TurnedClock()
    async with opened(tmp_path, clock=clock) as log:
        await fill(log, 900)
    clock.advance(50 * DAY)
    async with opened(tmp_path, clock=clock, keep_age=40 * DAY, survey_every=0.02, checkpoint_every=0.02):
        await until(lambda: [int(path.stem) for path in segments(tmp_path)] == [900])
    assert verify_log(tmp_path).ok


async def test_a_witness_gets_every_checkpoint_and_tells_a_log_whose_end_was_cut(tmp_path):
    witness, state = tmp_path / "elsewhere" / "checkpoint", tmp_path / "state"
    async with opened(state, witness=witness, checkpoint_every=0.02) as log:
        await fill(log, 20)
        await until(witness.exists)
    held = witness.read_bytes()
    assert verify_checkpoint(held, load_vkey(Layout(state))).size == 20
    assert verify_log(state, against=held).ok
    for path in (state / "audit").iterdir():
        if path.is_file():
            path.unlink()
    async with opened(state, witness=witness, checkpoint_every=0.02) as log:
        await fill(log, 10)
        await until(log.warnings)
        assert "holds a checkpoint of 20 records that this log does not have" in log.warnings()[0]
    assert witness.read_bytes() == held
    assert not verify_log(state, against=held).ok


async def test_everything_is_for_its_owner_only(tmp_path):
    state = tmp_path / "state"
    await write_log(state, 300)
    load_masking_key(Layout(state))
    for path in [state, *state.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


async def test_keys_are_made_once(tmp_path):
    await write_log(tmp_path, 1)
    key, masking = load_vkey(Layout(tmp_path)), load_masking_key(Layout(tmp_path))
    await write_log(tmp_path, 1)
    assert (load_vkey(Layout(tmp_path)), load_masking_key(Layout(tmp_path))) == (key, masking)
    assert len(masking) == 32


async def test_a_log_does_not_go_on_under_another_key_or_name(tmp_path):
    await write_log(tmp_path, 1)
    layout = Layout(tmp_path)
    layout.vkey.write_text(layout.vkey.read_text().replace("test.example/log", "test.example/other"))
    with pytest.raises(ConfigError):
        await write_log(tmp_path, 1)
    other = tmp_path / "other"
    await write_log(other, 1)
    Layout(other).log_key.unlink()
    with pytest.raises(ConfigError, match="not the key of the log"):
        await write_log(other, 1)


@pytest.mark.parametrize("fsync", [Fsync.INTERVAL, Fsync.NEVER])
async def test_a_log_that_does_not_wait_for_the_disk_is_synced_before_its_checkpoints(tmp_path, fsync):
    async with opened(tmp_path, fsync=fsync, interval=0.01, checkpoint_every=0.02) as log:
        await fill(log, 900)
        await until(lambda: log.status().checkpoint_size == 900)
    assert verify_log(tmp_path).size == 900


async def test_answers_without_a_record_are_told_of_even_if_no_record_comes(tmp_path):
    async with opened(tmp_path, checkpoint_every=0.02) as log:
        log.unrecorded(Code.OVERLOADED, 1000.0)
        await until(lambda: log.status().size == 1)
        assert (await log.read(0))["unrecorded"]["overloaded"]["count"] == 1
    async with opened(tmp_path / "other", checkpoint_every=3600.0) as log:
        log.unrecorded(Code.OVERLOADED, 1000.0)
    assert LogReader(tmp_path / "other").newest(1)[0].record["unrecorded"]["overloaded"]["count"] == 1


async def test_times_never_go_back(tmp_path):
    clock = TurnedClock(2_000_000_000.0)
    async with opened(tmp_path, clock=clock) as log:
        await fill(log, 1)
    async with opened(tmp_path, clock=TurnedClock(1_000_000_000.0)) as log:
        assert log.newest_time == 2_000_000_000.0
        await fill(log, 1)
    times = [entry.time for entry in LogReader(tmp_path).entries()]
    assert times == [2_000_000_000.0] * 2


async def test_times_go_back_once_their_operator_accepts_the_clock(tmp_path):
    async with opened(tmp_path, clock=TurnedClock(2_000_000_000.0)) as log:
        await fill(log, 1)
    clock = TurnedClock(1_000_000_000.0)
    async with opened(tmp_path, clock=clock) as log:
        await log.accept_clock()
        assert log.newest_time == 1_000_000_000.0
        clock.advance(5)
        await fill(log, 1)
    reader = LogReader(tmp_path)
    ahead, accepted, later = reader.entries()
    assert accepted.record["details"] == {"newest_was": "2033-05-18T03:33:20.000000Z"}
    assert [entry.time for entry in (ahead, accepted, later)] == [2e9, 1e9, 1e9 + 5]
    assert [entry.seq for entry in reader.select(lambda _: True, until=1.5e9)] == [1, 2]
    async with opened(tmp_path, clock=clock) as log:
        assert log.newest_time == 1e9 + 5
    assert verify_log(tmp_path).ok


async def test_a_clock_that_is_not_behind_needs_no_acceptance(tmp_path):
    async with opened(tmp_path, clock=TurnedClock(2_000_000_000.0)) as log:
        await fill(log, 1)
        await log.accept_clock()
    assert len(list(LogReader(tmp_path).entries())) == 1


async def damaged(state):
    """A crashed log in which the first record behind the checkpoint was changed."""
    segment = await crashed_log(state, 300, 5)
    raw = segment.read_bytes()
    segment.write_bytes(raw.replace(b'"n":300', b'"n":999'))
    with pytest.raises(ChainBroken) as caught:
        await write_log(state, 1)
    assert caught.value.seq == 301
    return raw


async def test_a_damaged_log_goes_on_if_its_operator_accepts_that(tmp_path):
    await damaged(tmp_path)
    broken = live_segment(tmp_path).read_bytes()
    async with opened(tmp_path, accept_fork=True) as log:
        told = await log.read(301)
        assert (told["type"], told["first_kept"]) == ("forked", 0)
        assert "record 301 does not continue the chain" in told["reason"]
        assert told["prev"] == LogReader(tmp_path).entry(300).hash
        await fill(log, 10)
    assert verify_log(tmp_path).ok
    assert int(live_segment(tmp_path).stem) >= 301
    kept = tmp_path / "audit" / told["kept"]
    assert broken in [path.read_bytes() for path in kept.glob("*.jsonl")]
    await write_log(tmp_path, 1)


@pytest.mark.parametrize("name", ["checkpoint", "tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1"])
async def test_a_log_whose_tree_is_damaged_gets_it_back_from_its_records(tmp_path, name):
    await write_log(tmp_path, 300)
    path = tmp_path / "audit" / name
    original = path.read_bytes()
    path.write_bytes(b"x" * len(original))
    if name == "tile/0/000":
        (tmp_path / "audit" / "checkpoint").unlink()
    with pytest.raises(ChainBroken):
        await write_log(tmp_path, 1)
    size = await fork_and_fill(tmp_path)
    assert size == {"tile/0/000": 0, "tile/0/001.p/44": 256}.get(name, 300)


async def fork_and_fill(state):
    """Where the log forked; it goes on, and stays whole over another start."""
    async with opened(state, accept_fork=True) as log:
        told = await log.read(log.status().size - 1)
        await fill(log, 300)
    await write_log(state, 1)
    assert told["type"] == "forked"
    assert verify_log(state).findings == ()
    return told["seq"]


async def test_a_log_without_its_oldest_records_can_fork_too(tmp_path):
    await write_log(tmp_path, 2000)
    count = len(segments(tmp_path))
    async with opened(tmp_path, keep_bytes=192 * 1024):
        await until(lambda: len(segments(tmp_path)) < count)
    segment = live_segment(tmp_path)
    segment.write_bytes(segment.read_bytes()[:-1] + b" garbage\n")
    assert await fork_and_fill(tmp_path) > 1900
    assert verify_log(tmp_path).first > 0


async def test_a_log_that_lost_records_under_a_checkpoint_forks_there_and_its_old_checkpoint_tells(tmp_path):
    await write_log(tmp_path, 300)
    old = (tmp_path / "audit" / "checkpoint").read_bytes()
    segment = live_segment(tmp_path)
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(b"".join(lines[:-20]))
    async with opened(tmp_path, accept_fork=True) as log:
        assert (await log.read(280))["type"] == "forked"
        await fill(log, 40)
    assert verify_log(tmp_path).ok
    assert not verify_log(tmp_path, against=old).ok


async def test_a_whole_log_is_not_forked_even_if_that_were_accepted(tmp_path):
    await write_log(tmp_path, 10)
    async with opened(tmp_path, accept_fork=True) as log:
        assert log.status().size == 10
    assert not list((tmp_path / "audit").glob("fork-*"))


async def test_verifying_tells_how_far_it_is(tmp_path):
    await write_log(tmp_path, 500)
    seen = []
    verify_log(tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert len(seen) > 10
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1] == sum(path.stat().st_size for path in segments(tmp_path))


async def test_where_there_is_no_log_verifying_says_so(tmp_path):
    with pytest.raises(ConfigError, match="is this a state folder"):
        verify_log(tmp_path)


async def test_a_copy_of_the_log_verifies_under_a_key_known_from_elsewhere_only(tmp_path):
    await write_log(tmp_path, 5)
    await write_log(tmp_path / "other", 5)
    assert verify_log(tmp_path, key=load_vkey(Layout(tmp_path))).ok
    assert not verify_log(tmp_path, key=load_vkey(Layout(tmp_path / "other"))).ok
