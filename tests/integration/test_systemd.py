"""The units under a real systemd: sockets, credentials, restrictions, watchdog, signals, stop.

One machine for all; each test leaves the daemon running with the plain config.
"""

import hashlib
import json

import pytest

from tests.tools.daemon import until
from tests.tools.systemd_machine import UNIT, Machine, blocks, why_not

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())

SOCKETS = ("ascend-sidecar.socket", "ascend-sidecar-tcp.socket", "ascend-sidecar-ops.socket")
STATE = "/var/lib/ascend-sidecar"
SOCKET = ("--unix-socket", "/run/ascend-sidecar/sidecar.sock")
REQUEST = {
    "subject": {"type": "agent", "id": "demo"},
    "action": {"name": "database.read"},
    "resource": {"type": "resource", "id": "customer_profiles"},
}
ASK = (
    *("-H", "Content-Type: application/json", "-d", json.dumps(REQUEST)),
    "http://127.0.0.1:8181/access/v1/evaluation",
)


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    with Machine(tmp_path_factory.mktemp("machine")) as made:
        made.configure()
        assert made.systemctl("start", *SOCKETS, UNIT).code == 0, made.journal()
        yield made


@pytest.fixture
def drop_in(machine):
    """Settings of the service for one test."""

    def put(text):
        machine.write(f"/run/systemd/system/{UNIT}.service.d/test.conf", f"[Service]\n{text}\n")
        return restart(machine)

    yield put
    machine.shell(f"rm -r /run/systemd/system/{UNIT}.service.d")
    machine.configure()
    assert restart(machine).code == 0, machine.journal()


def restart(machine):
    machine.shell("systemctl daemon-reload; systemctl reset-failed")
    machine.systemctl("start", *SOCKETS)
    return machine.systemctl("restart", UNIT)


def decision(machine, *ways, **who):
    ran = machine.curl(*ways, *ASK, **who)
    assert ran.code == 0, f"{ran.err} {machine.journal()}"
    return json.loads(ran.out)


def group(machine, name):
    return machine.shell(f"getent group {name}").split(":")[2]


def as_daemon(machine, *command):
    who = ("setpriv", "--reuid=ascend-sidecar", "--regid=ascend-sidecar", "--clear-groups")
    return machine.run(*who, "/opt/ascend-sidecar/bin/ascend-sidecar", *command, "--state-dir", STATE)


def test_nothing_in_the_units_is_unknown_to_systemd(machine):
    """The drop-in among them."""
    place = f"/etc/systemd/system/{UNIT}.service.d"
    machine.shell(f"install -D -m 644 -t {place} deploy/systemd/local-only.conf")
    told = machine.run(
        "bash", "-c", "systemd-analyze verify /etc/systemd/system/*.service /etc/systemd/system/*.socket"
    )
    machine.shell(f"rm -r {place}")
    assert (told.code, told.out, told.err) == (0, "", "")


def test_an_unknown_setting_would_be_told(machine):
    """Though the exit code is 0."""
    machine.write("/run/odd.service", "[Service]\nExecStart=/bin/true\nProtectHomes=yes\n")
    told = machine.run("systemd-analyze", "verify", "/run/odd.service")
    assert "ProtectHomes" in told.err


def test_it_decides_on_the_sockets_of_systemd(machine):
    main = machine.property("MainPID")
    assert machine.property("StatusText") == "deciding"
    for ways in (SOCKET, ()):
        assert decision(machine, *ways)["decision"] is True
    assert machine.curl("http://127.0.0.1:8182/readyz").code == 0
    assert machine.property("MainPID") == main
    owner = machine.shell("stat -c '%U %G %a' /run/ascend-sidecar/sidecar.sock").strip()
    assert owner == "root ascend-agents 660"


def test_the_group_alone_may_connect_and_is_known_by_its_uid(machine):
    decision(machine, *SOCKET, user="4321", group=group(machine, "ascend-agents"))
    newest = json.loads(as_daemon(machine, "audit", "show", "--json", "--limit", "1").out)
    assert newest["caller"]["uid"] == 4321
    refused = machine.curl(*SOCKET, *ASK, user="4321", group="4321")
    assert refused.code == 7
    assert "Permission denied" in refused.err or "connect" in refused.err


def test_the_process_is_as_restricted_as_the_unit_says(machine):
    for pid in machine.shell("cat /sys/fs/cgroup/system.slice/ascend-sidecar.service/cgroup.procs").split():
        status = machine.status_of(pid)
        assert status["Uid"].split() == [machine.shell("id -u ascend-sidecar").strip()] * 4
        assert [status[f"Cap{kind}"] for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")] == ["0" * 16] * 5
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
        assert int(status["Seccomp_filters"]) > 5


PROBE = """
import ctypes, json, mmap, os, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
def tried(act):
    try:
        act()
    except OSError as error:
        return error.errno
    return 0
def call(*arguments):
    if libc.syscall(*arguments) == -1:
        raise OSError(ctypes.get_errno(), "")
json.dump({
    "write_and_execute": tried(lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)),
    "unshare": tried(lambda: call(272, 0x10000000)),
    "mount": tried(lambda: call(165, b"x", b"/tmp", b"tmpfs", 0, 0)),
    "ptrace": tried(lambda: call(101, 16, os.getppid(), 0, 0)),
    "priority": tried(lambda: call(141, 0, 0, 10)),
    "packets": tried(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)),
    "netlink": tried(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)),
    "usr": tried(lambda: open("/usr/x", "w")),
    "config": tried(lambda: open("/etc/ascend-sidecar/x", "w")),
    "home": tried(lambda: os.listdir("/home")),
    "disk": tried(lambda: os.stat("/dev/kmsg")),
    "state": tried(lambda: open("/var/lib/ascend-sidecar/x", "w")),
}, sys.stdout)
"""


def test_what_the_unit_forbids_cannot_be_done(machine, drop_in):
    """The same unit with another program in the daemon's place, which tries."""
    machine.write("/etc/ascend-sidecar/probe.py", PROBE)
    run = "ExecStart=/opt/ascend-sidecar/bin/python -I -S /etc/ascend-sidecar/probe.py"
    drop_in(f"Type=oneshot\nRestart=no\nExecStart=\n{run}\nStandardOutput=truncate:/run/probe.json")
    tried = json.loads(machine.shell("cat /run/probe.json"))
    assert tried.pop("state") == 0
    assert {name for name, error in tried.items() if error == 0} == set(), tried


def test_callers_wait_while_it_is_started_anew(machine):
    """No connection is refused: the sockets stay open."""
    main = machine.property("MainPID")
    machine.shell(f"kill -9 {main}")
    assert decision(machine, *SOCKET)["decision"] is True
    assert machine.property("MainPID") not in ("0", main)


def test_a_daemon_that_hangs_is_replaced(machine, drop_in):
    drop_in("WatchdogSec=3")
    main = machine.property("MainPID")
    machine.shell(f"kill -STOP {main}")
    until(lambda: machine.property("MainPID") not in ("0", main), "a new daemon", 60)
    assert "watchdog" in machine.journal().lower()
    assert decision(machine, *SOCKET)["decision"] is True


def test_a_wrong_config_ends_the_service_with_its_reason(machine, drop_in):
    machine.configure(policys="default")
    assert drop_in("").code != 0
    assert machine.property("ExecMainStatus") == "78"
    assert machine.property("ActiveState") == "failed"
    assert "unknown key `policys`" in machine.journal()


def test_reload_and_stop_leave_a_sound_log(machine):
    assert machine.systemctl("reload", UNIT).code == 0
    assert decision(machine, *SOCKET)["decision"] is True
    machine.systemctl("stop", *SOCKETS, UNIT)
    assert machine.property("Result") == "success"
    assert machine.property("ExecMainStatus") == "0"
    verified = as_daemon(machine, "audit", "verify")
    assert verified.code == 0, verified.out + verified.err
    assert restart(machine).code == 0


def test_an_agents_first_question_starts_it(machine):
    machine.systemctl("stop", UNIT)
    assert decision(machine, *SOCKET)["decision"] is True


def test_the_page_does_as_it_says(machine):
    """Its blocks after that which installs the units, one after the other."""
    _, start, credentials, halts, approvals, stop = blocks()
    told = machine.shell(f"systemctl stop {' '.join(SOCKETS)} {UNIT}; systemctl reset-failed\n{start}")
    assert "ascend-agents (www-data)" in told
    agent = {"user": "33", "group": group(machine, "ascend-agents")}
    assert decision(machine, *SOCKET, **agent)["decision"] is True
    check_credentials(machine, credentials)
    check_halts(machine, *halts.splitlines())
    check_approvals(machine, approvals, agent)
    machine.shell(stop)
    assert machine.curl(*SOCKET, *ASK).code == 7


def check_credentials(machine, block):
    """The tokens of TCP callers lie where root alone can read; the daemon gets a copy of its own."""
    machine.write("/src/tokens", f"batch:{hashlib.sha256(b'a-token').hexdigest()}\n", "600")
    machine.shell(block)
    without = machine.curl("-o", "/dev/null", "-w", "%{http_code}", *ASK)
    assert without.out == "401", machine.journal()
    assert decision(machine, "-H", "Authorization: Bearer a-token")["decision"] is True


def check_halts(machine, halt, release):
    machine.shell(halt)
    until(lambda: decision(machine, *SOCKET)["decision"] is False, "all is halted")
    machine.shell(release)
    until(lambda: decision(machine, *SOCKET)["decision"] is True, "all is released")


def check_approvals(machine, block, agent):
    """Off until their socket is started; then people and agents have a socket each, and not the other's."""
    socket = ("--unix-socket", "/run/ascend-sidecar/approvals.sock", "http://localhost/v1/approvals")
    approver = {"user": "4322", "group": group(machine, "ascend-approvers")}
    assert machine.curl(*socket, **approver).code == 7
    machine.shell(block)
    assert "approvals" in machine.curl(*socket, **approver).out
    assert machine.curl(*SOCKET, *ASK, **approver).code == 7
    assert machine.curl(*socket, **agent).code == 7
