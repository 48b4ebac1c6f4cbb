"""Pinning: the one topic whose messages are believed, and the one host that its certificates come from.

Nothing but a whole host is compared, never its ending: anyone may own a bucket called `sns`.
"""

import re
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlsplit

from sidecar.core.killswitch.wire.model import Refusal, refusal
from sidecar.core.loopback import is_loopback

_ARN: Final = re.compile(r"arn:(aws|aws-cn|aws-us-gov):sns:([a-z0-9-]{1,32}):[0-9]{12}:[A-Za-z0-9_-]{1,256}")
CERTIFICATE_NAME: Final = re.compile(r"SimpleNotificationService-[0-9a-f]{32}\.pem")
_PATH: Final = re.compile(r"/(?:[A-Za-z0-9_-]{1,64}/){0,8}SimpleNotificationService-[0-9a-f]{32}\.pem")
_SHOWN: Final = 64


@dataclass(frozen=True, slots=True)
class Pinned:
    """`host` is where SNS keeps its certificates; `origin`, for tests alone, where they are fetched from instead."""

    topic_arn: str
    host: str
    origin: str = ""

    @classmethod
    def of(cls, topic_arn: str, origin: str = "") -> Self:
        """`origin` is like http://127.0.0.1:4566, and of this machine. Raises ValueError with a sentence."""
        match = _ARN.fullmatch(topic_arn)
        if match is None:
            raise ValueError("the topic must look like arn:aws:sns:REGION:ACCOUNT:NAME")
        partition, region = match.groups()
        domain = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
        return cls(topic_arn, f"sns.{region}.{domain}", _origin(origin) if origin else "")

    def check_topic(self, topic_arn: str) -> None:
        """Raises KillSwitchError."""
        if topic_arn != self.topic_arn:
            raise refusal(Refusal.WRONG_TOPIC, "it came by another topic than the one that is configured")

    def address(self, url: str) -> str:
        """Where the certificate of that URL is fetched from. Raises KillSwitchError."""
        if self.origin and url.startswith(f"{self.origin}/") and _PATH.fullmatch(url[len(self.origin) :]):
            return url
        for start in (f"https://{self.host}/", f"https://{self.host}:443/"):
            name = url.removeprefix(start)
            if name != url and CERTIFICATE_NAME.fullmatch(name):
                return f"{self.origin or f'https://{self.host}'}/{name}"
        shown = url[:_SHOWN].encode("ascii", "backslashreplace").decode()
        raise refusal(
            Refusal.BAD_CERTIFICATE_URL, f"`{shown}` is no certificate of SNS at https://{self.host}"
        )


def _origin(text: str) -> str:
    try:
        url = urlsplit(text)
        is_usable = url.scheme in {"http", "https"} and is_loopback(url.hostname or "") and bool(url.port)
    except ValueError:
        is_usable = False
    if not is_usable or text.rstrip("/") != f"{url.scheme}://{url.netloc}" or "@" in url.netloc:
        raise ValueError(
            "certificates may come from elsewhere only on this machine, as http://127.0.0.1:PORT"
        )
    return text.rstrip("/")
