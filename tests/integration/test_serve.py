"""The life of a daemon: start, reload, stop, what it leaves behind, and how it says no."""

import grp
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools.bundles import HEAD
from tests.tools.daemon import REPOSITORY, Daemon, evaluation, until

READ = evaluation("agent:a1", "read", "thing:t")
ALLOW = HEAD + "rules: [{id: all, effect: allow, reason: fine}]\n"
DENY = HEAD + "rules: [{id: none, effect: deny, reason: no}]\n"
HOLD = HEAD + (
    "rules: [{id: hold, effect: approve, reason: wait,"
    " approval: {stages: [{approvers: ['group:x'], within: WITHIN}]}}]\n"
)


def folder(tmp_path, text: str):
    policies = tmp_path / "policies"
    policies.mkdir(exist_ok=True)
    (policies / "policy.yaml").write_text(text)
    return policies


def verdict(daemon: Daemon) -> str:
    return daemon.post("/access/v1/evaluation", READ).body["context"]["verdict"]


def revision(daemon: Daemon) -> str:
    return daemon.post("/access/v1/evaluation", READ).body["context"]["policy"]["revision"]


def test_it_leaves_nothing_that_others_can_read(tmp_path):
    with Daemon(tmp_path, folder(tmp_path, ALLOW)) as daemon:
        assert stat.S_IMODE(daemon.state.stat().st_mode) == 0o700
        sockets = {
            name: Path(daemon.listen[name]).stat().st_mode for name in ("decision_socket", "admin_socket")
        }
        assert {name: stat.S_IMODE(mode) for name, mode in sockets.items()} == {
            "decision_socket": 0o660,
            "admin_socket": 0o600,
        }
        for path in daemon.state.rglob("*"):
            if path.is_file():
                assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert not (daemon.state / "listen.json").exists() or daemon.process.returncode == -9


def test_it_carries_no_library_that_only_its_command_line_needs(tmp_path):
    with Daemon(tmp_path, folder(tmp_path, ALLOW)) as daemon:
        mapped = Path(f"/proc/{daemon.process.pid}/maps").read_text()
        assert "pydantic" not in mapped
        assert "msgspec" in mapped


def test_the_group_of_the_socket_gets_the_socket_and_its_folder(tmp_path):
    group = grp.getgrall()[1]
    environ = {"ASCEND_SIDECAR_SOCKET_GROUP": group.gr_name}
    with Daemon(tmp_path, folder(tmp_path, ALLOW), environ=environ) as daemon:
        path = Path(daemon.listen["decision_socket"])
        assert (path.stat().st_gid, path.parent.stat().st_gid) == (group.gr_gid, group.gr_gid)
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o750


def test_a_stop_is_orderly_and_a_restart_goes_on_where_it_was(tmp_path):
    daemon = Daemon(tmp_path, folder(tmp_path, ALLOW))
    with daemon:
        first = daemon.post("/access/v1/evaluation", READ).body["context"]["audit"]["seq"]
        assert daemon.stop() == 0
        assert not (daemon.state / "listen.json").exists()
    with daemon:
        again = daemon.post("/access/v1/evaluation", READ).body["context"]["audit"]["seq"]
        assert again > first
        assert daemon.get(f"/v1/decisions/{first}").body["decision"] is True


def test_it_goes_on_deciding_while_requests_come_and_is_not_ready_meanwhile(tmp_path):
    with Daemon(tmp_path, folder(tmp_path, ALLOW), ("--config", str(grace(tmp_path, "3s")))) as daemon:
        daemon.process.send_signal(signal.SIGTERM)
        until(lambda: daemon.get("/readyz", "ops").status == 503, "it is not ready")
        assert "stopping" in daemon.get("/readyz", "ops").body["reasons"][0]
        for _ in range(20):
            assert verdict(daemon) == "allow"
        assert daemon.process.wait(10) == 0


def test_a_second_sigterm_ends_it(tmp_path):
    with Daemon(tmp_path, folder(tmp_path, ALLOW), ("--config", str(grace(tmp_path, "60s")))) as daemon:
        daemon.process.send_signal(signal.SIGTERM)
        until(lambda: daemon.get("/readyz", "ops").status == 503, "it is stopping")

        def gone() -> bool:
            try:
                verdict(daemon)  # requests keep an orderly stop waiting
                daemon.process.send_signal(signal.SIGTERM)
            except OSError:
                return True
            return daemon.process.poll() is not None

        until(gone, "it is gone", 10)
        assert daemon.process.wait(5) == 0


def grace(tmp_path, value: str):
    config = tmp_path / "config.yaml"
    config.write_text(f"shutdown: {{grace: {value}}}\n")
    return config


def test_sighup_brings_in_new_policies(tmp_path):
    with Daemon(tmp_path, folder(tmp_path, ALLOW)) as daemon:
        assert verdict(daemon) == "allow"
        folder(tmp_path, DENY)
        daemon.process.send_signal(signal.SIGHUP)
        until(lambda: verdict(daemon) == "deny", "the new policies decide")


def test_broken_policies_do_not_replace_good_ones_and_everything_says_why(tmp_path):
    with Daemon(tmp_path, folder(tmp_path, ALLOW)) as daemon:
        folder(tmp_path, HEAD + "rules: [{id: all, efect: allow}]\n")
        refused = daemon.post("/v1/refresh", {}, "admin_socket")
        assert refused.status == 422
        assert "policy.yaml:4:" in refused.body["detail"]
        assert "effect" in refused.body["detail"]
        assert verdict(daemon) == "allow"
        health = daemon.get("/healthz", "ops").body
        assert health["status"] == "degraded"
        bundle = next(part for part in health["parts"] if part["name"] == "bundle")
        assert "policy.yaml:4:" in bundle["detail"]
        assert daemon.get("/readyz", "ops").status == 200
        before = revision(daemon)
        folder(tmp_path, ALLOW + "# changed\n")
        assert daemon.post("/v1/refresh", {}, "admin_socket").status == 200
        assert revision(daemon) != before
        assert daemon.get("/healthz", "ops").body["status"] == "ok"


def run(tmp_path, *arguments: str) -> subprocess.CompletedProcess:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("ASCEND")}
    places = ("--state-dir", str(tmp_path / "state"), "--run-dir", str(tmp_path / "run"))
    free = ("--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0")
    return subprocess.run(
        [sys.executable, "-m", "sidecar", "serve", *places, *free, *arguments],
        cwd=REPOSITORY, env=environ, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


def test_broken_policies_at_the_start_are_78_with_their_place(tmp_path):
    policies = folder(tmp_path, HEAD + "rules: [{id: all, effect: alow, reason: x}]\n")
    ended = run(tmp_path, "--policies", str(policies))
    assert ended.returncode == 78
    assert "policy.yaml:4:" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_no_source_of_policies_is_78_and_names_the_ways(tmp_path):
    ended = run(tmp_path)
    assert ended.returncode == 78
    assert "--policies" in ended.stderr


def test_a_second_daemon_on_one_state_is_75(tmp_path):
    policies = folder(tmp_path, ALLOW)
    with Daemon(tmp_path, policies):
        ended = run(tmp_path, "--policies", str(policies))
        assert ended.returncode == 75, ended.stderr


def test_an_address_in_use_is_78_and_says_so(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = run(tmp_path, "--policies", "default", "--listen", address)
        assert ended.returncode == 78
        assert address in ended.stderr


def test_a_killed_daemon_leaves_nothing_in_the_way(tmp_path):
    daemon = Daemon(tmp_path, folder(tmp_path, ALLOW))
    with daemon:
        seq = daemon.post("/access/v1/evaluation", READ).body["context"]["audit"]["seq"]
        daemon.stop(signal.SIGKILL)
    with daemon:
        assert verdict(daemon) == "allow"
        assert daemon.get(f"/v1/decisions/{seq}").status == 200


def test_a_hold_is_denied_after_its_time_and_outlives_a_restart(tmp_path):
    daemon = Daemon(tmp_path, folder(tmp_path, HOLD.replace("WITHIN", "1s")))
    with daemon:
        short = daemon.post("/access/v1/evaluation", READ).body["context"]
        assert short["verdict"] == "pending"
        path = f"/v1/decisions/{short['id']}"
        ended = until(
            lambda: (now := daemon.get(path).body["context"])["verdict"] == "deny" and now, "it expires"
        )
        assert ended["code"] == "approval_expired"
        folder(tmp_path, HOLD.replace("WITHIN", "1h"))
        assert daemon.post("/v1/refresh", {}, "admin_socket").status == 200
        long = daemon.post("/access/v1/evaluation", READ).body["context"]
        assert daemon.get(f"/v1/decisions/{long['id']}").body["context"]["verdict"] == "pending"
        daemon.stop(signal.SIGKILL)
    with daemon:
        held = daemon.get(f"/v1/decisions/{long['id']}").body["context"]
        assert (held["verdict"], held["approval"]["id"]) == ("pending", long["approval"]["id"])


def test_a_caller_may_prefer_to_wait_for_the_end_of_a_hold(tmp_path):
    with Daemon(tmp_path, folder(tmp_path, HOLD.replace("WITHIN", "1s"))) as daemon:
        held = daemon.post("/access/v1/evaluation", READ).body["context"]
        waited = daemon.get(f"/v1/decisions/{held['id']}", Prefer="respond-async, wait=5")
        assert waited.headers["Preference-Applied"] == "wait=5"
        assert waited.body["context"]["code"] == "approval_expired"
        again = daemon.get(f"/v1/decisions/{held['id']}", Prefer="wait=5")
        assert "Preference-Applied" not in again.headers


def test_systemd_is_told_and_its_sockets_are_taken_over(tmp_path):
    notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notices.bind(str(tmp_path / "notify"))
    notices.settimeout(10)
    decision = socket.create_server(("127.0.0.1", 0))
    starter = (
        "import os, sys; os.dup2(int(sys.argv[1]), 3); os.set_inheritable(3, True);"
        "os.environ |= {'LISTEN_PID': str(os.getpid()), 'LISTEN_FDS': '1', 'LISTEN_FDNAMES': 'decision-tcp',"
        " 'WATCHDOG_USEC': '200000', 'WATCHDOG_PID': str(os.getpid())};"
        "os.execv(sys.executable, [sys.executable, *sys.argv[2:]])"
    )
    command = Daemon(tmp_path, folder(tmp_path, ALLOW)).command()[1:]
    process = subprocess.Popen(
        [sys.executable, "-c", starter, str(decision.fileno()), *command],
        cwd=REPOSITORY, env=os.environ | {"NOTIFY_SOCKET": str(tmp_path / "notify")},
        pass_fds=[decision.fileno()], stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert b"READY=1" in notices.recv(1000)
        assert notices.recv(1000) == b"WATCHDOG=1"
        listen = json.loads((tmp_path / "state" / "listen.json").read_bytes())
        assert listen["decision"].endswith(f":{decision.getsockname()[1]}")
        process.send_signal(signal.SIGTERM)
        seen = until(lambda: (told := notices.recv(1000)) != b"WATCHDOG=1" and told, "it says that it stops")
        assert b"STOPPING=1" in seen
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
        notices.close()
        decision.close()


@pytest.mark.parametrize("door", ["decision", "decision_socket"])
def test_a_bound_subject_is_known_by_the_kernel_not_by_what_it_says(tmp_path, door):
    policies = folder(tmp_path, ALLOW)
    (policies / "data").mkdir()
    (policies / "data" / "agents.yaml").write_text(f'"agent:a1": {{uids: [{os.getuid()}]}}\n')
    with Daemon(tmp_path, policies) as daemon:
        context = daemon.post("/access/v1/evaluation", READ, door).body["context"]
        assert context["code"] == ("allowed" if door == "decision_socket" else "caller_not_bound")
        if door == "decision_socket":
            assert "uid" in daemon.get("/healthz", "ops").body["warnings"][0]


@pytest.mark.parametrize("action", ["file.write", "file.delete", "file.read"])
@pytest.mark.parametrize("where", ["state/audit/checkpoint", "state/keys/log.pem", "run/sidecar.sock"])
def test_the_daemons_own_files_are_out_of_bounds_wherever_they_are(own, action, where):
    context = own.evaluate("agent:a1", action, f"file:{own.folder}/x/../{where}").body["context"]
    assert context["verdict"] == "deny", context


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    with Daemon(tmp_path_factory.mktemp("own")) as running:
        yield running


def test_decisions_are_read_by_their_own_caller_only(tmp_path):
    with Daemon(tmp_path, folder(tmp_path, ALLOW)) as daemon:
        seq = daemon.post("/access/v1/evaluation", READ).body["context"]["id"]
        assert daemon.get(f"/v1/decisions/{seq}").status == 200
        assert daemon.get(f"/v1/decisions/{seq}", "decision_socket").status == 404
        for unknown in ("999999", "x", "-1", "9" * 30):
            assert daemon.get(f"/v1/decisions/{unknown}").status == 404
