"""What is owed arrives: a real daemon, the real SDK, a simulated platform that comes and goes."""

import pytest
from ascend import AscendClient

from tests.fakes.terminal import type_in
from tests.tools.daemon import Daemon, until
from tests.tools.owing_daemon import complete, completed, marks, outbox, owing_daemon, submit
from tests.tools.platform_faults import status
from tests.tools.platform_served import simulated


@pytest.fixture
def platform():
    with simulated() as one:
        yield one


def test_what_the_sdk_reports_arrives_under_the_platforms_own_id(tmp_path, platform, monkeypatch):
    platform.book.submit({"agent_id": "other", "action_type": "x", "resource": "y"}, "before")
    with owing_daemon(tmp_path, platform) as daemon:
        monkeypatch.setenv("ASCEND_API_URL", daemon.listen["decision"])
        monkeypatch.setenv("ASCEND_API_KEY", "ask_test")
        client = AscendClient(agent_id="agent-7", agent_name="Seven")
        decision = client.evaluate_action(action_type="file.read", resource="orders")
        done = client.log_action_completed(decision.action_id, result={"rows": 3}, duration_ms=5)
        assert (done["success"], done["platform"]) == (True, "owed")
        action = until(lambda: platform.book.actions[2].outcome, "the completion arrives")
        assert (action["action_id"], action["result"], action["duration_ms"]) == ("2", {"rows": 3}, 5)
        failed = client.evaluate_action(action_type="file.read", resource="other")
        client.log_action_failed(failed.action_id, "no such file")
        told = until(lambda: platform.book.actions[3].outcome, "the failure arrives")
        assert (told["status"], told["error"]) == ("failed", "no such file")


def test_after_an_outage_all_arrives_in_the_order_of_each_agent(tmp_path, platform):
    with owing_daemon(tmp_path, platform) as daemon:
        actions = [(agent, submit(daemon, agent)["action_id"]) for agent in "abab"]
        platform.simulator.fault = status(503)
        for number, (_, action_id) in enumerate(actions):
            assert complete(daemon, action_id, number).body["platform"] == "owed"
        until(lambda: outbox(daemon)["status"] == "degraded", "the outage is told")
        assert outbox(daemon)["facts"]["items"] == 4
        assert "failing 503" in outbox(daemon)["detail"]
        assert b"ascend_sidecar_outbox_items 4.0" in daemon.get("/metrics", "ops").raw
        shown = type_in("status", "--state-dir", daemon.state)
        assert "outbox: the platform is not told: failing 503" in shown.out
        platform.simulator.fault = None
        until(lambda: outbox(daemon)["facts"]["items"] == 0, "all is delivered")
        assert (completed(platform, "a"), completed(platform, "b")) == ([0, 2], [1, 3])
        assert (outbox(daemon)["status"], outbox(daemon)["facts"]["dropped"]) == ("ok", 0)


def test_what_went_through_while_the_platform_was_gone_is_told_when_it_is_back(tmp_path, platform):
    with owing_daemon(tmp_path, platform) as daemon:
        platform.stop()
        action_id = submit(daemon, "a")["action_id"]
        until(lambda: outbox(daemon)["facts"]["items"] == 1, "it is owed")
        platform.start()
        (mark,) = until(lambda: marks(platform), "it is told")
        assert (mark["report"], mark["decision_id"]) == ("proceeded_open", str(action_id))


def test_every_decision_is_told_where_that_is_configured(tmp_path, platform):
    with owing_daemon(tmp_path, platform, ASCEND_SIDECAR_PLATFORM_REPORT_DECISIONS="true") as daemon:
        numbers = {str(submit(daemon, agent)["action_id"]) for agent in "abc"}
        until(lambda: {mark["decision_id"] for mark in marks(platform)} >= numbers, "all are told")


def test_heartbeats_and_acknowledgements_arrive(tmp_path, platform):
    platform.book.order("a", {"command_id": "c-1"})
    with owing_daemon(tmp_path, platform) as daemon:
        beat = {"agent_id": "a", "sdk_version": "2.7.1", "timestamp": "now", "requests_count": 3}
        assert daemon.post("/api/agents/health/heartbeat", beat).status == 200
        assert until(lambda: platform.book.heartbeats, "the heartbeat arrives") == [beat]
        told = daemon.post("/api/registry/agents/a/commands/c-1/ack", {})
        assert (told.status, told.body["success"], told.body["platform"]) == (200, True, "owed")
        until(lambda: platform.book.commands["a"] == [], "the acknowledgement arrives")


def test_nobody_speaks_with_our_key_for_an_agent_of_others(tmp_path, platform):
    platform.book.order("of-others", {"command_id": "c-1"})
    with owing_daemon(tmp_path, platform) as daemon:
        told = daemon.post("/api/registry/agents/of-others/commands/c-1/ack", {})
        assert (told.status, told.body) == (
            403,
            {"detail": "This caller may not speak for the agent of-others."},
        )
        assert daemon.post("/api/agents/health/heartbeat", {"agent_id": "of-others"}).status == 200
        daemon.post("/api/agents/health/heartbeat", {"agent_id": "a"})
        until(lambda: platform.book.heartbeats, "the heartbeat that was sent last arrives")
        assert [beat["agent_id"] for beat in platform.book.heartbeats] == ["a"]
        assert len(platform.book.commands["of-others"]) == 1


def test_an_outbox_that_cannot_be_read_is_an_error_at_the_start_and_nothing_owed_is_forgotten(
    tmp_path, platform
):
    daemon = owing_daemon(tmp_path, platform)
    daemon.state.mkdir(mode=0o700)
    (daemon.state / "outbox.db").write_bytes(b"garbage" * 1000)
    assert daemon.spawn().process.wait(20) != 0
    assert "outbox.db" in daemon.output()
    assert "Traceback" not in daemon.output()
    assert (daemon.state / "outbox.db").read_bytes() == b"garbage" * 1000


def test_without_a_platform_nothing_is_owed(tmp_path):
    with Daemon(tmp_path) as daemon:
        body = {"agent_id": "a", "action_type": "file.read", "resource": "orders"}
        answer = daemon.post("/api/v1/actions/submit", body)
        told = complete(daemon, answer.body["action_id"], 1).body
        assert (told["success"], "platform" in told, outbox(daemon)) == (True, False, None)
        assert daemon.post("/api/registry/agents/a/commands/c-1/ack", {}).status == 403
        assert not (daemon.state / "outbox.db").exists()
