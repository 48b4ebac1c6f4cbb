"""The feed of one daemon, if it has one: the queue that its orders come by, and the loop that receives them."""

import random
import time
from collections.abc import Mapping

from sidecar.config import Config
from sidecar.core.errors import ConfigError, Diagnostic, Place
from sidecar.service.killswitch.backoff import Backoff
from sidecar.service.killswitch.clearing import Clearing
from sidecar.service.killswitch.intake import Authority, Intake, Reader, Sighted
from sidecar.service.killswitch.refusals import Refusals
from sidecar.service.killswitch.settling import Settling
from sidecar.service.killswitch.switch import KillSwitch
from sidecar.service.killswitch.watch import Watch
from sidecar.service.ports import Clock, DecisionLog, Metrics, OrderFeed

_LONGEST_PAUSE = 1.0
# Meanwhile what could not be deleted comes again and again.
_LONGEST_UNSETTLED = 0.25


def build_feed(config: Config, environ: Mapping[str, str]) -> OrderFeed | None:
    """None where no queue is set. Raises ConfigError."""
    switch = config.killswitch
    if switch.queue_url is None:
        return None
    # botocore is megabytes that a daemon without a queue never uses.
    from sidecar.adapters.killswitch_sqs import SqsFeed, endpoint_of  # noqa: PLC0415 - optional and heavy

    try:
        endpoint = endpoint_of(
            switch.queue_url,
            environ,
            endpoint_url=switch.endpoint_url,
            region=switch.region,
            topic_arn=switch.topic_arn,
        )
        # AWS and botocore go by the machine's clock, not by one that never goes back.
        return SqsFeed(endpoint, time.time, ca_file=environ.get("AWS_CA_BUNDLE"))
    except ValueError as error:
        raise ConfigError(Diagnostic(Place("killswitch.queue_url"), str(error))) from error


def build_watch(
    config: Config,
    feed: OrderFeed,
    reader: Reader,
    switch: KillSwitch,
    sight: Sighted,
    authority: Authority | None,
    settling: Settling,
    log: DecisionLog,
    clock: Clock,
    metrics: Metrics,
) -> Watch:
    """The loop around the feed."""
    refusals = Refusals(log, clock)
    clearing = Clearing(feed, switch, refusals, metrics, Backoff(_LONGEST_UNSETTLED, random.random))
    beacon_gap = float(config.killswitch.beacon_gap)
    intake = Intake(reader, switch, sight, authority, clock, metrics, beacon_gap)
    backoff = Backoff(_LONGEST_PAUSE, random.random)
    wait = float(config.killswitch.wait)
    return Watch(feed, intake, clearing, refusals, sight, clock, metrics, backoff, wait, settling.owe)
