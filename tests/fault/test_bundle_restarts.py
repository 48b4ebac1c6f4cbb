"""kill -9 while a bundle is downloaded, put into force and stored: the next run has a verified bundle, or denies."""

import os
import random
import signal
import time

import pytest

from sidecar.adapters.bundle_store import StoredBundle
from sidecar.core.bundle import verify
from tests.tools.daemon import Daemon, evaluation
from tests.tools.dripping import PIECES, Dripping, dripping
from tests.tools.signing import KEY, signed, trust

pytestmark = pytest.mark.fault
ROUNDS = int(os.environ.get("RESTART_ROUNDS", "6"))
READ = evaluation("agent:a1", "read", "thing:t")
AFTER = 0.08  # seconds within which a downloaded bundle is verified, recorded, stored and in force


def published(revision: int) -> bytes:
    now = float(int(time.time()))
    return signed(revision=revision, issued_at=now, expires_at=now + 86_400)


class Killer:
    """Ends the daemon at a moment of the download, or shortly after it, by chance."""

    def __init__(self, daemon: Daemon, chance: random.Random) -> None:
        self._daemon = daemon
        self._piece = chance.choice((*range(PIECES), *[PIECES - 1] * PIECES))
        self._delay = chance.uniform(0, AFTER) if self._piece == PIECES - 1 else 0.0

    def sent(self, piece: int) -> None:
        if piece == self._piece:
            time.sleep(self._delay)
            self._daemon.process.send_signal(signal.SIGKILL)


def test_the_daemon_always_comes_back_with_a_verified_bundle_or_denies(tmp_path):
    chance = random.Random(11)
    newest, revision, missing = 0, 0, 0
    with dripping() as source:
        environ = {
            "ASCEND_SIDECAR_TRUST_KEYS": KEY.public.text,
            "ASCEND_SIDECAR_BUNDLE_POLL": "1s",
            "ASCEND_SIDECAR_BUNDLE_LONG_POLL": "0s",
        }
        daemon = Daemon(tmp_path, None, ("--bundle", source.url), environ=environ)
        for number in range(1, ROUNDS + 1):
            source.hold()
            daemon.spawn().await_doors()
            context = daemon.post("/access/v1/evaluation", READ).body["context"]
            if context["code"] == "no_bundle":
                missing += 1
                assert newest == 0, f"round {number}: the bundle of revision {newest} is gone"
            else:
                assert context["code"] == "allowed", f"round {number}: {context}"
                revision = int(context["policy"]["revision"])
                assert newest <= revision < number, f"round {number}"
                newest = revision
            run_into(daemon, source, number, Killer(daemon, chance))
            check_state(daemon, newest)
    assert missing < ROUNDS
    assert revision > 0


def run_into(daemon: Daemon, source: Dripping, number: int, killer: Killer) -> None:
    source.release(published(number), killer.sent)
    assert daemon.process.wait(20) == -signal.SIGKILL


def check_state(daemon: Daemon, newest: int) -> None:
    """What lies on disk verifies, and its floor is not below what was answered by."""
    store = StoredBundle(daemon.state)
    floor = store.floor("default")
    assert floor.revision >= newest
    kept = store.load()
    if kept is not None:
        assert verify(kept.raw, trust(), floor, time.time()).signed.revision >= newest
