"""The pods of the charts as processes: who starts when, who may connect, who ends when, and what is left then."""

import hashlib
import json

import pytest

from tests.fakes.terminal import type_in
from tests.tools.chart import copied, find, objects, rendered
from tests.tools.daemon import until
from tests.tools.pod import Pod, config_maps, why_not
from tests.tools.workshop import RULES, done

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())

SOCKET = "/run/ascend-sidecar/sidecar.sock"
STATE = "/var/lib/ascend-sidecar/state"
# An agent's own group, and those that the charts name.
AGENT, FS_GROUP, HOST_GROUP = 10001, 65532, 65533
CONNECT = ("python3", "-c", f"import socket; socket.socket(socket.AF_UNIX).connect('{SOCKET}')")
ASK_OVER_TCP = """
import http.client, sys
connection = http.client.HTTPConnection("127.0.0.1", 8181)
connection.request("GET", "/openapi.json", headers={"Authorization": f"Bearer {sys.argv[1]}"})
print(connection.getresponse().status)
"""
REPLACE = ("python3", "-c", f"import os; os.unlink('{SOCKET}')")


@pytest.fixture(scope="module")
def charts(tmp_path_factory):
    return copied(tmp_path_factory.mktemp("charts"))


def made(charts, tmp_path, chart="example-agent", files=None, change=lambda spec: None, **values):
    documents = objects(rendered(charts / chart, values))
    kind = "Deployment" if chart == "example-agent" else "DaemonSet"
    spec = find(documents, kind)["spec"]["template"]["spec"]
    change(spec)
    return Pod(tmp_path, spec, config_maps(documents) | (files or {}))


@pytest.fixture(scope="module")
def pod(charts, tmp_path_factory):
    """One of the example. Its policies bind the agent to its uid, and are texts; TCP asks for a token of a Secret."""
    files = {"files.yaml": RULES, "data/agents.yaml": f'"agent:example-agent": {{uids: [{AGENT}]}}\n'}
    values = {"policy": {"default": False, "files": files}}
    held = {"name": "callers", "key": "known"}
    values |= {"secretFiles": {"tokens_file": held, "bundle.token_file": {**held, "key": "source"}}}
    secrets = {"secret/callers": {"known": f"ci:{hashlib.sha256(b'letmein').hexdigest()}\n", "source": "s"}}
    with made(charts, tmp_path_factory.mktemp("p"), files=secrets, **{"ascend-sidecar": values}) as running:
        running.await_event("started", "agent")
        yield running


def test_the_agent_gets_its_answers_by_a_uid_of_its_own(pod):
    """Which the daemon knows through the namespaces of both: the agent's name is bound to it."""
    first = until(lambda: pod.output("agent").splitlines()[:1], "the agent has asked")[0]
    assert first.startswith(f"{AGENT} True allowed ")


def test_a_file_of_a_secret_is_read_by_the_daemon(pod):
    for token, status in (("letmein", 200), ("guess", 401)):
        ask = ("python3", "-c", ASK_OVER_TCP, token)
        assert pod.execute("agent", *ask, uid=AGENT, gid=AGENT).out == f"{status}\n"


def test_liveness_is_answered_at_the_address_of_the_pod(pod):
    assert pod.await_event("live", "ascend-sidecar")["status"] == 200


def test_the_group_of_the_pod_connects_and_nobody_else(pod):
    assert pod.execute("agent", *CONNECT, uid=AGENT, gid=AGENT, groups=str(FS_GROUP)).code == 0
    refused = pod.execute("agent", *CONNECT, uid=AGENT, gid=AGENT)
    assert "PermissionError" in refused.err


def test_an_agent_cannot_put_another_socket_in_the_place_of_the_daemons(pod):
    """The folder is open to the group, as kubelet makes it; the agent's mount is what keeps it from changing it."""
    ran = pod.execute("agent", *REPLACE, uid=AGENT, gid=AGENT, groups=str(FS_GROUP))
    assert "Read-only file system" in ran.err


def test_the_agent_sees_neither_state_nor_config(pod):
    for path in ("/var/lib/ascend-sidecar", "/etc/ascend-sidecar/config.yaml"):
        look = ("python3", "-c", f"import os; print(os.path.ismount('{path}') or os.path.isfile('{path}'))")
        assert pod.execute("agent", *look).out == "False\n"


def test_the_daemon_keeps_its_state_to_itself_on_a_volume_of_the_group(pod):
    show = "import os, sys; [print(oct(os.stat(p).st_mode & 0o777), os.stat(p).st_uid) for p in sys.argv[1:]]"
    paths = (STATE, f"{STATE}/keys/log.pem", f"{STATE}/admin.sock")
    ran = pod.execute("ascend-sidecar", "python3", "-c", show, *paths)
    assert ran.out.splitlines() == ["0o700 65532", "0o600 65532", "0o600 65532"]


def test_commands_in_the_container_find_the_daemon(pod):
    """`kubectl exec` gets the variables of the container."""
    status = json.loads(pod.execute("ascend-sidecar", "ascend-sidecar", "status", "--json").out)
    assert status["status"] != "failing"
    assert "own uid" not in " ".join(status["warnings"])


def test_doctor_finds_nothing_wrong_with_the_pod(pod):
    told = pod.execute("ascend-sidecar", "ascend-sidecar", "doctor").out
    assert (
        "ok secrets: bundle.token_file: /etc/ascend-sidecar-secrets/bundle.token_file has mode 0440" in told
    )
    assert "finding" not in told


def test_a_halt_by_hand_reaches_the_agent_of_the_pod(pod):
    def halts(verb):
        words = ("ascend-sidecar", "killswitch", verb, "--agent", "example-agent", "--reason", "a drill")
        done(pod.execute("ascend-sidecar", *words))

    def last():
        return pod.output("agent").splitlines()[-1].split()[1:3]

    halts("block")
    until(lambda: last() == ["False", "halted"], "the agent is halted")
    halts("unblock")
    until(lambda: last() == ["True", "allowed"], "the agent goes on")


@pytest.fixture
def work(tmp_path_factory):
    """A folder with a short name: paths of sockets are bounded."""
    return tmp_path_factory.mktemp("p")


def test_the_agent_does_not_begin_before_there_is_a_bundle_that_counts(charts, work, built, keys):
    """And begins when there is: the ConfigMap changes as a whole, as kubelet has it change."""
    good, forged = (built(name=f"{who}.dsse", signers=(who,)).read_text() for who in ("a", "b"))
    key = "".join((keys / "a.pub").read_text().splitlines()[1:-1])
    values = {"policy": {"default": False, "bundle": {"configMap": {"name": "bundle", "key": "b"}}}}
    values |= {"config": {"trust": {"keys": [key]}, "bundle": {"poll": "1s"}}}
    with made(charts, work, files={"configMap/bundle": {"b": forged}}, **{"ascend-sidecar": values}) as pod:
        until(lambda: len([e for e in pod.events("probed", "ascend-sidecar") if e["status"] == 503]) > 1,
              "the daemon answers that it is not ready", 60)  # fmt: skip
        assert pod.order("started") == ["ascend-sidecar"]
        _publish(work / "volumes/ascend-sidecar-policies", "bundle.dsse", good)
        pod.await_event("started", "agent")
        line = until(lambda: pod.output("agent").splitlines()[:1], "the agent has asked")[0]
        assert line.startswith(f"{AGENT} True allowed ")


def _publish(volume, name, text):
    newer = volume / "..newer"
    newer.mkdir()
    (newer / name).write_text(text)
    (volume / "..data_tmp").symlink_to(newer.name)
    (volume / "..data_tmp").rename(volume / "..data")


def test_the_daemon_ends_after_the_agent_with_all_it_was_asked_on_record(charts, work):
    with made(charts, work) as pod:
        until(lambda: len(pod.output("agent").splitlines()) > 2, pod.everything(), 60)
        assert pod.stop() == 0, pod.everything()
        assert pod.order("ended") == ["agent", "ascend-sidecar"]
        assert pod.events("ended", "ascend-sidecar")[0]["code"] == 0
        assert_all_on_record(pod)


def test_where_the_agent_uses_up_the_grace_nothing_answered_is_lost(charts, work):
    """The daemon is then killed right after it was told to end."""

    def stubborn(spec):
        spec["terminationGracePeriodSeconds"] = 1
        (agent,) = spec["containers"]
        agent["command"] = ["python3", "/app/pod_agent.py", "stay"]

    with made(charts, work, change=stubborn) as pod:
        until(lambda: len(pod.output("agent").splitlines()) > 2, pod.everything(), 60)
        pod.stop()
        assert pod.order("ended") == ["agent", "ascend-sidecar"]
        assert_all_on_record(pod)


def assert_all_on_record(pod):
    """Each decision that the agent was told is in a log that verifies, under the agent's uid."""
    told = {
        int(line.split()[3]) for line in pod.output("agent").splitlines() if line.startswith(f"{AGENT} True")
    }
    state = pod.work / "volumes/ascend-sidecar-state/state"
    done(type_in("audit", "verify", "--state-dir", state))
    lines = [
        line
        for path in (state / "audit").glob("*.jsonl")
        for line in path.read_text().strip("\0").splitlines()
    ]
    records = [record for record in map(json.loads, lines) if record["type"] == "decision"]
    assert told <= {record["seq"] for record in records if record["caller"]["uid"] == AGENT}
    assert len(told) > 2


@pytest.fixture(scope="module")
def node(charts, tmp_path_factory):
    """The pod of mode daemonset, with all it has on the node."""
    values = {"mode": "daemonset", "policy": {"default": True}, "state": {"kind": "hostPath"}}

    def again(spec):
        """As at the daemon's next start, when the folders are its own."""
        (prepare,) = spec["initContainers"]
        spec["initContainers"].append(prepare | {"name": "prepare-again"})

    with made(charts, tmp_path_factory.mktemp("n"), "ascend-sidecar", change=again, **values) as running:
        running.await_event("live", "ascend-sidecar", status=200)
        yield running


def test_the_folder_of_the_host_is_for_its_group(node):
    folder = node.work / "node/run/ascend-sidecar"
    info, of_socket = folder.stat(), (folder / "sidecar.sock").stat()
    assert (oct(info.st_mode & 0o7777), info.st_uid, info.st_gid) == ("0o2750", 65532, HOST_GROUP)
    assert (oct(of_socket.st_mode & 0o777), of_socket.st_gid) == ("0o660", HOST_GROUP)
    state = (node.work / "node/var/lib/ascend-sidecar").stat()
    assert (oct(state.st_mode & 0o777), state.st_uid) == ("0o700", 65532)


def test_pods_of_the_host_group_connect_and_others_do_not(node):
    assert node.execute("ascend-sidecar", *CONNECT, uid=AGENT, gid=AGENT, groups=str(HOST_GROUP)).code == 0
    for groups in ("", str(FS_GROUP)):
        assert (
            "PermissionError"
            in node.execute("ascend-sidecar", *CONNECT, uid=AGENT, gid=AGENT, groups=groups).err
        )


def test_an_agent_of_the_host_group_cannot_replace_the_socket(node):
    ran = node.execute("ascend-sidecar", *REPLACE, uid=AGENT, gid=AGENT, groups=str(HOST_GROUP))
    assert "PermissionError" in ran.err
