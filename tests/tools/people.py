"""People for tests of the doors: a folder with a rule that holds, who may answer, and how to be another user."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from tests.tools.bundles import HEAD
from tests.tools.daemon import Daemon, evaluation

PAY = evaluation("agent:a1", "pay", "account:7", properties={"amount": 5, "password": "hunter2hunter2"})
HOLD = (
    HEAD
    + """rules:
  - id: big
    match: {actions: [pay]}
    effect: approve
    reason: Somebody from treasury.
    approval: {stages: [{approvers: ["group:treasury"], quorum: QUORUM, within: 15m}]}
"""
)


def folder(home: Path, people: str, quorum: int = 1) -> Path:
    """Policies by which paying waits for `quorum` persons of treasury."""
    policies = home / "policies"
    (policies / "data").mkdir(parents=True, exist_ok=True)
    (policies / "policy.yaml").write_text(HOLD.replace("QUORUM", str(quorum)))
    (policies / "data" / "people.yaml").write_text(people)
    return policies


def myself(name: str = "ann") -> str:
    """A line of people.yaml: whoever runs the tests."""
    return f"{name}: {{uids: [{os.getuid()}], groups: [treasury]}}\n"


def hold(daemon: Daemon, door: str = "decision", **properties) -> tuple[str, str]:
    """The ids of a decision that waits and of its approval."""
    body = PAY | {"action": {"name": "pay", "properties": PAY["action"]["properties"] | properties}}
    context = daemon.post("/access/v1/evaluation", body, door).body["context"]
    assert context["verdict"] == "pending", context
    return context["id"], context["approval"]["id"]


def outcome(daemon: Daemon, decision: str, **headers: str) -> dict:
    return daemon.get(f"/v1/decisions/{decision}", **headers).body["context"]


@contextlib.contextmanager
def open_home():
    """A folder that other users may pass through, unlike those of pytest."""
    made = Path(tempfile.mkdtemp())
    made.chmod(0o711)
    try:
        yield made
    finally:
        shutil.rmtree(made)


@contextlib.contextmanager
def as_user(uid: int, gid: int):
    """This process as another user, which is what the other end of a Unix socket is told (SO_PEERCRED)."""
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(gid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)
