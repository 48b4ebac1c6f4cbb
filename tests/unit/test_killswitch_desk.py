"""The kill switch at the admin socket: each answer, and what is in force after it."""

import pytest

from sidecar.core.killswitch import Command, Kind, Order, Scope
from tests.fakes.by_hand import HALT, ByHand

AGENT = {"kind": "agent", "name": "agent:a"}
EVERYTHING = {"kind": "host"}


@pytest.fixture
async def host(tmp_path):
    made = await ByHand(tmp_path).start()
    yield made
    await made.close()


async def test_a_halt_is_told_with_who_gave_it(host):
    status, told = await host.ask("block", {"scope": AGENT, "reason": "pays twice", "for_seconds": 60})
    assert status == 200
    assert (told["in_force"], told["command"], told["origin"], told["scope"]) == (
        True,
        "BLOCK",
        "admin",
        AGENT,
    )
    assert told["issued_by"] == "uid:1001 (ann)"
    _, shown = await host.ask("")
    (halt,) = shown["halts"]
    assert (halt["reason"], halt["proof"], halt["seq"]) == ("pays twice", "local", None)
    assert shown["hosts"] == ["here"]
    assert shown["feed"] == {"state": "fine"}
    assert (shown["damaged"], shown["more"]) == (False, 0)
    assert host.recorded() == ["BLOCK by uid:1001 (ann)"]
    host.clock.advance(61)
    assert not host.halts()
    assert (await host.ask(""))[1]["halts"] == []


async def test_an_end_can_be_a_time(host):
    end = "2033-05-18T03:33:20Z"
    _, told = await host.ask("block", {"scope": AGENT, "reason": "x", "expires_at": end})
    assert told["expires_at"] == "2033-05-18T03:33:20.000000Z"


async def test_a_later_halt_never_shortens_an_earlier_one_and_the_answer_says_what_is_in_force(host):
    await host.ask("block", {"scope": AGENT, "reason": "for good"})
    _, told = await host.ask("block", {"scope": AGENT, "reason": "for a while", "for_seconds": 60})
    assert told["expires_at"] is None


async def test_a_name_is_compared_in_its_one_form(host):
    _, told = await host.ask("block", {"scope": {"kind": "tool", "name": " Delete "}, "reason": "x"})
    assert told["scope"]["name"] == "delete"


@pytest.mark.parametrize(
    ("verb", "body", "field"),
    [
        ("block", {"reason": "x"}, "scope"),
        ("block", {"scope": AGENT}, "reason"),
        ("block", {"scope": AGENT, "reason": ""}, "reason"),
        ("block", {"scope": AGENT, "reason": "x" * 1001}, "reason"),
        ("block", {"scope": {"kind": "agnet"}, "reason": "x"}, "scope.kind"),
        ("block", {"scope": {"kind": "agent", "name": ""}, "reason": "x"}, "scope.name"),
        ("block", {"scope": {"kind": "agent", "name": "a\u0007"}, "reason": "x"}, "scope.name"),
        ("block", {"scope": AGENT, "reason": "x", "expires_at": "2033-05-18T03:33:20"}, "expires_at"),
        ("block", {"scope": AGENT, "reason": "x", "for_seconds": 0}, "for_seconds"),
        ("block", {"scope": AGENT, "reason": "x", "for_seconds": 1e300}, "for_seconds"),
        (
            "block",
            {"scope": AGENT, "reason": "x", "for_seconds": 1, "expires_at": "2033-05-18T03:33:20Z"},
            "for_seconds",
        ),
        ("unblock", {}, "scope"),
        ("affected", {}, "scope"),
        ("reset", {"force": "yes"}, "force"),
    ],
)
async def test_what_is_no_order_is_a_400_that_names_the_field(host, verb, body, field):
    status, told = await host.ask(verb, body)
    assert (status, told["field"]) == (400, field)
    assert host.held() == []


@pytest.mark.parametrize(
    ("scope", "who"),
    [({"kind": "host", "name": "there"}, "here"), ({"kind": "organization", "name": "x"}, "acme")],
)
async def test_a_halt_that_would_hit_nothing_here_is_refused(host, scope, who):
    for verb in ("block", "unblock"):
        status, told = await host.ask(verb, {"scope": scope, "reason": "x"})
        assert (status, who in told["detail"]) == (400, True)


async def test_the_name_of_this_host_is_all_of_it(host):
    await host.ask("block", {"scope": {"kind": "host", "name": "HERE"}, "reason": "x"})
    assert host.halts()
    status, _ = await host.ask("unblock", {"scope": EVERYTHING})
    assert (status, host.held()) == (200, [])


async def test_what_is_not_halted_is_404(host):
    assert (await host.ask("unblock", {"scope": AGENT}))[0] == 404


async def test_a_halt_that_is_over_is_not_there_to_be_released(host):
    await host.ask("block", {"scope": AGENT, "reason": "x", "for_seconds": 1})
    host.clock.advance(2)
    assert (await host.ask("unblock", {"scope": AGENT}))[0] == 404


async def test_a_halt_of_another_origin_is_409_and_says_who_releases_it(host):
    host.signals.came = [HALT]
    host.file.write("")
    host.local.look_for_signals()
    await host.local.look_at_file()
    status, told = await host.ask("unblock", {"scope": EVERYTHING})
    assert status == 409
    assert "SIGUSR2" in told["detail"]
    assert "the file `halt`" in told["detail"]
    assert host.halts()
    await host.ask("block", {"scope": EVERYTHING, "reason": "x"})
    status, told = await host.ask("unblock", {"scope": EVERYTHING})
    assert (status, sorted(one["origin"] for one in told["also_halted_by"])) == (200, ["file", "signal"])
    assert host.halts()


@pytest.mark.parametrize("fails", ["store", "log"])
async def test_what_cannot_be_kept_is_in_force_and_says_so(host, fails):
    host.store.full, host.log.failing = fails == "store", fails == "log"
    status, told = await host.ask("block", {"scope": AGENT, "reason": "x"})
    assert (status, told["in_force"], host.halts()) == (503, True, True)
    assert "would not survive" in told["detail"]
    host.store.full = host.log.failing = False
    await host.settling.once()
    assert host.recorded() == ["BLOCK by uid:1001 (ann)"]


async def test_the_list_is_bounded_and_the_newest_come_first(host):
    for number in range(1003):
        host.clock.advance(1)
        order = Order(Command.BLOCK, Scope(Kind.AGENT, str(number)), str(number), issued_at=host.clock.now())
        host.switch.apply([order])
    _, told = await host.ask("")
    assert (len(told["halts"]), told["more"], told["halts"][0]["scope"]["name"]) == (1000, 3, "1002")


async def damaged(folder, **words):
    """A host whose store is no database."""
    (folder / "halts.db").write_bytes(b"torn" * 4096)
    return await ByHand(folder, **words).start()


async def test_after_damage_a_reset_goes_on_and_is_on_record_with_who_did_it(tmp_path):
    host = await damaged(tmp_path)
    _, told = await host.ask("")
    assert told["damaged"]
    assert "damaged" in told["quarantined"]
    await host.ask("block", {"scope": AGENT, "reason": "x"})
    assert (await host.ask("reset", {}, uid=0))[0] == 200
    assert not host.state.snapshot.halts.is_damaged
    assert host.halts()
    (record,) = [one for one in host.log.records if one["type"] == "kill_switch_reset"]
    assert record["by"] == "uid:0 (root)"
    await host.close()
    again = await ByHand(tmp_path).start()
    assert (again.switch.book.is_damaged, again.held()) == (False, ["admin agent agent:a"])
    await again.close()


async def test_with_a_feed_a_reset_must_be_forced(tmp_path):
    host = await damaged(tmp_path, has_feed=True)
    status, told = await host.ask("reset", {})
    assert (status, "authoritative state" in told["detail"]) == (409, True)
    assert host.state.snapshot.halts.is_damaged
    assert (await host.ask("reset", {"force": True}))[0] == 200
    assert not host.state.snapshot.halts.is_damaged
    await host.close()


async def test_without_damage_there_is_nothing_to_reset(host):
    assert (await host.ask("reset", {}))[0] == 409


@pytest.mark.parametrize("fails", ["store", "log"])
async def test_a_reset_that_cannot_be_kept_leaves_everything_halted(tmp_path, fails):
    host = await damaged(tmp_path)
    host.store.full, host.log.failing = fails == "store", fails == "log"
    assert (await host.ask("reset", {}))[0] == 503
    assert host.state.snapshot.halts.is_damaged
    host.store.full = False
    await host.close()
