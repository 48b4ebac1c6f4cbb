"""Event streams: how agents stand with the kill switch, told as it happens.

As server-sent events, or with `Accept: text/plain` as lines that a shell reads: `NUMBER WORD ABOUT REASON`, numbered
from 1, where about and reason are percent-encoded and `-` stands for none. First comes how things are, then what
changes; a line that begins with `:` every five seconds shows that the daemon is alive.
"""

from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from sidecar.api.problems import problem
from sidecar.api.wire import Call, Reply, Route, Stream, encode
from sidecar.core.errors import RequestError
from sidecar.service.killswitch.streams import Streams, TooManyStreams
from sidecar.service.killswitch.subscription import Numbered, Subscription
from sidecar.service.state import State

_PATH: Final = "/v1/events"
_AGENTS_AT_MOST: Final = 16
_NAME_CHARS: Final = 1024
_SSE: Final = "text/event-stream"
_TEXT: Final = "text/plain"
_ALIVE: Final = {_SSE: b": alive\n\n", _TEXT: b": alive\n"}


class Events:
    """The stream of a caller's agents on the decision doors, of everything on those for people."""

    def __init__(self, streams: Streams, state: State) -> None:
        self._streams = streams
        self._state = state

    def routes(self) -> tuple[Route, ...]:
        about = "How this caller's agents stand with the kill switch, as it happens."
        return (Route("GET", _PATH, self.of_agents, about=about, streams=True),)

    def routes_of_everything(self) -> tuple[Route, ...]:
        return (Route("GET", _PATH, self.of_everything),)

    async def of_agents(self, call: Call) -> Reply:
        """`?agent=` as `type:id`, or the id of an agent, at most 16 times; else those that the caller asks for."""
        names = [_name(value) for key, value in call.all_query if key == "agent"]
        if len(names) > _AGENTS_AT_MOST:
            raise RequestError(f"may occur {_AGENTS_AT_MOST} times", field="agent")
        for name in names:
            self._check(call, name)
        return _streamed(call, lambda: self._streams.of_agents(call.caller, names))

    async def of_everything(self, call: Call) -> Reply:
        return _streamed(call, self._streams.of_everything)

    def _check(self, call: Call, name: str) -> None:
        bundle = self._state.snapshot.bundle
        agent = bundle.agents.find(name) if bundle else None
        if agent is not None and agent.is_bound and not agent.admits(call.caller):
            message = f"{name} is bound to another uid or token than the caller's"
            raise RequestError(message, field="agent", status=403)


class _Chunks:
    """What a subscription tells, as bytes."""

    def __init__(self, subscription: Subscription, content_type: str) -> None:
        self._subscription = subscription
        self._type = content_type

    def __aiter__(self) -> "_Chunks":
        return self

    async def __anext__(self) -> bytes:
        return b"".join([_rendered(one, self._type) for one in await anext(self._subscription)])


def _streamed(call: Call, subscribe: Callable[[], Subscription]) -> Reply:
    try:
        subscription = subscribe()
    except TooManyStreams as error:
        return problem(503, str(error))
    content_type = _TEXT if _wants_text(call.headers.get("accept", "")) else _SSE
    return Stream(
        200,
        b"",
        content_type=f"{content_type}; charset=utf-8",
        chunks=_Chunks(subscription, content_type),
        close=subscription.close,
    )


def _wants_text(accept: str) -> bool:
    return _TEXT in accept and _SSE not in accept


def _name(value: str) -> str:
    if not 0 < len(value) <= _NAME_CHARS:
        raise RequestError(f"must have 1 to {_NAME_CHARS} characters", field="agent")
    return value if ":" in value else f"agent:{value}"


def _rendered(numbered: Numbered, content_type: str) -> bytes:
    number, event = numbered
    if not event.word:
        return _ALIVE[content_type]
    if content_type == _TEXT:
        about, reason = quote(event.about, safe=":*@._-"), quote(event.reason, safe=":.,_-")
        return f"{number} {event.word} {about or '-'} {reason or '-'}\n".encode()
    details = event.details or {"reason": event.reason}
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (number, event.word.encode(), encode(details))
