"""Daemons with a queue each on one topic, as a fleet has them; and whoever halts things for all of them.

The state document is from before every order unless a test writes another: it keeps the daemons sighted,
and what they know of orders can only have come by their queues.
"""

import itertools
import random
import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import boto3
import botocore.exceptions

from sidecar.core.killswitch import Command, Kind, Order, scope
from sidecar.core.killswitch.document_form import write_document
from sidecar.core.killswitch.wire import write_order
from tests.tools.daemon import Daemon, UnixConnection, until
from tests.tools.fault_proxy import fault_proxy
from tests.tools.s3 import environment
from tests.tools.signing import key, signed

SIGNER = key(77)
ALLOW_ALL = "rules: [{id: yes, effect: allow, reason: x}]\n"
PATIENCE = 90.0
_AT_ONCE = 8
# A machine that is too busy to record a decision in time denies it for that, whatever it was.
_HALTED = {"halted", "audit_unavailable", "overloaded"}
_numbers = itertools.count(1)


class Fleet:
    """`daemons` and `proxies`, the one before each daemon's queue, are in the same order."""

    def __init__(self, folder: Path, server: str, size: int, stack: ExitStack) -> None:
        self.folder = folder
        self.server = server
        self.document = folder / "halts.dsse"
        self.began = time.time()
        self._epoch = 0
        self._sns, self._sqs = (_client(service, server) for service in ("sns", "sqs"))
        stack.callback(self._sns.close)
        stack.callback(self._sqs.close)
        name = f"halts-{next(_numbers)}"
        self.topic = self._sns.create_topic(Name=name, Attributes={"SignatureVersion": "2"})["TopicArn"]
        self.queues = [self._queue(f"{name}-{number}") for number in range(size)]
        self.proxies = [stack.enter_context(fault_proxy(server)) for _ in range(size)]
        self.state()
        bundle = folder / "bundle.dsse"
        times = {"issued_at": self.began - 60, "expires_at": self.began + 86_400}
        bundle.write_bytes(signed(ALLOW_ALL, key=SIGNER, **times))
        self.daemons = [self._daemon(number, bundle) for number in range(size)]

    def state(self, halts: Sequence[Order] = (), released: Sequence[Order] = ()) -> None:
        """The authority says from now on that these halts are in force, and that those are over."""
        self._epoch += 1
        over = [(order.scope, order.seq) for order in released if order.seq is not None]
        issued = self.began if self._epoch == 1 else time.time()
        raw = write_document("default", self._epoch, issued, issued + 3600, halts, over, [SIGNER])
        draft = self.document.with_suffix(".new")
        draft.write_bytes(raw)
        draft.replace(self.document)

    def publish(self, *orders: Order) -> None:
        for order in orders:
            message = write_order(order, [SIGNER]).decode()
            self._sns.publish(TopicArn=self.topic, Message=message)

    def everywhere(self, work, among: Sequence[Daemon] | None = None) -> list:
        """What it gives for each daemon, several at a time."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(work, self.daemons if among is None else among))

    def missed(self, orders: Sequence[Order], patience: float = PATIENCE) -> int:
        """How many of these halts are not in force, counted over all daemons, once nothing more comes.

        A server that has thousands of messages to deliver takes its time: patience begins anew with each halt.
        """
        wanted = {(order.scope.kind.value, order.scope.name) for order in orders}
        fewest, end = len(wanted) * len(self.daemons) + 1, 0.0
        while missing := sum(_missing(daemon, wanted) for daemon in self.daemons):
            if missing < fewest:
                fewest, end = missing, time.monotonic() + patience
            if time.monotonic() > end:
                return missing
            time.sleep(0.2)
        return 0

    def unlawful(self, orders: Sequence[Order]) -> int:
        """How many decisions of these orders' agents are no deny of the kill switch, over all daemons."""

        def count(daemon: Daemon) -> int:
            return sum(_code(daemon, order.scope.name) not in _HALTED for order in orders)

        return sum(self.everywhere(count))

    def left(self) -> int:
        """Messages that no daemon has deleted yet."""
        wanted = ["ApproximateNumberOfMessages"]
        told = [self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted) for url in self.queues]
        return sum(int(one["Attributes"]["ApproximateNumberOfMessages"]) for one in told)

    def publish_past_the_gone(self, *orders: Order) -> None:
        """SNS loses what is for a queue that is not there; moto says so to the publisher, and goes no further."""
        for order in orders:
            with suppress(botocore.exceptions.ClientError):
                self.publish(order)

    def publish_fast(self, orders: Sequence[Order]) -> None:
        """Ten at a time."""
        for start in range(0, len(orders), 10):
            some = orders[start : start + 10]
            entries = [
                {"Id": str(place), "Message": write_order(order, [SIGNER]).decode()}
                for place, order in enumerate(some)
            ]
            answer = self._sns.publish_batch(TopicArn=self.topic, PublishBatchRequestEntries=entries)
            assert not answer.get("Failed"), answer

    def delete_queue(self, number: int) -> None:
        self._sqs.delete_queue(QueueUrl=self.queues[number])

    def make_queue_again(self, number: int) -> None:
        """Of the same name, with nothing in it; its subscription is still there."""
        name = self.queues[number].rpartition("/")[2]
        until(lambda: self._made(name), f"the queue {name} can be made again", PATIENCE)

    def _made(self, name: str) -> bool:
        try:
            self._sqs.create_queue(QueueName=name)
        except self._sqs.exceptions.QueueDeletedRecently:
            return False
        return True

    def kill(self, number: int) -> None:
        """kill -9 and a new start on the same state; it comes back when it decides again."""
        daemon = self.daemons[number]
        daemon.stop(signal.SIGKILL)
        daemon.start()
        see(daemon)

    def _queue(self, name: str) -> str:
        url: str = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]
        self._sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=arn)
        return url

    def _daemon(self, number: int, bundle: Path) -> Daemon:
        home = self.folder / f"d{number}"
        home.mkdir()
        config = home / "config.yaml"
        config.write_text(
            f"bundle: {{source: {bundle}}}\n"
            f"trust: {{keys: [{SIGNER.public.text}]}}\n"
            "killswitch:\n"
            f"  queue_url: {self.queues[number]}\n"
            f"  topic_arn: {self.topic}\n"
            f"  endpoint_url: {self.proxies[number].url}\n"
            f"  certificates: {self.server}\n"
            f"  state: {self.document}\n"
            "  wait: 2s\n"
            "  blind_after: 1m\n"
        )
        return Daemon(home, None, ("--config", str(config)), environment(self.server))


@contextmanager
def fleet(folder: Path, server: str, size: int) -> Iterator[Fleet]:
    """So many daemons that decide; a few are started at a time."""
    with ExitStack() as stack:
        made = Fleet(folder, server, size, stack)
        for daemon in made.daemons:
            stack.callback(_end, daemon)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(Daemon.start, made.daemons))
        made.everywhere(see)
        yield made


def see(daemon: Daemon) -> None:
    """Return once it sees what is halted."""
    until(lambda: _code(daemon, "nobody") != "kill_switch_blind", f"it sees: {daemon.output()}", PATIENCE)


def blocks(count: int, name: str = "agent") -> list[Order]:
    """Halts of so many agents, each the first order of its scope."""
    return [_order(Command.BLOCK, f"{name}-{number}", 1) for number in range(count)]


def unblocks(halts: Sequence[Order]) -> list[Order]:
    """The release of each, with the next number."""
    return [_order(Command.UNBLOCK, halt.scope.name, (halt.seq or 0) + 1) for halt in halts]


def shuffled(orders: Sequence[Order], seed: int) -> list[Order]:
    """Twice each, in no order."""
    twice = [*orders, *orders]
    random.Random(seed).shuffle(twice)
    return twice


Name = tuple[str, str]


def in_force(daemon: Daemon) -> set[Name]:
    """Kind and name of what is halted there, the newest thousand; nothing while it does not answer."""
    return _listed(daemon)[0]


def _listed(daemon: Daemon) -> tuple[set[Name], int]:
    """The same, and how many more there are."""
    try:
        connection = UnixConnection(daemon.listen["admin_socket"])
        connection.close()
        told = daemon.get("/v1/killswitch", "admin_socket").body
    except (OSError, ValueError):
        return set(), 0
    return {(halt["scope"]["kind"], halt["scope"]["name"]) for halt in told["halts"]}, told["more"]


def _missing(daemon: Daemon, wanted: set[Name]) -> int:
    """How many of these are not in force; agents that are not listed are asked for, once there are enough halts."""
    listed, more = _listed(daemon)
    rest = wanted - listed
    if len(rest) > more:
        return len(rest) - more
    return sum(_code(daemon, name) != "halted" for _, name in rest)


def _code(daemon: Daemon, agent: str) -> str:
    code: str = daemon.evaluate(f"agent:{agent}", "file.read", "file:/a").body["context"]["code"]
    return code


def _order(command: Command, agent: str, seq: int) -> Order:
    command_id = f"{command.value.lower()}-{agent}-{seq}"
    return Order(
        command,
        scope(Kind.AGENT, agent),
        command_id,
        seq=seq,
        issued_at=time.time(),
        reason="a drill",
        issued_by="fleet",
    )


def _end(daemon: Daemon) -> None:
    if daemon.process is not None and daemon.process.poll() is None:
        daemon.process.kill()
        daemon.process.wait()


def _client(service: str, endpoint: str):
    given = environment(endpoint)
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=given["AWS_DEFAULT_REGION"],
        aws_access_key_id=given["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=given["AWS_SECRET_ACCESS_KEY"],
    )
