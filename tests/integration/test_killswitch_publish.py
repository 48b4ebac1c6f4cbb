"""Orders and beacons on their way to SNS (moto) and into the queue of a daemon: signed, numbered, foreseen."""

import json
import threading
import time

import pytest

from sidecar.core.bundle import Trust
from sidecar.core.canonical import decode
from sidecar.core.killswitch import Kind, Proof, scope
from sidecar.core.killswitch.wire import read_signed
from sidecar.core.trust import KeySet, open_envelope, parse_envelope, parse_public_key
from tests.fakes.aws import aws
from tests.fakes.stub_daemon import StubDaemon, on_socket
from tests.fakes.terminal import type_in
from tests.tools.daemon import until
from tests.tools.halting import ACCOUNT, Fleet, fleets
from tests.tools.workshop import done

NOWHERE = f"arn:aws:sns:us-east-1:{ACCOUNT}:nowhere"
ORDER = "application/vnd.ascend-sidecar.order+json"
BEACON = "application/vnd.ascend-sidecar.beacon+json"


@pytest.fixture(scope="module")
def server():
    with pytest.MonkeyPatch.context() as environment, aws(environment), fleets() as make_fleet:
        yield make_fleet


@pytest.fixture
def fleet(server, tmp_path):
    return server(tmp_path.name)


@pytest.fixture
def queue(fleet, tmp_path):
    """That of one daemon."""
    words = ("--topic", fleet.topic, "--name", tmp_path.name, "--json")
    return done(type_in("killswitch", "provision", *words)).json["queue"]


def publish(fleet, keys, *words, state=None):
    where = ("--state-dir", state or keys / "nobody-here")
    return type_in("killswitch", "publish", *words, "--topic", fleet.topic, "--key", keys / "a.key", *where)


def trusting(keys):
    """A host's trust in the key."""
    return Trust("default", KeySet((parse_public_key((keys / "a.pub").read_text()),), 1), "0.1.0")


def opened(text, kind, keys):
    """What the key has signed as that."""
    body, _ = open_envelope(parse_envelope(text.encode()), kind, trusting(keys).keys)
    return decode(body)


def test_a_signed_halt_lies_in_the_queue_in_the_envelope_of_sns(fleet, queue, keys):
    words = (
        "--agent",
        "agent:pay-7",
        "--reason",
        "pays twice",
        "--issued-by",
        "ann",
        "--for",
        "30m",
        "--json",
    )
    told = done(publish(fleet, keys, "block", *words)).json
    (body,) = fleet.messages(queue)
    assert json.loads(body)["MessageId"] == told["message_id"]
    assert "Subject" not in json.loads(body)
    order = opened(json.loads(body)["Message"], ORDER, keys)
    assert order["scope"] == {"kind": "agent", "name": "agent:pay-7"}
    assert {name: order[name] for name in ("command", "reason", "issued_by", "seq", "command_id")} == {
        "command": "BLOCK",
        "reason": "pays twice",
        "issued_by": "ann",
        "seq": told["seq"],
        "command_id": told["command_id"],
    }
    assert order["expires_at"] - order["issued_at"] == 1800
    believed = read_signed(
        parse_envelope(json.loads(body)["Message"].encode()), trusting(keys), time.time(), ""
    )
    assert (believed.scope, believed.proof) == (scope(Kind.AGENT, "agent:pay-7"), Proof.SIGNED)
    assert order["seq"] == int(order["issued_at"] * 1000)


def test_whoever_orders_is_named_and_the_number_that_ends_it_is_told(fleet, queue, keys):
    ran = done(publish(fleet, keys, "block", "--everything", "--reason", "x", "--seq", "7"))
    assert "--seq 8 or higher" in ran.out
    order = opened(fleet.texts(queue)[0], ORDER, keys)
    assert "@" in order["issued_by"]
    assert order["scope"]["kind"] == "organization"


def test_several_keys_sign_one_order(fleet, queue, keys):
    done(publish(fleet, keys, "block", "--tool", "Delete", "--reason", "x", "--key", keys / "b.key"))
    envelope = parse_envelope(fleet.texts(queue)[0].encode())
    assert len(envelope.signatures) == 2


def daemon_that_knows(keys, seq, agents=()):
    """A daemon that has heard of a halt of that number."""
    told = {"agents": list(agents), "newest_seq": seq}
    stub = StubDaemon({"POST /v1/killswitch/affected": (200, told)})
    return on_socket(stub, keys / "state" / "admin.sock")


def test_a_halt_takes_a_number_above_what_is_known_even_from_a_clock_that_is_ahead(fleet, queue, keys):
    ahead = 2**52
    with daemon_that_knows(keys, ahead):
        words = ("block", "--agent", "x", "--reason", "x", "--json")
        told = done(publish(fleet, keys, *words, state=keys / "state")).json
    assert told["seq"] == ahead + 1


def test_a_release_takes_the_number_after_the_halts_and_never_the_time(fleet, queue, keys):
    with daemon_that_knows(keys, 41):
        ran = done(publish(fleet, keys, "unblock", "--agent", "x", "--json", state=keys / "state"))
    assert ran.json["seq"] == 42
    order = opened(fleet.texts(queue)[0], ORDER, keys)
    assert (order["command"], order["seq"]) == ("UNBLOCK", 42)


@pytest.mark.parametrize("known", ["no daemon", "no halt"])
def test_a_release_of_a_halt_that_is_not_known_needs_its_number(fleet, queue, keys, known):
    words = ("unblock", "--agent", "x")
    if known == "no daemon":
        ran = publish(fleet, keys, *words)
    else:
        with daemon_that_knows(keys, None):
            ran = publish(fleet, keys, *words, state=keys / "state")
    assert (ran.code, "--seq" in ran.err) == (64, True)
    assert fleet.messages(queue) == []
    assert done(publish(fleet, keys, *words, "--seq", "8", "--json")).json["seq"] == 8


def test_a_dry_run_shows_whom_it_would_hit_with_all_below_and_sends_nothing(fleet, queue, keys, daemon):
    top = daemon.evaluate(
        "agent:boss", "file.read", "file:/srv/a", context={"orchestration_session_id": "run-9"}
    )
    below = {"orchestration_session_id": "run-9", "parent_action_id": int(top.body["context"]["id"])}
    daemon.evaluate("agent:worker", "file.read", "file:/srv/a", context={**below, "orchestration_depth": 1})
    daemon.evaluate("agent:bystander", "file.read", "file:/srv/a")
    for option, name in (("--agent", "agent:boss"), ("--session", "run-9")):
        words = ("publish", "block", option, name, "--reason", "x", "--dry-run", "--json")
        told = done(type_in("killswitch", *words, "--state-dir", daemon.state)).json
        assert told["agents"] == ["agent:boss", "agent:worker"]
    for words in (("publish", "block"), ("block",)):
        given = ("--agents", "agent:b*", "--reason", "x", "--dry-run", "--state-dir", daemon.state)
        shown = done(type_in("killswitch", *words, *given)).out
        assert "3 of the agents" in shown  # the worker acts for the boss
        assert "  agent:bystander\n" in shown
    assert fleet.messages(queue) == []
    assert daemon.get("/v1/killswitch", "admin_socket").body["halts"] == []


def test_a_dry_run_without_a_daemon_says_that_nobody_knows(keys):
    words = ("publish", "block", "--everything", "--reason", "x", "--dry-run", "--state-dir", keys)
    told = done(type_in("killswitch", *words, "--json")).json
    assert (told["agents"], "no daemon answers" in told["unknown_because"]) == (None, True)
    assert "is not known" in done(type_in("killswitch", *words)).out


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--agent", "x", "--tool", "y"),
        ("--agent", ""),
        ("--agents", "a\nb"),
        ("--agent", "x", "--for", "soon"),
        ("--agent", "x", "--for", "1h", "--expires", "2099-01-01T00:00:00Z"),
        ("--agent", "x", "--expires", "2020-01-01T00:00:00Z"),
        ("--agent", "x", "--seq", "-1"),
    ],
)
def test_what_is_no_order_is_a_usage_error(fleet, keys, words):
    assert publish(fleet, keys, "block", "--reason", "x", *words).code == 64


def test_nobody_to_sign_is_a_usage_error(fleet):
    words = ("publish", "block", "--everything", "--reason", "x", "--topic", fleet.topic)
    assert type_in("killswitch", *words).code == 64


def test_a_topic_that_is_not_there_is_78(server, keys):
    ran = publish(Fleet(NOWHERE, {}), keys, "block", "--everything", "--reason", "x")
    assert (ran.code, NOWHERE in ran.err) == (78, True)


def beacon(fleet, keys, *words):
    return type_in("killswitch", "beacon", "--topic", fleet.topic, "--key", keys / "a.key", *words)


def test_beacons_are_signed_and_each_is_another(fleet, queue, keys):
    done(beacon(fleet, keys, "--every", "1s", "--count", "2"))
    told = [opened(text, BEACON, keys) for text in fleet.texts(queue)]
    assert len({one["id"] for one in told}) == 2
    assert abs(told[0]["issued_at"] - told[1]["issued_at"]) >= 1


def test_the_first_beacon_tells_by_the_exit_what_is_wrong_and_later_ones_go_on(fleet, queue, keys):
    assert beacon(Fleet(NOWHERE, {}), keys, "--count", "1").code == 78
    ran = []
    words = ("--every", "1s", "--count", "2")
    beating = threading.Thread(target=lambda: ran.append(beacon(fleet, keys, *words)))
    beating.start()
    until(lambda: fleet.messages(queue), "the first beacon is there")
    fleet.sns("delete_topic", TopicArn=fleet.topic)
    beating.join()
    assert ran[0].code == 0
    assert ran[0].err.count("AWS says NotFound") == 1


@pytest.mark.parametrize("words", [("--every", "0s"), ("--count", "0"), ("--every", "often")])
def test_beacons_without_a_pause_are_a_usage_error(fleet, keys, words):
    assert beacon(fleet, keys, *words).code == 64
