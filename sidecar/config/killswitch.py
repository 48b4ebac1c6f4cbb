"""The kill switch, as the operator decides it."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

from msgspec import Meta

from sidecar.config.section import Name, Section, unit
from sidecar.config.units import Seconds

# What `state` is where the platform's API says what is halted.
PLATFORM: Final = "platform"


class Delivery(StrEnum):
    """How SNS puts a message into the queue: in its envelope, which it signs, or as it is."""

    ENVELOPE = "envelope"
    RAW = "raw"


class KillSwitch(Section, frozen=True):
    """Where halts come from. Without a queue and a state, only those who are on this host can halt anything."""

    queue_url: Annotated[
        Name | None, Meta(description="This daemon's own SQS queue; no other may read from it.")
    ] = None
    topic_arn: Annotated[Name | None, Meta(description="The one SNS topic whose messages are believed.")] = (
        None
    )
    delivery: Annotated[
        Delivery, Meta(description="`raw` takes signed orders only, because SNS then signs nothing.")
    ] = Delivery.ENVELOPE
    region: Annotated[Name | None, Meta(description="AWS region; by default that of the topic.")] = None
    endpoint_url: Annotated[
        Name | None,
        Meta(description="Address of SQS; by default AWS_ENDPOINT_URL_SQS, else the queue's host."),
    ] = None
    certificates: Annotated[
        Name | None,
        Meta(description="For tests: a loopback origin that SNS certificates may come from instead."),
    ] = None
    keys: Annotated[
        tuple[str, ...],
        Meta(description="Public keys of those who may halt and release, in the place of trust.keys."),
    ] = ()
    threshold: Annotated[
        int, Meta(ge=1, le=16), Meta(description="How many of killswitch.keys must have signed.")
    ] = 1
    wait: Annotated[Seconds, Meta(description="Longest poll of the queue, at most 20s.")] = unit(
        Seconds, "5s"
    )
    state: Annotated[
        Name | None,
        Meta(
            description="Authoritative state: a signed document by http(s) URL, s3://bucket/key or file, "
            "or `platform` for the platform's API, which is what it is beside a queue."
        ),
    ] = None
    poll: Annotated[Seconds, Meta(description="Time between two looks at the state.")] = unit(Seconds, "2s")
    token_file: Annotated[
        Path | None, Meta(description="Bearer token for the state's URL, read anew each time.")
    ] = None
    ca_file: Annotated[
        Path | None, Meta(description="Certificates that the state's server is checked by, PEM.")
    ] = None
    blind_after: Annotated[
        Seconds, Meta(description="Time without a sign of queue and state from which on agents are denied.")
    ] = unit(Seconds, "10s")
    beacon_gap: Annotated[
        Seconds, Meta(description="Time without a beacon from which on the queue shows nothing.")
    ] = unit(Seconds, "25s")
    blind_subjects: Annotated[
        tuple[str, ...], Meta(description="Globs of the agents that are denied then, by id or type:id.")
    ] = ("*",)
    signed_unblock: Annotated[
        bool, Meta(description="A signed UNBLOCK of the queue releases by itself, instead of being a hint.")
    ] = False
    reply_topic_arn: Annotated[
        Name | None, Meta(description="SNS topic that acknowledgements are published on.")
    ] = None
    organization: Annotated[
        Name | None, Meta(description="Halts of other organizations are not for this host.")
    ] = None
    host: Annotated[
        Name | None, Meta(description="Name that halts of hosts know this one by; by default its hostname.")
    ] = None

    @property
    def has_feed(self) -> bool:
        """Whether there is anything that the daemon could be blind to."""
        return self.queue_url is not None or self.state is not None
