"""The approvals door, for people: which actions wait, what each of them is, and a yes or a no to it.

A vote is that of the person whom the bundle names for the peer's uid, or who signed the statement in it.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from sidecar.api.approval_words import details, summary
from sidecar.api.prefer import preferred_wait
from sidecar.api.problems import from_error
from sidecar.api.wire import Call, Handler, Reply, Route, encode, header_lines, ok, parse_body, read
from sidecar.core.approval import Choice
from sidecar.core.errors import BundleError, RequestError, SidecarError
from sidecar.core.ijson import JsonLimits
from sidecar.core.model import Object
from sidecar.core.trust import Envelope, parse_envelope
from sidecar.service.ballots import Ballots, Page

_STATES: Final = ("open", "all")
_MOST: Final = 1000


class VoteBody(msgspec.Struct, frozen=True):
    """`statement` is a DSSE envelope, see docs/approvals.md."""

    comment: Annotated[str, Meta(max_length=1000)] = ""
    statement: Object | None = None


class ApprovalsDoor:
    """Its routes are on the approvals socket and on the admin socket."""

    def __init__(self, ballots: Ballots, limits: JsonLimits, longest_wait: float) -> None:
        self._ballots = ballots
        self._limits = limits
        self._longest_wait = longest_wait

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("GET", "/v1/approvals", _guarded(self.browse)),
            Route("GET", "/v1/approvals/{}", _guarded(self.show)),
            Route("POST", "/v1/approvals/{}/approve", _guarded(self.approve), reads_json=True),
            Route("POST", "/v1/approvals/{}/deny", _guarded(self.deny), reads_json=True),
        )

    async def browse(self, call: Call) -> Reply:
        """With `since`, what changed after that number; `Prefer: wait=N` holds the answer until something has."""
        only_open = _state(call) == "open"
        limit = min(_number(call, "limit") or _MOST, _MOST)
        since = _number(call, "since")
        if since is None:
            return ok(_page(self._ballots.page(limit, only_open=only_open)))
        wait = min(preferred_wait(call.headers.get("prefer", "")), self._longest_wait)
        applied = header_lines(("Preference-Applied", f"wait={wait:g}")) if wait else b""
        return ok(_page(await self._ballots.news(since, limit, wait, only_open=only_open)), applied)

    async def show(self, call: Call) -> Reply:
        return ok(details(await self._ballots.show(call.params[0])))

    async def approve(self, call: Call) -> Reply:
        return await self._vote(call, Choice.APPROVE)

    async def deny(self, call: Call) -> Reply:
        return await self._vote(call, Choice.DENY)

    async def _vote(self, call: Call, choice: Choice) -> Reply:
        """The approval with the vote."""
        approval_id = call.params[0]
        body = read(parse_body(call, self._limits), VoteBody) if call.body else VoteBody()
        if body.statement is None:
            await self._ballots.vote_by_uid(approval_id, call.caller.uid, choice, body.comment)
        else:
            envelope = _envelope(body.statement)
            await self._ballots.vote_by_statement(approval_id, envelope, choice, body.comment)
        return ok(details(await self._ballots.show(approval_id)))


def _page(page: Page) -> Object:
    return {
        "approvals": [summary(ballot) for ballot in page.ballots],
        "more": page.more,
        "changes": page.changes,
    }


def _envelope(statement: Object) -> Envelope:
    try:
        return parse_envelope(encode(statement))
    except BundleError as error:
        raise RequestError(str(error), field="statement") from error


def _state(call: Call) -> str:
    state = call.query.get("state", "open")
    if state not in _STATES:
        raise RequestError(f"must be one of {', '.join(_STATES)}", field="state")
    return state


def _number(call: Call, name: str) -> int | None:
    text = call.query.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise RequestError("must be a whole number from 0", field=name)
    return int(text)


def _guarded(handler: Callable[[Call], Awaitable[Reply]]) -> Handler:
    """What people can expect to be told is no failure of the daemon, and is not logged as one."""

    async def guarded(call: Call) -> Reply:
        try:
            return await handler(call)
        except SidecarError as error:
            return from_error(error)

    return guarded
