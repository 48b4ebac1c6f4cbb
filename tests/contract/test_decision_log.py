"""The port DecisionLog: one suite for the log on files and for the fake that other tests use."""

import asyncio
import contextlib
import os
import signal

import pytest

from sidecar.core.chain import GENESIS, MAX_BODY
from sidecar.core.errors import AuditError
from sidecar.core.model import Code
from tests.fakes.audit import PATIENCE, body, opened, until
from tests.fakes.clock import TurnedClock
from tests.fakes.decision_log import FakeDecisionLog


class OnFiles:
    """The disk hangs when the writer process is stopped, and fails when it is killed."""

    def __init__(self, log):
        self.log = log

    def hang(self):
        os.kill(self.log.writer_pid, signal.SIGSTOP)

    def answer(self):
        os.kill(self.log.writer_pid, signal.SIGCONT)

    async def fail(self):
        os.kill(self.log.writer_pid, signal.SIGKILL)
        await until(lambda: not self.log.status().writable)


class InMemory:
    def __init__(self, log):
        self.log = log

    def hang(self):
        self.log.stuck = True

    def answer(self):
        self.log.release()

    async def fail(self):
        self.log.failing = True


@pytest.fixture(params=["files", "fake"])
async def house(request, tmp_path):
    clock = TurnedClock()
    if request.param == "fake":
        yield InMemory(FakeDecisionLog(clock))
        return
    async with opened(tmp_path, clock=clock) as log:
        yield OnFiles(log)


async def record(log, **members):
    return await log.append(body(**members), PATIENCE)


async def test_records_are_numbered_from_nought_and_chained(house):
    receipts = [await record(house.log, n=n) for n in range(3)]
    assert [receipt.seq for receipt in receipts] == [0, 1, 2]
    records = [await house.log.read(seq) for seq in range(3)]
    assert [told["prev"] for told in records] == [GENESIS, receipts[0].hash, receipts[1].hash]
    assert [told["n"] for told in records] == [0, 1, 2]
    assert records[0]["time"] == "2023-11-14T22:13:20.000000Z"


async def test_what_is_appended_together_keeps_the_order_of_the_calls(house):
    receipts = await asyncio.gather(*(house.log.append(body(n=n), PATIENCE) for n in range(100)))
    assert [receipt.seq for receipt in receipts] == list(range(100))
    assert [(await house.log.read(seq))["n"] for seq in (0, 57, 99)] == [0, 57, 99]


async def test_the_newest_come_first(house):
    for n in range(5):
        await record(house.log, n=n)
    assert [told["n"] for told in await house.log.newest(3)] == [4, 3, 2]
    assert len(await house.log.newest(100)) == 5


async def test_what_was_never_written_is_none(house):
    await record(house.log)
    assert await house.log.read(1) is None
    assert await house.log.read(-1) is None


async def test_answers_without_a_record_are_told_of_by_the_next_one_only(house):
    house.log.unrecorded(Code.OVERLOADED, 1000.0)
    house.log.unrecorded(Code.OVERLOADED, 1002.5)
    house.log.unrecorded(Code.AUDIT_UNAVAILABLE, 1001.0)
    await record(house.log)
    await record(house.log)
    overloaded = {"count": 2, "from": "1970-01-01T00:16:40.000000Z", "to": "1970-01-01T00:16:42.500000Z"}
    assert (await house.log.read(0))["unrecorded"]["overloaded"] == overloaded
    assert (await house.log.read(0))["unrecorded"]["audit_unavailable"]["count"] == 1
    assert "unrecorded" not in await house.log.read(1)


async def test_past_its_deadline_an_append_fails_and_its_record_is_voided(house):
    await record(house.log, n="before")
    house.hang()
    with pytest.raises(AuditError):
        await house.log.append(body(n="late"), 0.02)
    house.answer()
    await until(lambda: house.log.status().size >= 3)
    assert (await house.log.read(1))["n"] == "late"
    void = await house.log.read(2)
    assert (void["type"], void["voids"]) == ("void", [1])


async def test_a_waiter_that_goes_away_takes_nothing_from_the_others_and_is_not_voided(house):
    house.hang()
    waiters = [asyncio.ensure_future(record(house.log, n=n)) for n in range(3)]
    await asyncio.sleep(0)
    waiters[1].cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await waiters[1]
    house.answer()
    assert [(await waiters[n]).seq for n in (0, 2)] == [0, 2]
    assert (await record(house.log)).seq == 3


async def test_a_log_that_fails_refuses_at_once_and_says_so(house):
    await record(house.log)
    await house.fail()
    with pytest.raises(AuditError):
        await record(house.log)
    status = house.log.status()
    assert not status.writable
    assert status.reason


@pytest.mark.parametrize("raw", [b"{}", b'{"a":\n1}', b'{"a":"' + b"x" * MAX_BODY + b'"}'])
async def test_what_cannot_be_a_record_is_refused_and_harms_nobody(house, raw):
    with pytest.raises(AuditError):
        await house.log.append(raw, PATIENCE)
    assert (await record(house.log)).seq == 0


async def test_its_status_counts_records_and_bytes(house):
    await record(house.log)
    status = house.log.status()
    assert (status.writable, status.size, status.lag) == (True, 1, 0.0)
    assert status.bytes > 100
