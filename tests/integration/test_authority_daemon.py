"""A real daemon and the authority on what is halted: closed, open, blind, and open again by itself."""

import os
import signal
import sqlite3
import time

import pytest

from sidecar.core.killswitch import Kind, scope
from tests.tools import platform_faults as faults
from tests.tools.daemon import Daemon, until
from tests.tools.platform_served import simulated
from tests.tools.platform_simulator import STATE_PATH
from tests.tools.signing import KEY, signed

RULES = """rules:
- {id: reads, effect: allow, match: {actions: [read]}}
- {id: tills, effect: allow, match: {actions: ["till.*"]}, allow_when_blind: true}
"""
TILL = scope(Kind.AGENT, "agent:a")


@pytest.fixture
def platform():
    with simulated() as one:
        yield one


def daemon_of(tmp_path, platform, **more):
    bundle = tmp_path / "bundle.dsse"
    bundle.write_bytes(signed(RULES, issued_at=time.time() - 60, expires_at=time.time() + 3600))
    environ = {
        "ASCEND_SIDECAR_BUNDLE_SOURCE": str(bundle),
        "ASCEND_SIDECAR_TRUST_KEYS": KEY.public.text,
        "ASCEND_SIDECAR_KILLSWITCH_STATE": f"{platform.url}{STATE_PATH}",
        "ASCEND_SIDECAR_KILLSWITCH_POLL": "100ms",
        "ASCEND_SIDECAR_KILLSWITCH_BLIND_AFTER": "2s",
    }
    return Daemon(tmp_path, None, environ=environ | more)


def code(daemon, action="read", agent="agent:a"):
    return daemon.evaluate(agent, action, "thing:t").body["context"]["code"]


def until_code(daemon, wanted, **asked):
    until(lambda: code(daemon, **asked) == wanted, f"the answer is {wanted}: {daemon.output()}")


def test_it_is_closed_until_the_state_was_read_and_ready_all_the_same(tmp_path, platform):
    platform.stop()
    with daemon_of(tmp_path, platform) as daemon:
        told = daemon.evaluate("agent:a", "read", "thing:t").body["context"]
        assert told["code"] == "kill_switch_blind"
        assert "never read" in told["reason"]
        platform.start()
        until_code(daemon, "allowed")


def test_halts_come_and_go_with_the_signed_document(tmp_path, platform):
    with daemon_of(tmp_path, platform) as daemon:
        until_code(daemon, "allowed")
        platform.book.halts.block(TILL, "stolen")
        until_code(daemon, "halted")
        assert code(daemon, agent="agent:b") == "allowed"
        platform.book.halts.unblock(TILL)
        until_code(daemon, "allowed")


def test_the_document_may_be_a_file(tmp_path, platform):
    book, place = platform.book.halts, tmp_path / "halts.dsse"
    with daemon_of(tmp_path, platform, ASCEND_SIDECAR_KILLSWITCH_STATE=str(place)) as daemon:
        assert code(daemon) == "kill_switch_blind"
        for wanted in ("allowed", "halted"):
            (tmp_path / "new").write_bytes(book.sign(time.time()))
            (tmp_path / "new").rename(place)
            until_code(daemon, wanted)
            book.block(TILL)


def test_when_the_server_dies_nobody_sees_and_when_it_is_back_it_recovers_by_itself(tmp_path, platform):
    with daemon_of(tmp_path, platform) as daemon:
        until_code(daemon, "allowed")
        platform.stop()
        until_code(daemon, "kill_switch_blind")
        assert code(daemon, "till.open") == "allowed"
        platform.start()
        until_code(daemon, "allowed")


def test_only_the_agents_that_are_named_are_denied_while_nobody_sees(tmp_path, platform):
    platform.stop()
    subjects = {"ASCEND_SIDECAR_KILLSWITCH_BLIND_SUBJECTS": "agent:pay-*"}
    with daemon_of(tmp_path, platform, **subjects) as daemon:
        assert code(daemon, agent="agent:pay-1") == "kill_switch_blind"
        assert code(daemon, agent="agent:read-1") == "allowed"


def test_a_replayed_document_releases_nothing(tmp_path, platform):
    with daemon_of(tmp_path, platform) as daemon:
        until_code(daemon, "allowed")
        old = platform.book.halts.sign(time.time())
        platform.book.halts.block(TILL)
        until_code(daemon, "halted")
        platform.book.halts.frozen = old
        until_code(daemon, "kill_switch_blind", agent="agent:b")
        assert code(daemon) == "halted"
        daemon.stop()
        daemon.start()
        until(lambda: "epoch" in daemon.output(), "it is refused after a restart too")
        assert code(daemon) == "halted"


def test_an_expired_document_is_no_state(tmp_path, platform):
    platform.book.halts.frozen = platform.book.halts.sign(time.time() - 60, expires_at=time.time() - 1)
    with daemon_of(tmp_path, platform) as daemon:
        sample = b'ascend_sidecar_killswitch_state_errors_total{why="expired"}'
        until(lambda: sample in daemon.get("/metrics", "ops").raw, "it is refused and counted")
        assert code(daemon) == "kill_switch_blind"


def test_one_that_does_not_change_confirms_itself_by_304(tmp_path, platform):
    platform.book.halts.frozen = platform.book.halts.sign(time.time(), expires_at=time.time() + 3600)
    with daemon_of(tmp_path, platform) as daemon:
        until_code(daemon, "allowed")
        asked = platform.simulator.heard
        count = len(asked)
        until(lambda: len(asked) >= count + 28, "polls")  # for longer than until it would be blind
        assert code(daemon) == "allowed"
        assert all("If-None-Match" in one.headers for one in asked[count:])


@pytest.mark.parametrize(
    "fault",
    [faults.raw(b"garbage"), faults.black_hole],
    ids=["garbage", "silent"],
)
def test_a_server_that_fails_in_any_way_is_blindness_and_not_a_release(tmp_path, platform, fault):
    with daemon_of(tmp_path, platform) as daemon:
        platform.book.halts.block(TILL)
        until_code(daemon, "halted")
        platform.simulator.fault = fault
        until_code(daemon, "kill_switch_blind", agent="agent:b")
        assert code(daemon) == "halted"
        platform.simulator.fault = None
        until_code(daemon, "allowed", agent="agent:b")


def test_a_process_that_was_stopped_for_too_long_denies_first(tmp_path, platform):
    with daemon_of(tmp_path, platform) as daemon:
        until_code(daemon, "allowed")
        os.kill(daemon.process.pid, signal.SIGSTOP)
        platform.stop()  # so that nothing can be read before the first answer
        time.sleep(2.1)
        os.kill(daemon.process.pid, signal.SIGCONT)
        assert code(daemon) == "kill_switch_blind"
        platform.start()
        until_code(daemon, "allowed")


def test_a_damaged_store_halts_everything_until_the_state_was_read(tmp_path, platform):
    with daemon_of(tmp_path, platform) as daemon:
        platform.book.halts.block(TILL)
        until_code(daemon, "halted")
        daemon.stop()
        with sqlite3.connect(daemon.state / "halts.db") as database:
            database.execute("UPDATE orders SET content = CAST(replace(content, 'stop', 'STOP') AS BLOB)")
        platform.stop()
        daemon.start()
        told = daemon.evaluate("agent:b", "till.open", "thing:t").body["context"]
        assert told["code"] == "halted"
        platform.start()
        until_code(daemon, "allowed", agent="agent:b")
        assert code(daemon) == "halted"


def api(tmp_path, platform, **more):
    """With the ASCEND API alone as the authority."""
    keys = {
        "ASCEND_SIDECAR_PLATFORM_URL": platform.url,
        "ASCEND_SIDECAR_PLATFORM_KEY": "ask_test",
        "ASCEND_SIDECAR_KILLSWITCH_STATE": "platform",
    }
    return daemon_of(tmp_path, platform, **keys | more)


def test_the_api_alone_halts_everyone_and_one_agent(tmp_path, platform):
    with api(tmp_path, platform) as daemon:
        until_code(daemon, "allowed")
        platform.book.halt("new", "rogue")
        assert code(daemon, agent="agent:new") == "halted"
        platform.book.halt("a", "rogue too")
        until_code(daemon, "halted")
        platform.book.release("a")
        until_code(daemon, "allowed")
        platform.book.block("breach")
        until_code(daemon, "halted", agent="agent:b")
        platform.book.unblock()
        until_code(daemon, "allowed", agent="agent:b")


def test_without_the_api_known_agents_go_blind_in_time_and_new_ones_at_once(tmp_path, platform):
    with api(tmp_path, platform) as daemon:
        until_code(daemon, "allowed")
        platform.stop()
        assert code(daemon, agent="agent:new") == "kill_switch_blind"
        until_code(daemon, "kill_switch_blind")
        assert code(daemon, "till.open", "agent:new") == "allowed"
        platform.start()
        until_code(daemon, "allowed", agent="agent:new")


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"ASCEND_SIDECAR_KILLSWITCH_STATE": "platform"}, "without a platform"),
        ({"ASCEND_SIDECAR_KILLSWITCH_STATE": "ftp://host/halts"}, "not a file"),
        ({"ASCEND_SIDECAR_KILLSWITCH_STATE": "https://u:secret@host/halts"}, "token_file"),
        (
            {"ASCEND_SIDECAR_KILLSWITCH_BLIND_AFTER": "1s", "ASCEND_SIDECAR_KILLSWITCH_POLL": "1s"},
            "too short",
        ),
    ],
    ids=["no-platform", "scheme", "password", "short"],
)
def test_nonsense_ends_the_start_with_its_key(tmp_path, platform, environ, told):
    daemon = daemon_of(tmp_path, platform, **environ).spawn()
    assert daemon.process.wait(20) == 78
    assert told in daemon.output()
    assert "killswitch." in daemon.output()
    assert "secret" not in daemon.output()
