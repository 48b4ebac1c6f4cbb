"""Endpoint: where SQS is asked, in which region, and the proxy on the way."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

from sidecar.core.loopback import is_loopback
from sidecar.core.proxy import Proxy

_PORTS: Final = {"http": 80, "https": 443}
# The second form is the older one, which queues that are asked for through it still have in their URL.
_REGION: Final = re.compile(r"(?:sqs\.([a-z0-9-]+)|([a-z0-9-]+)\.queue)\.amazonaws\.com(?:\.cn)?")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`url` is what requests are signed for; `queue_url` only names the queue and is never dialled as such."""

    url: str
    queue_url: str
    region: str
    host: str
    port: int
    is_tls: bool
    proxy: Proxy | None = None

    @property
    def authority(self) -> str:
        """The Host header."""
        return urlsplit(self.url).netloc

    @property
    def target(self) -> str:
        return urlsplit(self.url).path


def endpoint_of(
    queue_url: str,
    environ: Mapping[str, str],
    *,
    endpoint_url: str | None = None,
    region: str | None = None,
    topic_arn: str | None = None,
) -> Endpoint:
    """Raises ValueError with a sentence for what can never work."""
    queue = _split(queue_url, "queue_url")
    given = endpoint_url or environ.get("AWS_ENDPOINT_URL_SQS") or environ.get("AWS_ENDPOINT_URL")
    url = _split(given, "endpoint_url") if given else SplitResult(queue.scheme, queue.netloc, "", "", "")
    host = url.hostname or ""
    if url.scheme != "https" and not is_loopback(host):
        raise ValueError("SQS is asked only over https, or on this machine")
    found = region or _region_of(queue.hostname or "", topic_arn, environ)
    if not found:
        raise ValueError("the AWS region of the queue is not known; set killswitch.region")
    return Endpoint(
        url=f"{url.scheme}://{url.netloc}{url.path.rstrip('/')}/",
        queue_url=queue_url,
        region=found,
        host=host,
        port=url.port or _PORTS[url.scheme],
        is_tls=url.scheme == "https",
        proxy=_proxy(url.scheme, host),
    )


def _split(text: str, what: str) -> SplitResult:
    """The text is not repeated, because it may hold a password."""
    try:
        url = urlsplit(text)
        is_usable = url.scheme in _PORTS and bool((url.hostname or "").encode("idna")) and url.port != 0
    except ValueError:
        is_usable = False
    if not is_usable or not text.isascii() or any(character <= " " for character in text):
        raise ValueError(f"{what} is not an http(s) URL")
    if url.username or url.password or url.query or url.fragment:
        raise ValueError(f"{what} holds a user, password, query or fragment")
    return url


def _region_of(queue_host: str, topic_arn: str | None, environ: Mapping[str, str]) -> str:
    """Requests are signed for the region of the queue, which that of the topic need not be."""
    if match := _REGION.fullmatch(queue_host):
        return match[1] or match[2]
    parts = (topic_arn or "").split(":")
    if len(parts) > 3 and parts[3]:
        return parts[3]
    return environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""


def _proxy(scheme: str, host: str) -> Proxy | None:
    """That of the environment (`HTTPS_PROXY`, `NO_PROXY`), never for this machine. Raises ValueError."""
    if is_loopback(host) or proxy_bypass(host):
        return None
    given = getproxies().get(scheme)
    return Proxy.parse(given) if given else None
