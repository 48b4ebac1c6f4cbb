"""The doors for people on a real daemon: who gets in, who counts, and what survives."""

import concurrent.futures
import grp
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools.daemon import PATIENT, REPOSITORY, Daemon, until
from tests.tools.people import PAY, as_user, folder, hold, myself, open_home, outcome

GROUP = grp.getgrall()[1]
STRANGER = 54321
by_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")


@pytest.fixture
def home():
    with open_home() as made:
        yield made


def approve(daemon: Daemon, approval: str, door: str = "admin_socket"):
    return daemon.post(f"/v1/approvals/{approval}/approve", {}, door)


def patient(home: Path, people: str, quorum: int = 1, **environ: str) -> Daemon:
    return Daemon(home, folder(home, people, quorum=quorum), environ=PATIENT | environ)


def with_socket(home: Path, people: str, **more: str) -> Daemon:
    return patient(home, people, ASCEND_SIDECAR_APPROVALS_GROUP=GROUP.gr_name, **more)


def test_the_socket_is_off_until_a_group_is_named_and_the_admin_socket_serves_anyway(tmp_path):
    with patient(tmp_path, myself()) as daemon:
        assert "approvals_socket" not in daemon.listen
        assert [path.name for path in (tmp_path / "run").iterdir()] == ["sidecar.sock"]
        decision, approval = hold(daemon)
        assert daemon.get("/v1/approvals", "admin_socket").body["approvals"][0]["id"] == approval
        assert approve(daemon, approval).body["standing"] == "granted"
        assert outcome(daemon, decision)["code"] == "approved"


def test_it_is_the_groups_and_has_nothing_but_approvals(tmp_path):
    with with_socket(tmp_path, myself()) as daemon:
        found = Path(daemon.listen["approvals_socket"]).stat()
        assert (stat.S_IMODE(found.st_mode), found.st_gid) == (0o660, GROUP.gr_gid)
        assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == 0o751
        assert daemon.get("/v1/approvals", "approvals_socket").status == 200
        assert daemon.post("/access/v1/evaluation", PAY, "approvals_socket").status == 404
        for path in ("/v1/status", "/v1/decisions/0", "/healthz"):
            assert daemon.get(path, "approvals_socket").status == 404


def test_a_group_that_does_not_exist_is_78(tmp_path):
    environ = {"ASCEND_SIDECAR_APPROVALS_GROUP": "no-such-group"}
    daemon = patient(tmp_path, myself(), **environ).spawn()
    assert daemon.process.wait(20) == 78
    assert "there is no group no-such-group" in daemon.output()


@pytest.mark.parametrize("door", ["decision", "decision_socket", "ops"])
def test_no_other_door_has_them(tmp_path, door):
    with patient(tmp_path, myself()) as daemon:
        _, approval = hold(daemon)
        assert daemon.get("/v1/approvals", door).status == 404
        assert daemon.post(f"/v1/approvals/{approval}/approve", {}, door).status in (404, 405)


@by_root
def test_the_kernel_says_who_votes(home):
    people = "ann: {uids: [54001], groups: [treasury]}\ncleo: {uids: [54002], groups: [board]}\n"
    with with_socket(home, people) as daemon:
        decision, approval = hold(daemon)
        for uid, status in ((0, 403), (STRANGER, 403), (54002, 409), (54001, 200)):
            with as_user(uid, GROUP.gr_gid):
                assert approve(daemon, approval, "approvals_socket").status == status
        assert outcome(daemon, decision)["verdict"] == "allow"


@by_root
def test_who_is_not_in_the_group_does_not_get_in(home):
    with with_socket(home, "ann: {uids: [54001], groups: [treasury]}\n") as daemon:
        _, approval = hold(daemon)
        with as_user(54001, STRANGER), pytest.raises(PermissionError):
            approve(daemon, approval, "approvals_socket")
        with as_user(54001, GROUP.gr_gid), pytest.raises(PermissionError):
            approve(daemon, approval, "admin_socket")


def test_root_and_the_daemons_own_user_are_nobody_unless_named(tmp_path):
    with patient(tmp_path, "ann: {uids: [54001], groups: [treasury]}\n") as daemon:
        decision, approval = hold(daemon)
        refused = approve(daemon, approval)
        assert refused.status == 403
        assert f"uid {os.getuid()} is no person of data/people.yaml" in refused.body["detail"]
        assert outcome(daemon, decision)["verdict"] == "pending"


def test_the_uid_that_asks_cannot_approve(tmp_path):
    with patient(tmp_path, myself()) as daemon:
        _, approval = hold(daemon, "decision_socket")
        refused = approve(daemon, approval)
        assert (refused.status, refused.body["detail"]) == (409, "who asks for an action cannot approve it")


def test_same_uid_allow_lets_it_and_health_warns(tmp_path):
    environ = {"ASCEND_SIDECAR_APPROVALS_SAME_UID": "allow"}
    with patient(tmp_path, myself(), **environ) as daemon:
        decision, approval = hold(daemon, "decision_socket")
        assert approve(daemon, approval).status == 200
        told = daemon.get(f"/v1/decisions/{decision}", "decision_socket").body["context"]
        assert told["verdict"] == "allow"
        assert any("same_uid" in one for one in daemon.get("/healthz", "ops").body["warnings"])


def test_a_waiting_caller_and_a_watcher_learn_of_it(tmp_path):
    with (
        patient(tmp_path, myself()) as daemon,
        concurrent.futures.ThreadPoolExecutor() as pool,
    ):
        decision, approval = hold(daemon)
        since = daemon.get("/v1/approvals", "admin_socket").body["changes"]
        path = f"/v1/approvals?state=all&since={since}"
        watcher = pool.submit(daemon.get, path, "admin_socket", Prefer="wait=50")
        caller = pool.submit(outcome, daemon, decision, Prefer="wait=50")
        assert approve(daemon, approval).status == 200
        assert caller.result()["code"] == "approved"
        assert approval in [one["id"] for one in watcher.result().body["approvals"]]


def test_an_open_approval_survives_kill_9_and_is_then_approved(tmp_path):
    daemon = patient(tmp_path, myself() + "bob: {uids: [54001], groups: [treasury]}\n")
    with daemon:
        decision, approval = hold(daemon)
        daemon.stop(signal.SIGKILL)
    with daemon:
        assert outcome(daemon, decision)["verdict"] == "pending"
        assert approve(daemon, approval).body["standing"] == "granted"
        daemon.stop(signal.SIGKILL)
    with daemon:
        assert outcome(daemon, decision)["code"] == "approved"
        daemon.stop(signal.SIGKILL)
    with daemon:
        told = daemon.get(f"/v1/approvals/{approval}", "admin_socket").body
        assert told["used_at"]
        again = daemon.post("/access/v1/evaluation", PAY).body["context"]
        assert (again["verdict"], again["approval"]["id"] != approval) == ("pending", True)


def test_a_vote_survives_kill_9(tmp_path):
    people = myself() + "bob: {uids: [54001], groups: [treasury]}\n"
    daemon = patient(tmp_path, people, quorum=2)
    with daemon:
        _, approval = hold(daemon)
        assert approve(daemon, approval).body["approved_by"] == ["ann"]
        daemon.stop(signal.SIGKILL)
    with daemon:
        assert daemon.get(f"/v1/approvals/{approval}", "admin_socket").body["approved_by"] == ["ann"]
        assert approve(daemon, approval).status == 409


def test_the_service_manager_can_hand_the_socket_over(tmp_path):
    path = tmp_path / "people.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    starter = (
        "import os, sys; os.dup2(int(sys.argv[1]), 3); os.set_inheritable(3, True);"
        "os.environ |= {'LISTEN_PID': str(os.getpid()), 'LISTEN_FDS': '1', 'LISTEN_FDNAMES': 'approvals'};"
        "os.execv(sys.executable, [sys.executable, *sys.argv[2:]])"
    )
    daemon = patient(tmp_path, myself())
    daemon.log_path = tmp_path / "daemon.log"
    with daemon.log_path.open("wb") as log:
        daemon.process = subprocess.Popen(
            [sys.executable, "-c", starter, str(listener.fileno()), *daemon.command()[1:]],
            cwd=REPOSITORY, pass_fds=[listener.fileno()], stdout=log, stderr=log,
        )  # fmt: skip
    try:
        daemon.await_ready()
        assert daemon.listen["approvals_socket"] == str(path)
        _, approval = hold(daemon)
        assert approve(daemon, approval, "approvals_socket").status == 200
        until(lambda: f"approvals  {path}" in daemon.output(), "the address is printed")
    finally:
        daemon.stop()
        listener.close()
