"""A daemon whose clock was far ahead once, and is right again, stays in that time until its operator says so."""

import json
import time

from sidecar.adapters.audit_files.reading import LogReader
from tests.fakes.audit import fill, opened
from tests.fakes.clock import TurnedClock
from tests.fakes.terminal import type_in
from tests.tools.daemon import Daemon

YEARS_AHEAD = 2_500_000_000.0


def decided(daemon):
    """The number of the record of a decision that is made now."""
    return daemon.evaluate("agent:demo", "database.read", "resource:x").body["context"]["audit"]["seq"]


def time_of(daemon, seq):
    return LogReader(daemon.state).entry(seq).time


async def test_the_operator_brings_a_daemon_back_to_this_time(tmp_path):
    daemon = Daemon(tmp_path)
    daemon.state.mkdir(mode=0o700)
    async with opened(daemon.state, clock=TurnedClock(YEARS_AHEAD)) as log:
        await fill(log, 1)
    with daemon:
        assert time_of(daemon, decided(daemon)) >= YEARS_AHEAD
    told = type_in("doctor", "--state-dir", daemon.state, "--run-dir", tmp_path / "run")
    assert "--accept-clock" in told.out
    daemon.arguments = ("--accept-clock",)
    with daemon:
        assert abs(time_of(daemon, decided(daemon)) - time.time()) < 60
    daemon.arguments = ()
    with daemon:
        assert abs(time_of(daemon, decided(daemon)) - time.time()) < 60
    types = [json.loads(entry.line).get("event") for entry in LogReader(daemon.state).entries()]
    assert types.count("clock_accepted") == 1
    assert type_in("audit", "verify", "--state-dir", daemon.state).code == 0
