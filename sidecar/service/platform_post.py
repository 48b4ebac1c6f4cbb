"""The platform as one who is told what is owed: each item is a POST, under the item's own correlation id."""

from sidecar.core.owed import Owed, fate, fate_without
from sidecar.core.platform import Unavailable
from sidecar.service.ports import Platform, PlatformCall, Told


class PlatformPost:
    """The Recipient that a Platform is. What is told in the background keeps no decision from asking."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def tell(self, item: Owed, within: float) -> Told:
        call = PlatformCall("POST", item.path, item.body, correlation_id=item.id, in_background=True)
        reply = await self._platform.send(call, within)
        if isinstance(reply, Unavailable):
            return Told(fate_without(reply), f"{reply.reason} {reply.status or ''}".strip())
        return Told(fate(item.kind, reply.status, reply.body), f"status {reply.status}")
