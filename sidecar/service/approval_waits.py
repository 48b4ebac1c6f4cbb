"""Those who wait for an approval to be resolved, or for anything about approvals to change."""

import asyncio


class ApprovalWaits:
    """Woken, they look for themselves at what there is."""

    def __init__(self) -> None:
        self._news = asyncio.Event()
        self._resolved: dict[str, asyncio.Event] = {}

    @property
    def awaited(self) -> list[str]:
        """The ids of approvals whose end somebody waits for."""
        return list(self._resolved)

    async def resolution(self, approval_id: str, within: float) -> None:
        """Return when it is resolved, or after so many seconds."""
        await _happens(self._resolved.setdefault(approval_id, asyncio.Event()), within)

    async def news(self, within: float) -> None:
        """Return when something has changed, or after so many seconds."""
        await _happens(self._news, within)

    def resolved(self, approval_id: str) -> None:
        """It is, or its request is halted."""
        if event := self._resolved.pop(approval_id, None):
            event.set()

    def changed(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


async def _happens(event: asyncio.Event, within: float) -> None:
    """Handlers run without a task (api/drive.py), so neither `timeout` nor a group of tasks can be used."""
    waiter = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({waiter}, timeout=within)
    finally:
        waiter.cancel()
