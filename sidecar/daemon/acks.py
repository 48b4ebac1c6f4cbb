"""Who hears what this daemon did with an order: the platform, the reply topic, both or nobody."""

import random
import socket
from dataclasses import dataclass
from typing import Final

from sidecar.adapters.killswitch_replies import KillSwitchReplies
from sidecar.adapters.metrics_prometheus import PrometheusMetrics
from sidecar.adapters.sqlite import OutboxSqlite
from sidecar.config import Config
from sidecar.core.errors import ConfigError, Diagnostic, Place
from sidecar.core.killswitch.ack import Ack, Hit
from sidecar.core.owed import Owed, order_acknowledgements, order_reply
from sidecar.daemon.killswitch import Switching
from sidecar.service.delivery import Delivery
from sidecar.service.killswitch.acks import Acknowledging, Listener
from sidecar.service.killswitch.unending import Loop
from sidecar.service.outbox import Outbox
from sidecar.service.ports import Clock, DecisionLog

_KEY: Final = "killswitch.reply_topic_arn"
_REPLY_BYTES: Final = 16 * 1024 * 1024
_REPLY_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Replies:
    """The way to the reply topic, with an outbox of its own: there may be no platform."""

    outbox: Outbox
    delivery: Delivery
    topic: KillSwitchReplies


@dataclass(frozen=True, slots=True)
class Acks:
    """All parts that have to do with it."""

    acknowledging: Acknowledging
    replies: Replies | None

    async def start(self) -> None:
        """Raises StoreError."""
        if self.replies is not None:
            await self.replies.outbox.start(-1)

    def forever(self) -> tuple[Loop, ...]:
        """The loops that `run` keeps going, come what may."""
        loops = (self.acknowledging.run,)
        return loops if self.replies is None else (*loops, self.replies.outbox.run, self.replies.delivery.run)

    async def close(self) -> None:
        if self.replies is not None:
            self.replies.topic.close()
            await self.replies.outbox.close()


def build_acks(
    config: Config,
    switching: Switching,
    platform: Outbox | None,
    log: DecisionLog,
    clock: Clock,
    metrics: PrometheusMetrics,
    name: str,
) -> Acks | None:
    """None where nobody wants to hear. `name` tells this daemon from every other one. Raises ConfigError."""
    host = config.killswitch.host or socket.gethostname()
    topic = config.killswitch.reply_topic_arn
    replies = _replies(config, topic, clock, metrics) if topic else None
    listeners = []

    def of_platform(ack: Ack, hit: Hit, now: float) -> list[Owed]:
        return order_acknowledgements(ack, hit, host, name, now)

    def of_topic(ack: Ack, hit: Hit, now: float) -> list[Owed]:
        return [order_reply(ack, hit, host, name, now)]

    if platform is not None:
        listeners.append(Listener("platform", "platform", platform, of_platform))
    if replies is not None and topic is not None:
        listeners.append(Listener(topic, "topic", replies.outbox, of_topic))
    if not listeners:
        return None
    switching.switch.answers.is_asked = True
    acknowledging = Acknowledging(switching.switch, switching.presence, log, clock, metrics, listeners)
    return Acks(acknowledging, replies)


def _replies(config: Config, topic: str, clock: Clock, metrics: PrometheusMetrics) -> Replies:
    try:
        recipient = KillSwitchReplies(topic, timeout=_REPLY_SECONDS)
    except ValueError as error:
        raise ConfigError(Diagnostic(Place(_KEY), str(error))) from error
    store = OutboxSqlite(config.state_dir, "replies.db")
    age = float(config.platform.outbox.age)
    outbox = Outbox(store, clock, metrics, limit=_REPLY_BYTES, age=age, to="the reply topic")
    metrics.watch_replies(outbox.status)
    # One at a time, so that they arrive in the order in which the orders were enforced.
    return Replies(outbox, Delivery(outbox, recipient, clock, _REPLY_SECONDS, random.random, 1), recipient)
