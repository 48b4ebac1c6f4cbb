"""A real daemon for shims: what is allowed, denied and held there, and what people and operators do meanwhile."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.fakes.terminal import type_in
from tests.tools import people
from tests.tools.bundles import HEAD
from tests.tools.daemon import PATIENT, Daemon, until

RULES = (
    HEAD
    + """rules:
  - {id: reads, match: {actions: [read]}, effect: allow, reason: "Reading is free: café."}
  - id: sends
    match: {actions: [send]}
    effect: allow
    reason: It may send.
    obligations: [{id: receipt, type: notification}]
  - {id: drops, match: {actions: [drop]}, effect: deny, reason: Nothing is dropped.}
  - id: pays
    match: {actions: [pay, transaction]}
    effect: approve
    reason: Somebody from treasury.
    approval: {stages: [{approvers: ["group:treasury"], within: 15m}]}
  - {id: money, match: {actions: [payments.send], resources: ["account:a"]}, effect: allow, reason: It may.}
  - {id: rest, match: {actions: [write_file, database.read]}, effect: allow, reason: It may.}
"""
)


class Governed:
    """A running daemon, and those who answer for it."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon

    def address(self, transport: str) -> str:
        return f"unix:{self.daemon.folder}/run/sidecar.sock" if transport == "unix" else self._tcp

    @property
    def _tcp(self) -> str:
        return self.daemon.listen["decision"]

    def records(self, kind: str) -> list[dict]:
        """Those of the log, oldest first."""
        texts = [path.read_text() for path in sorted((self.daemon.state / "audit").glob("*.jsonl"))]
        lines = [line for text in texts for line in text.split("\n")[:-1]]
        return [record for record in map(json.loads, lines) if record["type"] == kind]

    def halt(self, agent: str) -> None:
        assert self._say("killswitch", "block", "--agent", agent, "--reason", "It went rogue.").code == 0

    def release(self, agent: str) -> None:
        assert self._say("killswitch", "unblock", "--agent", agent).code == 0

    @contextmanager
    def somebody(self, verb: str) -> Iterator[None]:
        """Somebody who answers the next approval that is asked for, `approve` or `deny`."""
        waiting = threading.Thread(target=self._answer, args=(verb,))
        waiting.start()
        yield
        waiting.join()

    def _answer(self, verb: str) -> None:
        def asked() -> list[dict]:
            return self._say("approvals", "list", "--json").json["approvals"]

        for one in until(asked, "an approval is asked for"):
            self._say("approvals", verb, one["id"], "--comment", "As agreed.")

    def _say(self, *words: str):
        return type_in(*words, "--state-dir", self.daemon.state)


@contextmanager
def governed(folder: Path) -> Iterator[Governed]:
    """With `approvals.same_uid: allow`, because whoever runs the tests is agent and approver in one."""
    policies = people.folder(folder, people.myself())
    (policies / "policy.yaml").write_text(RULES)
    environ = PATIENT | {"ASCEND_SIDECAR_APPROVALS_SAME_UID": "allow"}
    with Daemon(folder, policies, environ=environ) as daemon:
        yield Governed(daemon)
