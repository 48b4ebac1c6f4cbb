"""The agent of the example chart, for tests: it acts as soon as it runs, and tells how that went, a line an action.

It uses the shim as an app does. On SIGTERM it ends, unless its first argument is `stay`.
"""

import os
import signal
import sys
import time

from ascend_sidecar import Sidecar

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.SIG_IGN if "stay" in sys.argv else lambda *_: sys.exit(0))
    sidecar = Sidecar()
    while True:
        decision = sidecar.authorize("file.read", "file:/srv/a")
        sys.stdout.write(f"{os.getuid()} {decision.allowed} {decision.code} {decision.id}\n")
        sys.stdout.flush()
        time.sleep(0.2)
