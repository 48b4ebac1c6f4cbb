"""Acknowledgements of a real daemon: to the simulated platform, and to a topic of a real SNS endpoint.

What a kill between an order's store and its acknowledgement leaves on disk is put there, and a daemon started on it.
"""

import asyncio
import signal

import msgspec
import pytest

from sidecar.adapters.sqlite import HaltsSqlite
from sidecar.core.killswitch import Command, Kind, Order, Proof, Scope
from sidecar.core.killswitch.ack import ack_of
from sidecar.service.ports import HaltChange
from tests.fakes.terminal import type_in
from tests.tools.daemon import Daemon, until
from tests.tools.owing_daemon import owing_daemon
from tests.tools.platform_served import simulated
from tests.tools.s3 import environment
from tests.tools.topics import topic


@pytest.fixture(scope="module")
def replies():
    with topic() as one:
        yield one


def order(number):
    return Order(
        Command.BLOCK,
        Scope(Kind.AGENT, "bot"),
        f"c-{number}",
        proof=Proof.SNS,
        seq=number,
        issued_at=1_700_000_000.0,
        received_at=1_700_000_000.25,
        signer="arn:aws:sns:us-east-1:123456789012:orders",
        issued_by="ann",
    )


def left_by_a_kill(daemon, *orders):
    """Orders are stored, and their acknowledgements are not owed to anybody."""

    async def store():
        halts = HaltsSqlite(daemon.state)
        enforced = (ack_of(one, 1_700_000_000.5) for one in orders)
        acks = [msgspec.structs.replace(ack, stored_at=1_700_000_000.75) for ack in enforced]
        await halts.put(HaltChange(orders, [one.identity for one in orders], acks=acks))
        await halts.close()

    daemon.state.mkdir(mode=0o700, exist_ok=True)
    asyncio.run(store())


def replying(replies, arn=None):
    named = environment(replies.endpoint) | {"ASCEND_SIDECAR_KILLSWITCH_REPLY_TOPIC_ARN": arn or replies.arn}
    return named | {"ASCEND_SIDECAR_KILLSWITCH_HOST": "host-1"}


def part(daemon, name):
    parts = daemon.get("/healthz", "ops").body["parts"]
    return next((one for one in parts if one["name"] == name), None)


def test_a_daemon_without_a_platform_replies_to_the_topic_in_order_and_once(tmp_path, replies):
    daemon = Daemon(tmp_path, environ=replying(replies))
    left_by_a_kill(daemon, order(1), order(2))
    with daemon:
        heard = until(lambda: len(replies.heard) == 2 and replies.heard, "both are published")
        assert [one["command_id"] for one in heard] == ["c-1", "c-2"]
        times = [heard[0][name] for name in ("received_at", "enforced_at", "stored_at")]
        assert times == [1_700_000_000.25, 1_700_000_000.5, 1_700_000_000.75]
        assert (heard[0]["host"], heard[0]["scope"]) == ("host-1", {"kind": "agent", "name": "bot"})
        until(lambda: part(daemon, "replies")["facts"]["items"] == 0, "it is known that they arrived")
        assert daemon.stop() == 0
    with Daemon(tmp_path, environ=replying(replies)) as daemon:
        until(lambda: part(daemon, "replies")["facts"]["items"] == 0, "nothing is owed")
        shown = type_in("audit", "show", "--state-dir", daemon.state, "--json").out
        assert shown.count('"kill_switch_ack"') == 2
    assert len(replies.heard) == 2


def test_what_is_owed_to_the_topic_outlives_kill_9(tmp_path, replies):
    gone = replies.arn.replace("replies", "gone")
    before = len(replies.heard)
    daemon = Daemon(tmp_path, environ=replying(replies, gone))
    left_by_a_kill(daemon, order(7))
    with daemon:
        part_of = until(
            lambda: (one := part(daemon, "replies")) and one["status"] == "degraded" and one, "no"
        )
        assert part_of["detail"] == "the reply topic is not told: SNS answers NotFound"
        assert b"ascend_sidecar_killswitch_replies 1.0" in daemon.get("/metrics", "ops").raw
        daemon.stop(signal.SIGKILL)
    with Daemon(tmp_path, environ=replying(replies)):
        until(lambda: len(replies.heard) > before, "it is published")
    assert [one["command_id"] for one in replies.heard[before:]] == ["c-7"]


def test_the_platform_hears_it_for_the_host_where_no_agent_of_it_has_asked(tmp_path):
    with simulated() as platform:
        platform.book.order("host-1", {"command_id": "c-1"})
        daemon = owing_daemon(tmp_path, platform, ASCEND_SIDECAR_KILLSWITCH_HOST="host-1")
        left_by_a_kill(daemon, order(1))
        with daemon:
            until(lambda: platform.book.commands["host-1"] == [], "the acknowledgement arrives")
            told = [body for _, path, body in platform.book.asked if path.endswith("/commands/c-1/ack")]
            assert told[0]["enforced_at"] == 1_700_000_000.5
            sent = b'ascend_sidecar_outbox_delivered_total{kind="ack"} 1.0'
            until(lambda: sent in daemon.get("/metrics", "ops").raw, "it is counted")


def test_a_topic_that_is_none_is_78_and_names_the_key(tmp_path):
    daemon = Daemon(tmp_path, environ={"ASCEND_SIDECAR_KILLSWITCH_REPLY_TOPIC_ARN": "replies"})
    assert daemon.spawn().process.wait(20) == 78
    assert "killswitch.reply_topic_arn: `replies` is not the ARN of an SNS topic" in daemon.output()


def test_without_listeners_there_is_no_outbox_and_the_switch_is_local(tmp_path):
    daemon = Daemon(tmp_path)
    left_by_a_kill(daemon)
    with daemon:
        assert part(daemon, "killswitch") == {
            "name": "killswitch",
            "status": "ok",
            "facts": {"mode": "local", "halts": 0},
        }
        assert part(daemon, "replies") is None
        assert not (daemon.state / "replies.db").exists()
