"""The kill switch by hand on a real daemon: the admin socket, a signal, a file; each by itself and over crashes."""

import json
import os
import shutil
import signal

import pytest

from tests.fakes.terminal import type_in
from tests.tools.daemon import Daemon, until

SCOPES = [
    ("--agent", "agent:a", "agent", "agent:a"),
    ("--agents", "agent:pay-*", "agents", "agent:pay-*"),
    ("--group", "Traders", "group", "Traders"),
    ("--server", "GitHub", "mcp_server", "github"),
    ("--tool", "Delete_Repo", "tool", "delete_repo"),
    ("--session", "run-7", "orchestration", "run-7"),
]


@pytest.fixture
def running(tmp_path):
    with Daemon(tmp_path) as daemon:
        yield daemon


def code(daemon, agent="agent:a"):
    """That of a decision on something harmless."""
    return daemon.evaluate(agent, "file.read", "file:/srv/a").body["context"]["code"]


def halted(daemon, agent="agent:a"):
    return code(daemon, agent) == "halted"


def again(daemon):
    """The daemon after a crash and another start."""
    daemon.stop(signal.SIGKILL)
    return daemon.start()


def killswitch(daemon, *words):
    return type_in("killswitch", *words, "--state-dir", daemon.state)


def orders(daemon, origin):
    """What the log has of the orders of an origin: command, scope and who gave it."""
    texts = [path.read_text() for path in sorted((daemon.state / "audit").glob("*.jsonl"))]
    lines = [line for text in texts for line in text.split("\n")[:-1]]  # the last may be half written
    records = [json.loads(line) for line in lines if '"kill_switch_order"' in line]
    found = [record["order"] for record in records if record["order"].get("origin", "fleet") == origin]
    return [(order["command"], order["scope"]["kind"], order["issued_by"]) for order in found]


def recorded(daemon, origin, count):
    """The orders of an origin once there are so many: they are in force before they are on record."""
    found = orders(daemon, origin)
    return found if len(found) >= count else None


def held(daemon):
    """Origins and scopes of what is halted."""
    halts = daemon.get("/v1/killswitch", "admin_socket").body["halts"]
    return sorted((halt["origin"], halt["scope"]["kind"], halt["scope"]["name"]) for halt in halts)


def test_the_admin_socket_halts_at_once_over_a_crash_until_it_is_released(running):
    ran = killswitch(running, "block", "--agent", "agent:a", "--reason", "pays twice")
    assert (ran.code, "agent agent:a is halted until it is released" in ran.out) == (0, True)
    assert halted(running)
    assert not halted(running, "agent:b")
    again(running)
    assert halted(running)
    assert killswitch(running, "unblock", "--agent", "agent:a", "--reason", "fixed").code == 0
    assert not halted(running)
    by = f"uid:{os.getuid()}"
    assert [(command, who.startswith(by)) for command, _, who in orders(running, "admin")] == [
        ("BLOCK", True),
        ("UNBLOCK", True),
    ]


@pytest.mark.parametrize(("option", "typed", "kind", "name"), SCOPES)
def test_each_option_names_its_kind_of_scope(daemon, option, typed, kind, name):
    assert killswitch(daemon, "block", option, typed, "--reason", "x").code == 0
    assert held(daemon) == [("admin", kind, name)]
    assert killswitch(daemon, "unblock", option, typed).code == 0
    assert held(daemon) == []


def test_a_signal_halts_everything_over_a_crash_and_another_signal_releases(running):
    pid = running.process.pid
    os.kill(pid, signal.SIGUSR1)
    until(lambda: halted(running), "the host is halted")
    os.kill(pid, signal.SIGUSR1)
    until(lambda: recorded(running, "signal", 2), "the second signal was taken")
    assert halted(running)
    again(running)
    assert halted(running)
    os.kill(running.process.pid, signal.SIGUSR2)
    until(lambda: not halted(running), "the host is released")
    by = f"uid:{os.getuid()}"
    told = until(lambda: recorded(running, "signal", 3), "all three are on record")
    assert [command for command, _, _ in told] == ["BLOCK", "BLOCK", "UNBLOCK"]
    assert all(who.startswith(by) and who.endswith(f"pid {os.getpid()}") for _, _, who in told)


def test_a_signal_while_the_daemon_stops_counts_for_the_next(running):
    os.kill(running.process.pid, signal.SIGUSR1)
    running.stop()
    running.start()
    assert halted(running)


def test_the_file_halts_while_it_is_there_and_counts_at_a_start(running):
    file = running.state / "halt"
    file.touch()
    until(lambda: halted(running), "the host is halted")
    again(running)
    assert halted(running)
    file.write_text("agent agent:a # pays twice\nserver GitHub\n")
    until(lambda: not halted(running, "agent:b"), "only what it names is halted")
    assert halted(running)
    assert held(running) == [("file", "agent", "agent:a"), ("file", "mcp_server", "github")]
    file.unlink()
    until(lambda: not halted(running), "what it named is released")
    told = until(lambda: recorded(running, "file", 5), "all of it is on record")
    by = f"uid:{os.getuid()}"
    assert {who.startswith(by) for command, _, who in told if command == "BLOCK"} == {True}
    assert {who for command, _, who in told if command == "UNBLOCK" and who.startswith("who")} != set()


def test_a_file_that_is_put_there_and_removed_while_no_daemon_runs_counts(running):
    file = running.state / "halt"
    running.stop()
    file.touch()
    running.start()
    assert halted(running)
    running.stop()
    file.unlink()
    running.start()
    assert not halted(running)


@pytest.mark.parametrize("spoil", ["folder", "dangling", "pipe", "binary", "unknown"])
def test_a_file_that_cannot_be_read_halts_everything(daemon, spoil):
    file = daemon.state / "halt"
    {
        "folder": file.mkdir,
        "dangling": lambda: file.symlink_to(daemon.folder / "nowhere"),
        "pipe": lambda: os.mkfifo(file),
        "binary": lambda: file.write_bytes(b"\xff\xfe"),
        "unknown": lambda: file.write_text("agent agent:z\nagnet agent:y\n"),
    }[spoil]()
    until(lambda: halted(daemon, "agent:other"), "everything is halted")
    file.rmdir() if spoil == "folder" else file.unlink()
    until(lambda: not halted(daemon), "nothing is halted")


def test_while_its_folder_is_not_the_daemons_own_everything_is_halted(running):
    elsewhere = running.folder / "elsewhere"
    running.state.rename(elsewhere)  # the log's writer makes another one of that name
    until(lambda: halts_by_file(running) == 1, "everything is halted")
    assert code(running) in {"halted", "audit_unavailable"}  # the log misses its folder too
    until(lambda: is_back(elsewhere, running.state), "the folder is back")
    until(lambda: halts_by_file(running) == 0, "nothing is halted")


def is_back(elsewhere, state):
    shutil.rmtree(state, ignore_errors=True)
    try:
        elsewhere.rename(state)
    except OSError:  # somebody has made it again meanwhile
        return False
    return True


def halts_by_file(daemon):
    """As health has it, which is not asked for in the state folder."""
    parts = daemon.get("/healthz", "ops").body["parts"]
    (facts,) = [part["facts"] for part in parts if part["name"] == "killswitch"]
    return facts.get("halts_file", 0)


def test_only_its_own_origin_releases_a_halt(running):
    os.kill(running.process.pid, signal.SIGUSR1)
    (running.state / "halt").touch()
    until(lambda: len(held(running)) == 2, "both halt")
    ran = killswitch(running, "unblock", "--everything")
    assert ran.code == 1
    assert "SIGUSR2" in ran.out
    assert "`halt`" in ran.out
    assert killswitch(running, "block", "--everything", "--reason", "x").code == 0
    ran = killswitch(running, "unblock", "--everything")
    assert ran.code == 0
    assert "still halted by signal" in ran.out
    os.kill(running.process.pid, signal.SIGUSR2)
    until(lambda: held(running) == [("file", "host", "*")], "the file still halts")
    (running.state / "halt").unlink()
    until(lambda: not halted(running), "nothing is halted")


def test_a_daemon_that_cannot_write_where_it_is_can_be_halted_all_the_same(tmp_path):
    """As on a full disk. Once it can, it does."""
    draft = tmp_path / "state" / "listen.tmp"
    draft.mkdir(mode=0o700, parents=True)
    (tmp_path / "state").chmod(0o700)
    daemon = Daemon(tmp_path).spawn()
    daemon.listen = {"decision": str(tmp_path / "run" / "sidecar.sock")}
    try:
        until(lambda: "cannot be written, so nobody finds" in daemon.output(), daemon.output())
        assert not halted(daemon)
        daemon.process.send_signal(signal.SIGUSR1)
        until(lambda: halted(daemon), "the signal halts")
        draft.rmdir()
        daemon.await_doors()
    finally:
        assert daemon.stop() == 0
