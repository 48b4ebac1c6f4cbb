"""The Python shim in a loop, for the vectors."""

import json
import sys
import time

from ascend_sidecar import Decision, Sidecar


def clean(value):
    text = "" if value is None else str(value)
    return "".join(" " if one in "\t\r\n" else one for one in text) or "-"


def measured(sidecar, count, action, resource):
    """The median of so many allowed calls, in microseconds."""
    took = []
    for _ in range(count):
        began = time.perf_counter()
        sidecar.require(action, resource)
        took.append(time.perf_counter() - began)
    return f"{sorted(took)[count // 2] * 1e6:.1f}"


def main():
    sidecar, decision = None, None
    sys.stdin.reconfigure(encoding="utf-8", newline="\n")
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    for line in sys.stdin:
        word, *given = ["" if one == "-" else one for one in line.rstrip("\n").split("\t")]
        if word == "open":
            address, agent, token, deadline, wait, silence, duties = given
            limits = float(deadline), float(wait), float(silence)
            sidecar = Sidecar(address, agent, token, *limits, accept_obligations=duties == "accept")
            answer = ["ok"]
        elif word == "authorize":
            decision = sidecar.authorize(given[0], given[1], json.loads(given[2]), json.loads(given[3]))
            assert isinstance(decision, Decision)
            said = decision.error, decision.code, decision.id, decision.risk, decision.reason
            answer = ["decision", "allowed" if decision.allowed else "refused", *said]
        elif word == "report":
            answer = ["reported", sidecar.report(decision, given[0], json.loads(given[1]))]
        elif word == "watch":
            answer = ["watching", sidecar.watch()]
        elif word in ("blocked", "await"):
            end = time.monotonic() + 10
            while word == "await" and sidecar.is_blocked() != (given[0] == "yes") and time.monotonic() < end:
                time.sleep(0.005)
            answer = ["blocked", "yes" if sidecar.is_blocked() else "no"]
        elif word == "measure":
            answer = ["measured", measured(sidecar, int(given[0]), given[1], given[2])]
        else:
            sidecar.close()
            answer = ["closed"]
        print("\t".join(clean(one) for one in answer), flush=True)


main()
