"""A batch gives each item what it would get alone, duplicates and mixed properties included."""

import asyncio

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from sidecar.api.authzen import AuthZen
from sidecar.api.wire import Call, encode
from sidecar.core.errors import RequestError
from sidecar.core.ijson import JsonLimits
from sidecar.core.model import Caller
from tests.fakes.house import House

RULES = """
rules:
  - {id: read, match: {actions: ["read"], resources: ["thing:*"]}, effect: allow, reason: x}
  - {id: small, match: {actions: ["pay"]}, when: action.properties.amount < 10, effect: allow, reason: x}
  - {id: large, match: {actions: ["pay"]}, when: action.properties.amount >= 10, effect: approve, reason: x,
     approval: {stages: [{approvers: ["group:x"]}]}}
  - {id: never, match: {subjects: ["agent:evil"]}, effect: deny, reason: x}
"""

ENTITIES = {
    "subject": st.sampled_from(
        [{"type": "agent", "id": "good"}, {"type": "agent", "id": "evil"}, {"type": "agent"}, 7]
    ),
    "action": st.sampled_from(
        [
            {"name": "read"},
            *({"name": "pay", "properties": {"amount": n}} for n in (1, 10, "x")),
            {"name": "pay"},
            {},
        ]
    ),
    "resource": st.sampled_from([{"type": "thing", "id": "t"}, {"type": "other", "id": "t"}, "thing:t"]),
    "context": st.sampled_from([{}, {"session": "s"}, []]),
}
ITEMS = st.lists(st.fixed_dictionaries({}, optional=ENTITIES), min_size=1, max_size=6)
SEMANTICS = {"execute_all": None, "deny_on_first_deny": False, "permit_on_first_permit": True}


def door() -> AuthZen:
    return AuthZen(House(RULES).decider, None, JsonLimits(), 100, "http://localhost")


async def ask(handler, body) -> dict:
    return msgspec.json.decode((await handler(Call({}, encode(body), Caller()))).body)


async def alone(authzen: AuthZen, body: dict) -> bool:
    """The decision on one item; what is no request is a false."""
    try:
        return (await ask(authzen.evaluation, body))["decision"]
    except RequestError:
        return False


@given(
    defaults=st.fixed_dictionaries({}, optional=ENTITIES),
    items=ITEMS,
    semantic=st.sampled_from(list(SEMANTICS)),
)
def test_batch_equals_singles(defaults, items, semantic):
    async def run():
        authzen = door()
        singles = [await alone(authzen, defaults | item) for item in items]
        body = defaults | {"evaluations": items, "options": {"evaluations_semantic": semantic}}
        told = (await ask(authzen.evaluations, body))["evaluations"]
        return singles, [item["decision"] for item in told]

    singles, batch = asyncio.run(run())
    ends = SEMANTICS[semantic]
    length = singles.index(ends) + 1 if ends in singles else len(singles)
    assert batch == singles[:length]
