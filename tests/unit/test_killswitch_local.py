"""Halts by signal and by file around fakes: what counts, who it was, and disks that do not do as they should."""

import asyncio

import pytest

from sidecar.service.ports import Sentinel
from tests.fakes.audit import until
from tests.fakes.by_hand import HALT, RELEASE, ByHand


@pytest.fixture
async def host(tmp_path):
    made = await ByHand(tmp_path).start()
    yield made
    await made.close()


async def look(host):
    host.local.look_for_signals()
    await host.local.look_at_file()
    await host.settling.once()


async def test_a_halt_that_comes_together_with_a_release_counts_as_the_last(host):
    host.signals.came = [HALT, RELEASE]
    await look(host)
    assert host.held() == ["signal host"]


async def test_a_second_signal_of_the_same_kind_changes_nothing(host):
    for _ in range(2):
        host.signals.came = [HALT]
        await look(host)
    assert host.halts()
    host.signals.came = [RELEASE]
    await look(host)
    assert not host.halts()
    assert host.recorded() == [
        "BLOCK by uid:0 (root), pid 11",
        "BLOCK by uid:0 (root), pid 11",
        "UNBLOCK by uid:0 (root), pid 12",
    ]


async def test_a_release_releases_nobody_elses_halt(host):
    await host.ask("block", {"scope": {"kind": "host"}, "reason": "x"})
    host.file.write("")
    await look(host)
    host.signals.came = [HALT]
    await look(host)
    host.signals.came = [RELEASE]
    await look(host)
    assert host.held() == ["admin host", "file host"]
    assert [one.split()[0] for one in host.recorded()] == ["BLOCK", "BLOCK", "BLOCK", "UNBLOCK"]


async def test_the_file_halts_whom_it_names_and_its_owner_is_on_record(host):
    host.file.write("agent agent:a # one\n")
    await look(host)
    assert (host.halts(), host.halts("agent:b")) == (True, False)
    host.file.write("agent agent:b\n")
    await look(host)
    assert (host.halts(), host.halts("agent:b")) == (False, True)
    host.file.found = None
    await look(host)
    assert host.held() == []
    assert host.recorded() == [
        "BLOCK by uid:1001 (ann)",
        "BLOCK by uid:1001 (ann)",
        "UNBLOCK by uid:1001 (ann)",
        "UNBLOCK by whoever removed /state/halt",
    ]


async def test_a_file_that_stays_as_it_is_gives_no_order_again(host):
    host.file.write("agent agent:a # one\n")
    await look(host)
    await look(host)
    assert len(host.recorded()) == 1
    host.file.write("agent agent:a # two\n")
    await look(host)
    assert [one.reason for one in host.switch.in_force()] == ["two"]


async def test_a_file_that_cannot_be_read_halts_everything(host):
    host.file.found = Sentinel(None, "it cannot be read: Permission denied", 1001)
    await look(host)
    assert host.halts()
    assert "Permission denied" in host.switch.in_force()[0].reason


@pytest.fixture
async def hurried(tmp_path):
    """A host that does not wait long for its disk."""
    made = await ByHand(tmp_path, patience=0.05).start()
    yield made
    await made.close()


async def test_a_disk_that_does_not_answer_halts_everything_and_is_asked_once(hurried):
    looks = hurried.file.looks
    hurried.file.stick()
    for _ in range(2):
        await hurried.local.look_at_file()
        assert hurried.halts()
    hurried.file.free()
    while hurried.halts():
        await hurried.local.look_at_file()
    assert hurried.file.looks - looks == 1


async def test_a_signal_does_not_wait_for_a_disk_that_does_not_answer(host):
    host.file.stick()
    loops = [asyncio.ensure_future(loop()) for loop in host.local.forever()]
    host.signals.came = [HALT]
    await until(lambda: host.held() == ["signal host"])
    for loop in loops:
        loop.cancel()
    await asyncio.gather(*loops, return_exceptions=True)


async def test_what_could_not_be_kept_is_in_force_and_is_kept_as_soon_as_it_can(tmp_path):
    host = await ByHand(tmp_path).start()
    host.store.full = True
    host.signals.came = [HALT]
    await look(host)
    assert host.halts()
    assert "full" in host.settling.unsettled
    host.store.full = False
    await host.settling.once()
    assert host.settling.unsettled == ""
    await host.close()
    again = await ByHand(tmp_path).start()
    assert again.held() == ["signal host"]
    await again.close()


async def test_what_could_not_be_recorded_is_recorded_as_soon_as_it_can(host):
    host.log.failing = True
    host.signals.came = [HALT]
    await look(host)
    assert (host.halts(), host.recorded()) == (True, [])
    host.log.failing = False
    keeping = asyncio.ensure_future(host.settling.run())
    await until(host.recorded)
    keeping.cancel()
    assert host.recorded() == ["BLOCK by uid:0 (root), pid 11"]


async def test_a_signal_that_comes_last_is_kept(tmp_path):
    host = await ByHand(tmp_path).start()
    host.signals.came = [HALT]
    await host.close()
    again = await ByHand(tmp_path).start()
    assert again.held() == ["signal host"]
    await again.close()


async def test_a_file_that_is_no_longer_there_at_a_start_releases_what_it_had_halted(tmp_path):
    host = await ByHand(tmp_path).start()
    host.file.write("agent agent:a\n")
    await look(host)
    await host.close()
    again = await ByHand(tmp_path).start()
    assert again.held() == []
    await again.close()


async def test_a_host_that_is_renamed_stays_halted(host):
    host.signals.came = [HALT]
    await look(host)
    assert host.switch.in_force()[0].scope.name == "*"
