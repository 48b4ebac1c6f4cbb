"""The reply topic: acknowledgements published on SNS, by boto3 in a thread of its own.

Endpoint and credentials are those of the standard AWS environment; the region is that of the topic.
"""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import msgspec

from sidecar.core.owed import Fate, Owed
from sidecar.service.ports import Told

_ARN: Final = re.compile(
    r"arn:aws[a-z-]*:sns:(?P<region>[a-z0-9-]+):[0-9]{12}:(?P<name>[A-Za-z0-9_-]{1,256}(\.fifo)?)"
)
_GROUP: Final = "kill-switch-acks"
# SNS says these of the message itself; of all else it is the topic, the rights or the service that is at fault.
_OF_THE_MESSAGE: Final = frozenset({"InvalidParameter", "InvalidParameterValue"})
_SPARE: Final = 1.0


class KillSwitchReplies:
    """The Recipient that a topic is. One call at a time."""

    def __init__(self, topic_arn: str, *, timeout: float) -> None:
        """`timeout` in seconds for each of connecting and reading. Raises ValueError for what is no topic."""
        found = _ARN.fullmatch(topic_arn)
        if found is None:
            raise ValueError("it must look like arn:aws:sns:REGION:ACCOUNT:TOPIC")
        self._arn = topic_arn
        self._region = found["region"]
        self._is_fifo = found["name"].endswith(".fifo")
        self._timeout = timeout
        self._client: Any = None
        self._thread = ThreadPoolExecutor(1, "reply-topic")

    async def tell(self, item: Owed, within: float) -> Told:
        """As the port says. A call that is given up may still arrive: it goes again under the same id."""
        try:
            async with asyncio.timeout(within + _SPARE):
                return await asyncio.get_running_loop().run_in_executor(self._thread, self._publish, item)
        except TimeoutError:
            return Told(Fate.NOT_NOW, "timeout")

    def close(self) -> None:
        """A call that is under way ends by itself; there can be no other."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _publish(self, item: Owed) -> Told:
        # Loading it takes 0.3 s and 20 MB, which is for those to pay who use it.
        from botocore.exceptions import ClientError  # noqa: PLC0415 - optional and heavy

        try:
            if self._client is None:
                self._client = self._connect()
            answer = self._client.publish(**self._message(item))
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", "")) or "no code"
            self._forget()
            return Told(Fate.REFUSED if code in _OF_THE_MESSAGE else Fate.NOT_NOW, f"SNS answers {code}")
        except Exception as error:  # noqa: BLE001 - what a source of credentials answers makes it raise anything
            self._forget()
            return Told(Fate.NOT_NOW, type(error).__name__)
        # boto3 takes any well-formed page for an answer.
        is_told = bool(answer.get("MessageId"))
        return Told(Fate.DELIVERED) if is_told else Told(Fate.NOT_NOW, "SNS answers without a message id")

    def _message(self, item: Owed) -> dict[str, Any]:
        message = {"TopicArn": self._arn, "Message": msgspec.json.encode(item.body).decode()}
        in_order = {"MessageGroupId": _GROUP, "MessageDeduplicationId": item.id}
        return message | in_order if self._is_fifo else message

    def _connect(self) -> Any:
        """One attempt a call: the delivery knows when to try again."""
        import boto3  # noqa: PLC0415 - optional and heavy
        from botocore.config import Config  # noqa: PLC0415 - a part of it

        config = Config(
            connect_timeout=self._timeout,
            read_timeout=self._timeout,
            retries={"mode": "standard", "total_max_attempts": 1},
        )
        return boto3.session.Session().client("sns", region_name=self._region, config=config)

    def _forget(self) -> None:
        """A client keeps the credentials that it found, so after any error a new one is made."""
        client, self._client = self._client, None
        if client is not None:
            client.close()
