"""kill -9 between promise and delivery: what was promised arrives after the restart, in the order of each agent."""

import os
import signal

import pytest

from tests.tools.daemon import until
from tests.tools.owing_daemon import complete, completed, marks, outbox, owing_daemon, submit
from tests.tools.platform_faults import status
from tests.tools.platform_served import simulated

ROUNDS = int(os.getenv("FAULT_ROUNDS", "2"))
AGENTS = "ab"


@pytest.mark.fault
def test_what_was_promised_before_a_kill_arrives_after_it(tmp_path):
    promised = {agent: [] for agent in AGENTS}
    with simulated() as platform:
        for number in range(ROUNDS):
            platform.simulator.fault = None
            with owing_daemon(tmp_path, platform) as daemon:
                until(lambda: outbox(daemon)["facts"]["items"] == 0, "the last round is delivered")
                actions = [(agent, submit(daemon, agent)["action_id"]) for agent in AGENTS * 3]
                platform.simulator.fault = status(503) if number % 2 == 0 else None
                for place, (agent, action_id) in enumerate(actions):
                    assert complete(daemon, action_id, f"{number}.{place}").body["platform"] == "owed"
                    promised[agent].append(f"{number}.{place}")
                daemon.stop(signal.SIGKILL)
        platform.simulator.fault = None
        with owing_daemon(tmp_path, platform) as daemon:
            until(lambda: outbox(daemon)["facts"]["items"] == 0, "all is delivered")
    assert {agent: completed(platform, agent) for agent in AGENTS} == promised


@pytest.mark.fault
def test_what_went_through_ungoverned_before_a_kill_is_told_after_it(tmp_path):
    with simulated() as platform:
        with owing_daemon(tmp_path, platform) as daemon:
            platform.stop()
            numbers = {str(submit(daemon, agent)["action_id"]) for agent in AGENTS}
            daemon.stop(signal.SIGKILL)
        platform.start()
        with owing_daemon(tmp_path, platform):
            until(lambda: {mark["decision_id"] for mark in marks(platform)} == numbers, "both are told")
