"""Thousands of orders at once: all of them are in force, and no message is left."""

import os

import pytest

from tests.tools.daemon import until
from tests.tools.fleet import blocks, fleet
from tests.tools.localstack_server import localstack
from tests.tools.moto_process import moto_process

BURST = int(os.getenv("FLEET_BURST", "300"))
SERVERS = {"moto": moto_process, "localstack": localstack}
LONGEST = 900.0


@pytest.mark.fault
@pytest.mark.parametrize("name", os.getenv("FLEET_SERVERS", "moto").split(","))
def test_a_burst_is_in_force_everywhere_and_leaves_no_message(name, tmp_path):
    with SERVERS[name]() as server, fleet(tmp_path, server.url, 2) as some:
        halts = blocks(BURST, "burst")
        some.publish_fast(halts)
        assert some.missed(halts) == 0
        until(lambda: some.left() == 0, "every message was taken", LONGEST)
        assert some.unlawful(halts[:: max(1, BURST // 20)]) == 0
