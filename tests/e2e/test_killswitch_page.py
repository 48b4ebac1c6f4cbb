"""The commands of docs/killswitch.md do what the page says, one after another, on a real daemon and moto."""

import re
import shlex
import subprocess

import pytest

from tests.fakes.aws import aws
from tests.fakes.terminal import type_in
from tests.tools.daemon import REPOSITORY, Daemon, until
from tests.tools.halting import fleets
from tests.tools.workshop import done

PAGE = (REPOSITORY / "docs" / "killswitch.md").read_text()
STATE = "/var/lib/ascend-sidecar"


def block(first):
    """The lines of the code block that begins with this."""
    blocks = re.findall(r"^```\w*\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    (found,) = [one for one in blocks if one.startswith(first)]
    return found.splitlines()


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with Daemon(tmp_path_factory.mktemp("page")) as daemon:
        yield daemon


@pytest.fixture
def topic(monkeypatch):
    """The page's topic in a fresh AWS."""
    with aws(monkeypatch):
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        monkeypatch.setenv("AWS_REGION", "eu-west-1")
        with fleets() as make_fleet:
            yield make_fleet("halts")


def halted(daemon, agent="agent:pay-7"):
    return daemon.evaluate(agent, "file.read", "file:/srv/a").body["context"]["code"] == "halted"


def typed(daemon, line):
    words = shlex.split(line.removeprefix("ascend-sidecar "))
    return done(type_in(*words, environ={"ASCEND_SIDECAR_STATE_DIR": str(daemon.state)}))


def in_a_shell(daemon, line):
    subprocess.run(["sh", "-c", line.replace(STATE, str(daemon.state))], check=True)


def test_by_the_admin_socket(running):
    after = [(True, False), (False, False), (False, False), (True, True), (False, False)]
    for line, expected in zip(block("ascend-sidecar killswitch block"), after, strict=True):
        typed(running, line)
        assert (halted(running), halted(running, "agent:other")) == expected, line


def test_by_signals(running):
    halt, release = block("kill -USR1")
    in_a_shell(running, halt)
    until(lambda: halted(running), "it is halted")
    in_a_shell(running, release)
    until(lambda: not halted(running), "it is released")


def test_by_the_file(running):
    touch, remove, write, move, remove_again = block("touch")
    in_a_shell(running, touch)
    until(lambda: halted(running, "agent:other"), "everything is halted")
    in_a_shell(running, remove)
    until(lambda: not halted(running), "nothing is halted")
    in_a_shell(running, write)
    in_a_shell(running, move)
    until(lambda: halted(running), "the agent is halted")
    assert not halted(running, "agent:other")
    in_a_shell(running, remove_again)
    until(lambda: not halted(running), "nothing is halted")


def test_for_the_fleet(running, topic, keys):
    queue = done(type_in("killswitch", "provision", "--name", "n", "--topic", topic.topic, "--json")).json[
        "queue"
    ]
    lines = block("ascend-sidecar killswitch publish block --agent")
    for line in lines:
        typed(running, line)
    assert len(topic.messages(queue)) == len(lines) - 1


@pytest.fixture
def by_the_state(tmp_path_factory, topic, keys):
    """A daemon that reads the page's document, and nothing else."""
    folder = tmp_path_factory.mktemp("state")
    settings = {"STATE": str(keys / "halts.dsse"), "KEYS": str(keys / "halt.pub"), "POLL": "200ms"}
    environ = {f"ASCEND_SIDECAR_KILLSWITCH_{name}": text for name, text in settings.items()}
    with Daemon(folder, environ=environ) as daemon:
        yield daemon


@pytest.fixture
def keys(tmp_path, monkeypatch):
    """The folder of the page's key, which commands run in."""
    monkeypatch.chdir(tmp_path)
    done(type_in("bundle", "keygen", "halt"))
    return tmp_path


def code(daemon):
    return daemon.evaluate("agent:pay-7", "file.read", "file:/srv/a").body["context"]["code"]


def test_by_the_state(by_the_state):
    assert code(by_the_state) == "kill_switch_blind"
    lines = block("ascend-sidecar killswitch state new")
    after = ["allowed", "halted", "allowed", "allowed", "allowed", "allowed"]
    for line, expected in zip(lines, after, strict=True):
        typed(by_the_state, line)
        until(lambda expected=expected: code(by_the_state) == expected, f"{line}: {expected}")
    for line, expected in zip(
        block("ascend-sidecar killswitch publish block --state"), ("halted", "allowed"), strict=True
    ):
        typed(by_the_state, line)
        until(lambda expected=expected: code(by_the_state) == expected, f"{line}: {expected}")


def test_provisioning(running, topic):
    make, again, collect, remove = block("ascend-sidecar killswitch provision")
    assert "killswitch:\n  queue_url: " in typed(running, make).out
    assert typed(running, again).json["changes"] == []
    assert topic.queues("ascend-ks-acme") == ["ascend-ks-acme-node-7", "ascend-ks-acme-node-7-dlq"]
    assert "no queue is known" in typed(running, collect).out
    typed(running, remove)
    assert topic.queues("ascend-ks-acme") == []
