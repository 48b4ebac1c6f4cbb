"""The reader of one daemon: whose orders it believes, as its config says."""

from sidecar.adapters.sns_certificates import SnsCertificates
from sidecar.config import Config
from sidecar.config.killswitch import Delivery
from sidecar.core.bundle import Trust
from sidecar.core.errors import ConfigError, Diagnostic, Place
from sidecar.core.killswitch.wire import Pinned
from sidecar.service.killswitch.reading import Reader


def build_reader(config: Config, trust: Trust | None) -> Reader:
    """`trust` is None where no keys are configured. Raises ConfigError where then nothing could be believed."""
    switch = config.killswitch
    is_raw = switch.delivery is Delivery.RAW
    if trust is None and (is_raw or switch.topic_arn is None):
        message = "without keys no order of the queue could be believed"
        hint = "set killswitch.keys or trust.keys, or killswitch.topic_arn with `envelope` for killswitch.delivery"
        raise ConfigError(Diagnostic(Place("killswitch.queue_url"), message, hint))
    return Reader(
        trust,
        _pinned(switch.topic_arn, switch.certificates or ""),
        SnsCertificates(config.state_dir),
        is_raw=is_raw,
        organization=switch.organization or "",
    )


def _pinned(topic_arn: str | None, origin: str) -> Pinned | None:
    try:
        return Pinned.of(topic_arn, origin) if topic_arn else None
    except ValueError as error:
        raise ConfigError(Diagnostic(Place("killswitch.topic_arn"), str(error))) from error
