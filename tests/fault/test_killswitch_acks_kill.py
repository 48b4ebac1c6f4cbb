"""kill -9 at any moment between an order and its acknowledgement: each order is on record, and told under one id."""

import collections
import json
import os
import random
import subprocess
import sys

import pytest

from tests.tools.daemon import REPOSITORY, until

ROUNDS = int(os.getenv("FAULT_ROUNDS", "3"))
EACH = 25


def lines(path):
    return path.read_text().splitlines()


def started(folder, count):
    command = [sys.executable, "-m", "tests.tools.acking_process", str(folder), str(count)]
    return subprocess.Popen(command, cwd=REPOSITORY)


@pytest.mark.fault
def test_each_order_is_acknowledged_whatever_is_killed(tmp_path):
    chance = random.Random(7)
    count = ROUNDS * EACH
    for name in ("heard", "deleted"):
        (tmp_path / name).touch()
    for _ in range(ROUNDS):
        wanted = min(count, len(lines(tmp_path / "deleted")) + chance.randrange(1, EACH))
        with started(tmp_path, count) as process:
            until(lambda enough=wanted: len(lines(tmp_path / "deleted")) >= enough, "orders are settled")
            process.kill()
    with started(tmp_path, count) as process:
        assert process.wait(60) == 0
    ids = collections.defaultdict(set)
    for line in lines(tmp_path / "heard"):
        command_id, its_id = json.loads(line)
        ids[command_id].add(its_id)
    assert sorted(ids) == sorted(f"c-{number}" for number in range(count))
    assert {len(one) for one in ids.values()} == {1}
    records = [
        json.loads(line) for path in (tmp_path / "state" / "audit").glob("*.jsonl") for line in lines(path)
    ]
    ordered = {record["order"]["command_id"] for record in records if record["type"] == "kill_switch_order"}
    told = {record["command_id"] for record in records if record["type"] == "kill_switch_ack"}
    assert ordered == told == set(ids)
