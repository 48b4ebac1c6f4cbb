"""The ASCEND dialect where there is a platform: each route behind the way that service/forwarding.py has for it."""

from collections.abc import Iterable
from typing import Final

import msgspec

from sidecar.api.ascend_halts import SWITCH
from sidecar.api.ascend_relayed import relayed
from sidecar.api.ascend_replies import detail, guarded
from sidecar.api.wire import Call, Handler, Reply, Route, ok, parse_body
from sidecar.core.ijson import JsonLimits
from sidecar.core.model import Object
from sidecar.core.platform import Unavailable
from sidecar.service.forwarding import WAYS, Forwarding, Passing, Way
from sidecar.service.outcomes import Outcomes
from sidecar.service.ports import PlatformReply
from sidecar.service.speaking import may_speak_for
from sidecar.service.state import State

_ACTION: Final = "action_id"


class AscendForward:
    """Wraps the routes that this daemon alone would answer with."""

    def __init__(self, forwarding: Forwarding, outcomes: Outcomes, state: State, limits: JsonLimits) -> None:
        self._forwarding = forwarding
        self._outcomes = outcomes
        self._state = state
        self._limits = limits
        self._wrappers = {
            Way.OWN: self._own,
            Way.THERE: self._there,
            Way.THERE_OR_HERE: self._there_or_here,
            Way.HERE_THEN_THERE: self._here_then_there,
            Way.HERE_OR_THERE: self._here_or_there,
            Way.EITHER: self._either,
            Way.JOINED: self._joined,
            Way.OF_ACTION: self._of_action,
        }

    def wrapped(self, routes: Iterable[Route]) -> tuple[Route, ...]:
        return tuple(self._wrap(route) for route in routes)

    def _wrap(self, route: Route) -> Route:
        wrapper = self._wrappers.get(WAYS.get((route.method, route.path), Way.HERE))
        if wrapper is None:
            return route
        return msgspec.structs.replace(route, handler=guarded(wrapper(route)))

    async def change(self, call: Call, method: str, path: str, body: Object, headers: bytes) -> Reply:
        """Pass on what was decided, as it was decided: with that body, and nothing else."""
        return relayed(await self._forwarding.pass_on(_passing(call, method, path, body or None)), headers)

    def _there(self, route: Route) -> Handler:
        async def handler(call: Call) -> Reply:
            return relayed(await self._forwarding.pass_on(self._as_sent(route, call)))

        return handler

    def _there_or_here(self, route: Route) -> Handler:
        async def handler(call: Call) -> Reply:
            told = await self._forwarding.pass_on(self._as_sent(route, call))
            return await route.handler(call) if isinstance(told, Unavailable) else relayed(told)

        return handler

    def _here_then_there(self, route: Route) -> Handler:
        """What is refused here is not shown to the platform, and is not asked for a second opinion."""

        async def handler(call: Call) -> Reply:
            here = await route.handler(call)
            if here.status != 200 or _is_refused(here):
                return here
            passing = self._as_sent(route, call)
            told = await self._forwarding.pass_on(await self._with_its_action(call, passing))
            return here if isinstance(told, Unavailable) else relayed(told)

        return handler

    def _here_or_there(self, route: Route) -> Handler:
        there = self._there_or_here(route)

        async def handler(call: Call) -> Reply:
            here = await route.handler(call)
            return await there(call) if here.status == 200 and _is_unknown(here) else here

        return handler

    def _either(self, route: Route) -> Handler:
        """Its SDK takes whatever says nothing of a block for not blocked, and blocks itself after three errors."""

        async def handler(call: Call) -> Reply:
            here = await route.handler(call)
            if here.status != 200 or _is_refused(here):
                return here
            told = await self._forwarding.pass_on(self._as_sent(route, call))
            if isinstance(told, PlatformReply) and told.status == 200:
                return _switch(told)
            return relayed(told)

        return handler

    def _joined(self, route: Route) -> Handler:
        """What is known here is told whatever the platform says, and its silence hides none of it."""

        async def handler(call: Call) -> Reply:
            here = await route.handler(call)
            if here.status != 200:
                return here
            told = await self._forwarding.pass_on(self._as_sent(route, call))
            if isinstance(told, PlatformReply) and told.status == 200:
                return ok(_with_commands(here, told))
            has_any = msgspec.json.decode(here.body)["count"] > 0
            return here if has_any or isinstance(told, Unavailable) else relayed(told)

        return handler

    def _of_action(self, route: Route) -> Handler:
        async def handler(call: Call) -> Reply:
            there = await self._action_there(call, call.params[0])
            if not there:
                return await route.handler(call)
            passing = _passing(call, route.method, filled(route.path, (there,)), None)
            told = await self._forwarding.pass_on(passing)
            return await route.handler(call) if isinstance(told, Unavailable) else relayed(told)

        return handler

    def _own(self, route: Route) -> Handler:
        """Registered here first; then the daemon says it, for an agent whose caller may speak for it."""

        async def handler(call: Call) -> Reply:
            passing = self._as_sent(route, call)
            if not may_speak_for(self._state, call.caller, (passing.body or {}).get("agent_id")):
                return detail(403, "This agent is bound to another uid or token than the caller's.")
            here = await route.handler(call)
            if here.status != 200:
                return here
            told = await self._forwarding.say(msgspec.structs.replace(passing, query=()))
            return here if isinstance(told, Unavailable) else relayed(told, here.headers)

        return handler

    async def _with_its_action(self, call: Call, passing: Passing) -> Passing:
        """The platform's id of the action in the body, or none."""
        body = passing.body
        if not body or _ACTION not in body:
            return passing
        there = await self._action_there(call, str(body[_ACTION]))
        others: Object = {name: value for name, value in body.items() if name != _ACTION}
        if there.isdigit():
            others[_ACTION] = int(there)
        return msgspec.structs.replace(passing, body=others)

    async def _action_there(self, call: Call, action_id: str) -> str:
        """The platform's id of an action of this caller's; "" where it knows none."""
        record = await self._outcomes.recorded(action_id, call.caller)
        return record.scored.action_id if record and record.scored else ""

    def _as_sent(self, route: Route, call: Call) -> Passing:
        body = parse_body(call, self._limits) if call.body else None
        return _passing(call, route.method, filled(route.path, call.params), body, call.query.items())


def _passing(
    call: Call, method: str, path: str, body: Object | None, query: Iterable[tuple[str, str]] = ()
) -> Passing:
    return Passing(method, path, dict(call.headers), body, tuple(query))


def filled(path: str, params: tuple[str, ...]) -> str:
    """The path with its parameters, which were checked to mean nothing but themselves."""
    return path.replace("{}", "%s") % params


def _switch(told: PlatformReply) -> Reply:
    """The platform's kill switch under every name that an SDK looks at; on where any of them says so."""
    body = told.body if isinstance(told.body, dict) else {}
    said = [body[name] for name in SWITCH if name in body]
    if not said or not all(isinstance(one, bool) for one in said):
        return detail(403, "The ASCEND platform does not say whether this agent is blocked.")
    return ok(body | dict.fromkeys(SWITCH, any(said)))


def _with_commands(here: Reply, there: PlatformReply) -> Object:
    """Ours and the platform's, each once. What is no list of commands adds none."""
    ours: Object = msgspec.json.decode(here.body)
    body = there.body if isinstance(there.body, dict) else {}
    listed = body.get("commands")
    theirs = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    known = {one["command_id"] for one in ours["commands"]}
    commands = [*ours["commands"], *(one for one in theirs if one.get("command_id") not in known)]
    return body | {"agent_id": ours["agent_id"], "commands": commands, "count": len(commands)}


def _is_unknown(reply: Reply) -> bool:
    return bool(msgspec.json.decode(reply.body).get("status") == "unknown")


def _is_refused(reply: Reply) -> bool:
    """Whether an evaluation does not allow, or a scan has found something."""
    told = msgspec.json.decode(reply.body)
    return told.get("blocked") is True or told.get("decision", "allowed") != "allowed"
