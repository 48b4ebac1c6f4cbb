"""The queue of a daemon in AWS (moto): made once, put right, taken away, and found where nobody reads it."""

import json

import pytest

from sidecar.adapters.aws.halt_queue import Node
from sidecar.adapters.aws.topic import NotATopic, parse_topic
from tests.fakes.aws import aws
from tests.fakes.terminal import type_in
from tests.tools.halting import ACCOUNT, fleets
from tests.tools.workshop import done

TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:halts"
HOUR = 3600.0
QUEUES = ("old", "young", "looping", "empty")


@pytest.fixture(scope="module")
def server():
    with pytest.MonkeyPatch.context() as environment, aws(environment), fleets() as make_fleet:
        yield make_fleet


@pytest.fixture
def fleet(server, tmp_path):
    return server(tmp_path.name)


@pytest.fixture
def organization(tmp_path):
    """One of the test's own, so that its queues are."""
    return tmp_path.name[-30:].replace("_", "-")


@pytest.fixture
def provision(fleet, organization):
    def run(*words, name="n1"):
        given = ("--topic", fleet.topic, "--organization", organization, "--name", name)
        return type_in("killswitch", "provision", *given, "--json", *words)

    return run


def test_what_is_published_lies_in_the_queue_whose_url_is_printed(fleet, provision):
    told = done(provision()).json
    fleet.publish("hello")
    url = told["config"]["killswitch"]["queue_url"]
    (message,) = fleet.sqs("receive_message", QueueUrl=url)["Messages"]
    envelope = json.loads(message["Body"])
    assert (envelope["Message"], envelope["TopicArn"]) == ("hello", fleet.topic)
    assert told["config"]["killswitch"]["topic_arn"] == fleet.topic
    assert told["iam_policy"]["Statement"][0]["Resource"].endswith(f":{told['queue']}")


def test_all_is_set_from_the_first_moment(fleet, provision):
    queue = done(provision()).json["queue"]
    found = fleet.attributes(queue)
    assert found["CreatedTimestamp"] == found["LastModifiedTimestamp"]
    assert {
        name: found[name] for name in ("VisibilityTimeout", "MessageRetentionPeriod", "SqsManagedSseEnabled")
    } == {
        "VisibilityTimeout": "0",
        "MessageRetentionPeriod": "345600",
        "SqsManagedSseEnabled": "true",
    }
    for name in (queue, f"{queue}-dlq"):
        statements = json.loads(fleet.attributes(name)["Policy"])["Statement"]
        assert [(one["Sid"], one["Effect"]) for one in statements] == [
            ("OnlyOurTopic", "Allow"),
            ("NobodyElse", "Deny"),
        ]
        assert statements[1]["Condition"] == {"ArnNotEquals": {"aws:SourceArn": fleet.topic}}
    subscription = fleet.subscribed()[queue]
    dead = json.loads(subscription["RedrivePolicy"])["deadLetterTargetArn"]
    assert dead == fleet.attributes(f"{queue}-dlq")["QueueArn"]
    assert subscription["RawMessageDelivery"] == "false"
    assert "FilterPolicy" not in subscription
    topic = fleet.sns("get_topic_attributes", TopicArn=fleet.topic)["Attributes"]
    assert topic["SignatureVersion"] == "2"


def test_a_second_time_changes_nothing_and_loses_nothing(fleet, provision):
    first = done(provision()).json
    fleet.publish("a halt that nobody has read yet")
    before = fleet.subscribed(), fleet.attributes(first["queue"])["CreatedTimestamp"]
    again = done(provision()).json
    assert again["changes"] == []
    assert {**again, "changes": first["changes"]} == first
    assert (fleet.subscribed(), fleet.attributes(first["queue"])["CreatedTimestamp"]) == before
    assert fleet.texts(first["queue"]) == ["a halt that nobody has read yet"]


def test_what_somebody_changed_is_put_right(fleet, provision):
    told = done(provision()).json
    url, arn = told["config"]["killswitch"]["queue_url"], told["subscription_arn"]
    fleet.sqs("set_queue_attributes", QueueUrl=url, Attributes={"VisibilityTimeout": "30", "Policy": ""})
    only = json.dumps({"target_type": ["agent"]})
    for name, text in (("FilterPolicy", only), ("RawMessageDelivery", "true")):
        fleet.sns("set_subscription_attributes", SubscriptionArn=arn, AttributeName=name, AttributeValue=text)
    changes = done(provision()).json["changes"]
    assert changes == [
        f"set Policy, VisibilityTimeout of queue {told['queue']}",
        "set RawMessageDelivery of the subscription",
        "set FilterPolicy of the subscription",
    ]
    assert fleet.attributes(told["queue"])["VisibilityTimeout"] == "0"
    fleet.publish("to everybody")
    assert fleet.texts(told["queue"]) == ["to everybody"]
    assert done(provision()).json["changes"] == []


def test_a_subscription_that_is_gone_is_made_again(fleet, provision):
    told = done(provision()).json
    fleet.sns("unsubscribe", SubscriptionArn=told["subscription_arn"])
    assert done(provision()).json["changes"] == [f"subscribed queue {told['queue']}"]


def test_raw_delivery_is_without_the_envelope_and_the_config_says_so(fleet, provision):
    told = done(provision("--raw")).json
    fleet.publish("hello")
    assert fleet.messages(told["queue"]) == ["hello"]
    assert told["config"]["killswitch"]["delivery"] == "raw"


def test_a_queue_of_somebody_else_is_left_alone(fleet, organization, provision):
    name = f"ascend-ks-{organization}-n1"
    fleet.sqs("create_queue", QueueName=name, Attributes={"VisibilityTimeout": "30"})
    ran = provision()
    assert ran.code == 78
    assert "not tagged as ours" in ran.err
    assert fleet.attributes(name)["VisibilityTimeout"] == "30"
    assert fleet.subscribed() == {}
    gone = type_in(
        *("killswitch", "deprovision", "--yes", "--topic", fleet.topic),
        *("--organization", organization, "--name", "n1"),
    )
    assert gone.code == 78
    assert name in fleet.queues(name)


def test_two_hosts_whose_queues_would_have_one_name_do_not_share_it(fleet, organization, provision):
    done(provision(name="b-c"))
    words = ("--topic", fleet.topic, "--organization", f"{organization}-b", "--name", "c")
    assert type_in("killswitch", "provision", *words).code == 78


def test_a_queue_in_another_account_than_was_said_is_not_subscribed(fleet, provision):
    ran = provision("--account", "210987654321")
    assert ran.code == 78
    assert "give --account" in ran.err
    assert fleet.subscribed() == {}


def test_a_topic_that_is_not_there_is_said(server, organization):
    words = ("--topic", TOPIC, "--organization", organization, "--name", "n1")
    ran = type_in("killswitch", "provision", *words)
    assert ran.code == 78
    assert TOPIC in ran.err


def test_for_people_it_prints_what_goes_into_the_config(fleet, organization):
    ran = done(type_in(
        "killswitch", "provision", "--topic", fleet.topic, "--organization", organization, "--name", "n1"
    ))  # fmt: skip
    assert (
        f"killswitch:\n  queue_url: {fleet_url(fleet, organization)}\n  topic_arn: {fleet.topic}\n" in ran.out
    )
    assert "sqs:DeleteMessage" in ran.out


def fleet_url(fleet, organization):
    return fleet.sqs("get_queue_url", QueueName=f"ascend-ks-{organization}-n1")["QueueUrl"]


def test_taken_away_nothing_is_left_and_nobody_else_is_touched(fleet, organization, provision):
    done(provision(name="other"))
    queue = done(provision()).json["queue"]
    words = ("--topic", fleet.topic, "--organization", organization, "--name", "n1")
    asked = type_in("killswitch", "deprovision", *words, stdin=b"\n")
    assert (asked.code, queue in fleet.queues(queue)) == (1, True)
    told = done(type_in("killswitch", "deprovision", *words, "--json", stdin=b"y\n")).json
    assert [change.split()[0] for change in told["changes"]] == ["unsubscribed", "deleted", "deleted"]
    assert fleet.queues(queue) == []
    assert list(fleet.subscribed()) == [f"ascend-ks-{organization}-other"]
    assert done(type_in("killswitch", "deprovision", *words, "--json", "--yes")).json["changes"] == []


@pytest.fixture
def fleets_queues(fleet, organization):
    """Queues by what lies in them, a message each, tagged and subscribed as by `provision`."""
    nodes = {name: Node(parse_topic(fleet.topic), organization, name, ACCOUNT) for name in QUEUES}
    for name, node in nodes.items():
        if name == "empty":
            fleet.publish("a beacon")
        fleet.sqs("create_queue", QueueName=node.queue, tags=node.tags)
        fleet.sns("subscribe", TopicArn=fleet.topic, Protocol="sqs", Endpoint=node.arn(node.queue))
    fleet.age(nodes["old"].queue, 25 * HOUR)
    fleet.age(nodes["young"].queue, 23 * HOUR)
    fleet.age(nodes["looping"].queue, 25 * HOUR, received=5000)
    return {name: node.queue for name, node in nodes.items()}


def gc(fleet, *words, stdin=b""):
    return type_in("killswitch", "gc", "--topic", fleet.topic, *words, stdin=stdin)


def test_only_a_queue_that_nobody_has_read_for_long_is_gone(fleet, fleets_queues):
    told = done(gc(fleet, "--json")).json
    assert [one["queue"] for one in told["gone"]] == [fleets_queues["old"]]
    assert told["gone"][0]["messages"] == 1
    assert len(fleet.subscribed()) == 4


def test_nothing_is_removed_until_that_is_confirmed(fleet, fleets_queues):
    ran = gc(fleet)
    assert (ran.code, fleets_queues["old"] in ran.out) == (1, True)
    assert len(fleet.subscribed()) == 4
    assert f"removed {fleets_queues['old']}" in done(gc(fleet, stdin=b"yes\n")).out
    assert fleet.queues(fleets_queues["old"]) == []
    assert set(fleet.subscribed()) == {fleets_queues[name] for name in ("young", "looping", "empty")}
    assert "no queue is known" in done(gc(fleet, "--yes")).out


def test_a_queue_that_was_not_made_here_is_never_gone(fleet, organization):
    name = f"ascend-ks-{organization}-theirs"
    fleet.sqs("create_queue", QueueName=name)
    arn = fleet.attributes(name)["QueueArn"]
    fleet.sns("subscribe", TopicArn=fleet.topic, Protocol="sqs", Endpoint=arn)
    fleet.publish("a beacon")
    fleet.age(name, 50 * HOUR)
    assert done(gc(fleet, "--json", "--yes")).json["gone"] == []
    assert fleet.queues(name) == [name]


@pytest.mark.parametrize("older", ["59m", "73h", "soon"])
def test_an_age_that_proves_nothing_is_a_usage_error(older):
    assert type_in("killswitch", "gc", "--topic", TOPIC, "--older-than", older).code == 64


@pytest.mark.parametrize("text", ["halts", TOPIC + ".fifo", TOPIC.replace("sns", "sqs"), "arn:aws:sns:::x"])
def test_what_is_no_standard_topic_is_a_usage_error(text):
    assert type_in("killswitch", "gc", "--topic", text).code == 64
    with pytest.raises(NotATopic):
        parse_topic(text)


def test_without_a_topic_anywhere_that_is_said():
    ran = type_in("killswitch", "gc")
    assert (ran.code, "killswitch.topic_arn" in ran.err) == (64, True)


@pytest.mark.parametrize(
    ("option", "text"),
    [("--name", ""), ("--name", "a\nb"), ("--organization", "x" * 201), ("--account", "12")],
)
def test_names_that_can_be_none_are_usage_errors(option, text):
    words = {"--name": "n1", "--topic": TOPIC} | {option: text}
    ran = type_in("killswitch", "provision", *(part for pair in words.items() for part in pair))
    assert (ran.code, option in ran.err) == (64, True)


def node(organization, name):
    return Node(parse_topic(TOPIC), organization, name, ACCOUNT)


def test_names_of_queues_fit_and_do_not_fall_together():
    pairs = [("a", "b.c"), ("a", "b-c"), ("a", "b_c"), ("a", "b/c"), ("a", "b" * 100), ("a", "b" * 101)]
    names = [node(*pair).queue for pair in pairs]
    assert len(set(names)) == len(names)
    assert all(
        len(name + "-dlq") <= 80 and name.replace("-", "").replace("_", "").isalnum() for name in names
    )
    assert node("a", "b-c").queue == "ascend-ks-a-b-c"


def test_over_a_network_what_is_not_encrypted_is_shut_out():
    for policy in (node("a", "b").attributes(tls=True), node("a", "b").dead_attributes(tls=True)):
        statement = json.loads(policy["Policy"])["Statement"][-1]
        assert (statement["Sid"], statement["Effect"], statement["Action"]) == ("TlsOnly", "Deny", "sqs:*")
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
