"""Checks: what no key can know alone. Each finding stands at the place where the operator set the key."""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from sidecar.config.forward_auth import findings_of
from sidecar.config.keys import KEYS, value_of
from sidecar.config.killswitch import PLATFORM, Delivery
from sidecar.config.model import Config
from sidecar.config.settings import Findings
from sidecar.config.units import Seconds, Size
from sidecar.core.errors import Place
from sidecar.core.loopback import is_loopback

_SOCKET_PATH_BYTES: Final = 107
_HOST: Final = re.compile(
    r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[?[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\]?"
)
_TOPIC: Final = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}")
# A poll that is held to its end may be answered so much later and still be good.
_ONE_ANSWER: Final = 3.0
_RANGES: Final = {
    "limits.body": (Size.parse("1KiB"), Size.parse("16MiB")),
    "limits.headers": (Size.parse("1KiB"), Size.parse("1MiB")),
    "limits.read_timeout": (Seconds.parse("100ms"), Seconds.parse("1m")),
    "limits.idle": (Seconds.parse("1s"), Seconds.parse("1h")),
    "limits.wait": (Seconds.parse("0s"), Seconds.parse("55s")),
    "audit.deadline": (Seconds.parse("1ms"), Seconds.parse("10s")),
    "audit.segment": (Size.parse("64KiB"), Size.parse("1GiB")),
    "audit.keep.age": (Seconds.parse("1h"), Seconds.parse("36500d")),
    "bundle.poll": (Seconds.parse("1s"), Seconds.parse("1d")),
    "bundle.long_poll": (Seconds.parse("0s"), Seconds.parse("10m")),
    "bundle.timeout": (Seconds.parse("100ms"), Seconds.parse("1h")),
    "bundle.max_staleness": (Seconds.parse("1s"), Seconds.parse("3650d")),
    "bundle.max_download": (Size.parse("1KiB"), Size.parse("1GiB")),
    "bundle.max_size": (Size.parse("1KiB"), Size.parse("1GiB")),
    "platform.timeout": (Seconds.parse("50ms"), Seconds.parse("30s")),
    "platform.outbox.bytes": (Size.parse("1MiB"), Size.parse("16GiB")),
    "platform.outbox.age": (Seconds.parse("1m"), Seconds.parse("3650d")),
    "killswitch.wait": (Seconds.parse("1s"), Seconds.parse("20s")),
    "killswitch.poll": (Seconds.parse("100ms"), Seconds.parse("1m")),
    "killswitch.blind_after": (Seconds.parse("1s"), Seconds.parse("1h")),
    "killswitch.beacon_gap": (Seconds.parse("1s"), Seconds.parse("1h")),
    "trust.clock_skew": (Seconds.parse("0s"), Seconds.parse("1h")),
    "ascend.answer_waiters_after": (Seconds.parse("0s"), Seconds.parse("1h")),
    "forward_auth.timeout": (Seconds.parse("20ms"), Seconds.parse("10s")),
    "shutdown.grace": (Seconds.parse("0s"), Seconds.parse("1h")),
}


class _Report:
    """Findings by key."""

    def __init__(self, origins: Mapping[str, Place], findings: Findings) -> None:
        self._origins = origins
        self._findings = findings

    def __call__(self, key: str, message: str, hint: str = "") -> None:
        self._findings.add(self._origins.get(key, Place("default")), f"{key}: {message}", hint)


def check(config: Config, origins: Mapping[str, Place], findings: Findings) -> None:
    """Adds what is wrong with the whole."""
    report = _Report(origins, findings)
    for rule in (
        _ranges,
        _addresses,
        _tls,
        _folders,
        _sockets,
        _hosts,
        _base_url,
        _keep,
        _policies,
        _source,
        _keys,
        _platform,
        _halts,
        _killswitch,
        _forward_auth,
    ):
        rule(config, report)


def check_start(config: Config, origins: Mapping[str, Place], findings: Findings) -> None:
    """Adds what keeps a daemon from starting, though the command line's other verbs can do with it."""
    report = _Report(origins, findings)
    _policies(config, report)
    _somewhere(config, report)
    _signed_halts(config, report)


def _ranges(config: Config, report: _Report) -> None:
    for name, (least, most) in _RANGES.items():
        value: Any = value_of(config, KEYS[name])
        if not least <= value <= most:
            report(name, f"{value} is not between {least} and {most}")


def _addresses(config: Config, report: _Report) -> None:
    if config.listen == config.ops_listen and config.listen.port:
        report(
            "ops_listen",
            f"{config.ops_listen} already decides",
            "probes and metrics need an address of their own",
        )
    if not config.listen.is_loopback and not (config.tls.cert and config.tokens_file):
        message = f"{config.listen} can be reached from other machines"
        report("listen", message, "set tls.cert, tls.key and tokens_file, or listen on 127.0.0.1")


def _tls(config: Config, report: _Report) -> None:
    if config.tls.cert and not config.tls.key:
        report("tls.cert", "a certificate without its key", "set tls.key too")
    if config.tls.key and not config.tls.cert:
        report("tls.key", "a key without its certificate", "set tls.cert too")


def _folders(config: Config, report: _Report) -> None:
    if config.state_dir.is_relative_to(config.run_dir):
        message = f"{config.run_dir} holds the state folder, and agents may be given the run folder"
        report("run_dir", message, "choose a folder of its own")


def _sockets(config: Config, report: _Report) -> None:
    """unix(7): sun_path has 108 bytes, the last of which ends the string."""
    in_run = config.approvals_socket if config.approvals.group else config.decision_socket
    if config.forward_auth.grpc:
        in_run = config.forward_auth_socket
    for key, path in (("run_dir", in_run), ("state_dir", config.admin_socket)):
        length = len(bytes(path))
        if length > _SOCKET_PATH_BYTES:
            message = f"the socket path {path} has {length} bytes, {_SOCKET_PATH_BYTES} at most are possible"
            report(key, message, "choose a shorter folder")


def _hosts(config: Config, report: _Report) -> None:
    for host in config.allowed_hosts:
        if not _HOST.fullmatch(host):
            report("allowed_hosts", f"`{host[:64]}` is not a host name", "without scheme, port and wildcard")


def _base_url(config: Config, report: _Report) -> None:
    """AuthZEN 1.0, metadata: `policy_decision_point` uses https and has no query or fragment."""
    if config.public_base_url is None:
        return
    url = urlsplit(config.public_base_url)
    if url.scheme != "https" or not url.hostname or url.query or url.fragment or url.username:
        report(
            "public_base_url",
            f"`{config.public_base_url[:64]}` is not an https address such as https://pdp.example",
        )


def _keep(config: Config, report: _Report) -> None:
    if config.audit.keep.bytes < 2 * config.audit.segment:
        hint = "at least two segments, so that one can go while another fills"
        report(
            "audit.keep.bytes",
            f"{config.audit.keep.bytes} is too little for segments of {config.audit.segment}",
            hint,
        )


def _source(config: Config, report: _Report) -> None:
    source, bundle = config.bundle.source, config.bundle
    url = urlsplit(source or "")
    if url.username or url.password:
        report("bundle.source", "a user or password in the address", "use bundle.token_file")
    is_open = url.scheme == "http" and not is_loopback(url.hostname or "")
    if bundle.token_file is not None and is_open:
        report("bundle.token_file", "the token would be sent in the clear", "use https")


def _platform(config: Config, report: _Report) -> None:
    """The text of the address is not repeated, because it may hold a password."""
    if config.platform.url is None:
        return
    try:
        url = urlsplit(config.platform.url)
        is_usable = url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        report("platform.url", "not an address such as https://platform.example")
    elif url.username or url.password:
        report("platform.url", "a user or password in the address", "use platform.key_file")
    elif url.query or url.fragment:
        report("platform.url", "a query or fragment in the address")
    elif url.scheme == "http" and not is_loopback(url.hostname or ""):
        report("platform.url", "the key would be sent in the clear", "use https")


def _halts(config: Config, report: _Report) -> None:
    switch, place = config.killswitch, config.killswitch.state
    try:
        url = urlsplit(place or "")
    except ValueError:
        report("killswitch.state", "not an address such as https://platform.example/halts")
        return
    if url.scheme not in {"", "http", "https", "s3"}:
        report("killswitch.state", "not a file, an http(s) URL, s3://bucket/key or `platform`")
    if url.username or url.password:
        report("killswitch.state", "a user or password in the address", "use killswitch.token_file")
    if switch.token_file is not None and url.scheme == "http" and not is_loopback(url.hostname or ""):
        report("killswitch.token_file", "the token would be sent in the clear", "use https")
    if switch.has_feed and switch.blind_after < 2 * switch.poll:
        message = f"{switch.blind_after} is too short for a look every {switch.poll}"
        report("killswitch.blind_after", message, "at least twice killswitch.poll")


def _signed_halts(config: Config, report: _Report) -> None:
    """Whether there is a platform shows later: its address may be that of the agents' environment."""
    if config.killswitch.state not in (None, PLATFORM) and not config.can_verify_halts:
        hint = "set killswitch.keys or trust.keys to the public keys that sign it"
        report("killswitch.state", "a state document that nothing could verify", hint)


def _killswitch(config: Config, report: _Report) -> None:
    """The text of an address is not repeated, because it may hold a password."""
    switch = config.killswitch
    for key, text in (("queue_url", switch.queue_url), ("endpoint_url", switch.endpoint_url)):
        if text is not None and (problem := _problem_of_url(text)):
            report(f"killswitch.{key}", *problem)
    is_open = urlsplit(switch.endpoint_url or "").scheme == "http"
    if is_open and not is_loopback(urlsplit(switch.endpoint_url or "").hostname or ""):
        report("killswitch.endpoint_url", "orders would come in the clear", "use https")
    for key, arn in (("topic_arn", switch.topic_arn), ("reply_topic_arn", switch.reply_topic_arn)):
        if arn is not None and not _TOPIC.fullmatch(arn):
            hint = "such as arn:aws:sns:eu-west-1:123456789012:halts"
            report(f"killswitch.{key}", f"`{arn[:64]}` is not the ARN of an SNS topic", hint)
    if switch.queue_url is None:
        return
    if switch.blind_after < switch.wait + _ONE_ANSWER:
        message = (
            f"{switch.blind_after} is too short for polls of {switch.wait}: between two it would be blind"
        )
        report("killswitch.blind_after", message, f"at least {_ONE_ANSWER:g}s more than killswitch.wait")
    if switch.delivery is Delivery.ENVELOPE and switch.topic_arn is None:
        hint = "set it to the one topic whose messages are believed, or killswitch.delivery to raw"
        report("killswitch.topic_arn", "a queue without its topic: any topic could halt this host", hint)
    if switch.delivery is Delivery.RAW and not config.can_verify_halts:
        hint = "set killswitch.keys or trust.keys to the public keys that sign orders"
        report("killswitch.delivery", "raw orders that nothing could verify", hint)


def _forward_auth(config: Config, report: _Report) -> None:
    for key, message, hint in findings_of(config.forward_auth):
        report(f"forward_auth.{key}", message, hint)


def _problem_of_url(text: str) -> tuple[str, str] | None:
    """A message and a hint."""
    try:
        url = urlsplit(text)
        is_usable = url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        return "not an address such as https://sqs.eu-west-1.amazonaws.com/123456789012/host", ""
    if url.username or url.password or url.query or url.fragment:
        return (
            "a user, password, query or fragment in the address",
            "credentials come from the AWS environment",
        )
    return None


def _keys(config: Config, report: _Report) -> None:
    trust = config.trust
    if trust.keys and trust.threshold > len(trust.keys):
        report("trust.threshold", f"{trust.threshold} of {len(trust.keys)} keys can never sign")
    switch = config.killswitch
    if switch.keys and switch.threshold > len(switch.keys):
        report("killswitch.threshold", f"{switch.threshold} of {len(switch.keys)} keys can never sign")
    if switch.threshold > 1 and not switch.keys:
        hint = "set killswitch.keys, or trust.threshold, which counts where trust.keys sign halts"
        report("killswitch.threshold", "a number of keys, of which there are none", hint)


def _policies(config: Config, report: _Report) -> None:
    """A folder is trusted as it is: beside keys it would be a way around them."""
    if config.policies is None:
        return
    if config.trust.keys:
        hint = "leave one of them out; keys that sign halts only go to killswitch.keys"
        report("policies", "an unsigned folder beside trust.keys", hint)
    if config.bundle.source is not None:
        report("policies", "a folder beside bundle.source", "policies come from one place; leave one out")


def _somewhere(config: Config, report: _Report) -> None:
    if config.policies is None and config.bundle.source is None:
        hint = (
            "give --policies DIR, --policies default for those in the package, "
            "or --bundle FILE|URL with trust.keys"
        )
        report("policies", "no policy source: nothing could be allowed", hint)
    if config.bundle.source is not None and not config.trust.keys:
        hint = "set trust.keys to the public keys that sign it, or give a folder with --policies"
        report("bundle.source", "a bundle that nothing could verify", hint)
