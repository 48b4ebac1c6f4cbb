"""The agent of the tests' pods: asks its daemon over the shared socket again and again, and prints what is new.

Its argument is for how many seconds it goes on when it is told to end, or `once`.
"""

import os
import signal
import sys
import time
from pathlib import Path

from ascend_sidecar import Sidecar

_SOCKETS, _STATE = Path("/run/ascend-sidecar"), Path("/var/lib/ascend-sidecar")
_ENDING: list[float] = []


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def ask(sidecar: Sidecar, said: str) -> str:
    decision = sidecar.authorize("database.read", "resource:customer_profiles")
    now = "allow" if decision.allowed else f"not allowed: {decision.code}"
    if now != said:
        say(now)
    return now


def put_among_the_sockets() -> str:
    try:
        (_SOCKETS / "mine").touch()
    except OSError as error:
        return error.strerror
    return "done"


def main(how: str) -> None:
    signal.signal(signal.SIGTERM, lambda *_: _ENDING.append(time.monotonic()))
    sidecar = Sidecar()
    say("uid", os.getuid())
    say("writing among the sockets:", put_among_the_sockets())
    say("the daemon's state:", "there" if _STATE.is_mount() else "not there")
    said = ask(sidecar, "")
    while how != "once" and not (_ENDING and time.monotonic() > _ENDING[0] + float(how)):
        time.sleep(0.1)
        said = ask(sidecar, said)
    say("at its end:", ask(sidecar, said))


if __name__ == "__main__":
    main(*sys.argv[1:])
