"""The fourth way, by the commands of the command line alone: from keys and a queue to halted agents, and back.

A daemon of a trusted folder of policies reads its own queue; orders, beacons and the state are signed by another key.
"""

import signal
import subprocess
import sys

import boto3
import pytest

from tests.fakes.terminal import type_in
from tests.tools.daemon import REPOSITORY, Daemon, until
from tests.tools.moto_process import moto_process
from tests.tools.s3 import environment
from tests.tools.workshop import done

PATIENCE = 60.0
SWITCH = "ASCEND_SIDECAR_KILLSWITCH_"


class Operator:
    """Whoever has the key, at a terminal; `key` and `topic` are the options that name them."""

    def __init__(self, folder, aws):
        self.aws = aws
        done(type_in("bundle", "keygen", "halt", "--out-dir", folder))
        self.key, self.pub = ("--key", folder / "halt.key"), folder / "halt.pub"
        sns = boto3.client("sns")
        self.topic = ("--topic", sns.create_topic(Name=folder.name)["TopicArn"])
        sns.close()

    def type(self, *words):
        return done(type_in("killswitch", *words))

    def publish(self, *words):
        return self.type("publish", *words, *self.key, *self.topic, "--json").json

    def daemon(self, folder, **settings):
        """One that `provision` made a queue for."""
        made = self.type("provision", "--name", folder.name, *self.topic, "--json").json["config"][
            "killswitch"
        ]
        given = {"QUEUE_URL": made["queue_url"], "TOPIC_ARN": made["topic_arn"], "KEYS": str(self.pub)}
        given |= {"ENDPOINT_URL": self.aws["AWS_ENDPOINT_URL"], "WAIT": "1s", **settings}
        environ = {f"{SWITCH}{name}": text for name, text in given.items()}
        return Daemon(folder, environ=environ | self.aws)


@pytest.fixture(scope="module")
def aws():
    with moto_process() as server, pytest.MonkeyPatch.context() as here:
        given = environment(server.url)
        for name, text in given.items():
            here.setenv(name, text)
        yield given


@pytest.fixture
def operator(aws, tmp_path):
    return Operator(tmp_path, aws)


def code(daemon, agent="agent:pay-7"):
    return daemon.evaluate(agent, "file.read", "file:/srv/a").body["context"]["code"]


def until_code(daemon, wanted, agent="agent:pay-7"):
    until(lambda: code(daemon, agent) == wanted, f"{agent} is {wanted}: {daemon.output()}", PATIENCE)


def test_an_agent_is_halted_and_released_on_a_host_that_has_a_queue_and_a_state(operator, tmp_path):
    state = tmp_path / "halts.dsse"
    pay = ("--agent", "agent:pay-7")
    with operator.daemon(tmp_path, STATE=str(state), POLL="500ms") as daemon:
        assert code(daemon) == "kill_switch_blind"
        operator.type("state", "new", "--file", state, *operator.key)
        until_code(daemon, "allowed")

        # A message that the state does not know halts, too.
        told = operator.publish("block", *pay, "--reason", "pays twice")
        until_code(daemon, "halted")
        assert code(daemon, "agent:other") == "allowed"

        # The number of the halt that is to end is known by this host's daemon, and the state says that it is over.
        freed = operator.publish("unblock", *pay, "--state", state, "--state-dir", daemon.state)
        assert (freed["seq"], freed["state"]["epoch"]) == (told["seq"] + 1, 2)
        until_code(daemon, "allowed")

        told = operator.publish("block", *pay, "--reason", "again", "--state", state)
        until_code(daemon, "halted")
        (halt,) = operator.type("state", "show", "--file", state, "--json").json["halts"]
        assert (halt["seq"], halt["command_id"]) == (told["seq"], told["command_id"])
        (held,) = daemon.get("/v1/killswitch", "admin_socket").body["halts"]
        assert (held["seq"], held["command_id"]) == (told["seq"], told["command_id"])
        until(lambda: _told(daemon)["state"]["epoch"] == 3, "the document was read")
        _shows(daemon, state)
        warned = daemon.get("/healthz", "ops").body["warnings"]
        assert not any("killswitch.state" in warning for warning in warned)
        operator.publish("unblock", *pay, "--state", state)
        until_code(daemon, "allowed")
        until(lambda: _told(daemon)["state"]["epoch"] == 4, "the last document was read")


def test_an_order_that_sns_does_not_take_stands_in_the_state_all_the_same(operator, tmp_path):
    state = tmp_path / "halts.dsse"
    operator.type("state", "new", "--file", state, *operator.key)
    nowhere = ("--topic", f"{operator.topic[1]}-none")
    words = ("publish", "block", "--everything", "--reason", "x", "--state", state)
    ran = type_in("killswitch", *words, *operator.key, *nowhere)
    assert (ran.code, "has it since epoch 2" in ran.err) == (78, True)
    assert len(operator.type("state", "show", "--file", state, "--json").json["halts"]) == 1
    for wrong in (("--seq", "0"), ("--issued-by", "x" * 300)):
        assert type_in("killswitch", *words, *operator.key, *nowhere, *wrong).code in (1, 64)
    assert operator.type("state", "show", "--file", state, "--json").json["epoch"] == 2


def test_an_order_whose_state_cannot_be_written_is_not_sent_and_says_what_would_be(operator, tmp_path):
    queue = operator.type("provision", "--name", "n", *operator.topic, "--json").json["queue"]
    words = ("publish", "block", "--everything", "--reason", "x", *operator.key, *operator.topic)
    ran = type_in("killswitch", *words, "--state", tmp_path / "none" / "halts.dsse")
    assert (ran.code, "nothing was sent; without --state" in ran.err) == (78, True)
    assert waiting(queue) == 0
    done(type_in("killswitch", *words))
    assert waiting(queue) == 1


def waiting(queue):
    sqs = boto3.client("sqs")
    url, name = sqs.get_queue_url(QueueName=queue)["QueueUrl"], "ApproximateNumberOfMessages"
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"]
    sqs.close()
    return int(told[name])


def test_a_host_with_a_queue_alone_is_open_for_as_long_as_beacons_come(operator, tmp_path):
    daemon = operator.daemon(tmp_path, BEACON_GAP="3s", BLIND_AFTER="4s")
    with daemon:
        until(lambda: _told(daemon)["sight"]["received"] is not None, "the queue answers")
        assert code(daemon) == "kill_switch_blind"
        with beating(operator):
            until_code(daemon, "allowed")
            operator.publish("block", "--agent", "agent:pay-7", "--reason", "x")
            until_code(daemon, "halted")
        until_code(daemon, "kill_switch_blind", "agent:other")
        assert code(daemon) == "halted"
        ran = type_in("killswitch", "status", "--state-dir", daemon.state)
        assert "failing Nobody can say what is halted: for more than 3 s no beacon came" in ran.out
        warned = daemon.get("/healthz", "ops").body["warnings"]
        assert any("killswitch.state is not set" in warning for warning in warned)


class beating:  # noqa: N801 - read as a word
    """`killswitch beacon` in a process of its own, until it is interrupted."""

    def __init__(self, operator):
        words = [str(word) for word in (*operator.key, *operator.topic, "--every", "1s")]
        command = [sys.executable, "-m", "sidecar", "killswitch", "beacon", *words]
        self.process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(20) == 130


def _told(daemon):
    return daemon.get("/v1/killswitch", "admin_socket").body


def _shows(daemon, state):
    """What people are told of it."""
    lines = type_in("killswitch", "status", "--state-dir", daemon.state).out.splitlines()
    assert any(line.startswith(("degraded queue", "ok queue")) for line in lines)
    assert any(line.startswith(f"ok state {state}: epoch 3 of ") for line in lines)
    shown = type_in("status", "--state-dir", daemon.state)
    for part in ("killswitch: no beacon ever came", "mode                 sighted", "halts fleet", "epoch"):
        assert part in shown.out
    assert "state seconds ago" in shown.out
