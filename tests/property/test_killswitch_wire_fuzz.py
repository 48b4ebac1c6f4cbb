"""Whatever comes out of the queue is read without an error, and no change makes an order of ours another one."""

import asyncio
import copy

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.core.killswitch import Command, Kind, Order, Proof, Scope
from sidecar.core.killswitch.wire import BEACON_TYPE, ORDER_TYPE, Beacon, Refused, write_beacon, write_order
from sidecar.core.trust import seal
from sidecar.service.killswitch.reading import Reader
from sidecar.service.ports import Message
from tests.fakes.certificates import FakeCertificates
from tests.tools.signing import KEY, key, trust
from tests.tools.sns import PINNED, URL, notification, pem

NOW = 1_767_400_000.0
ORDER = Order(
    Command.BLOCK, Scope(Kind.AGENT, "a"), "c", proof=Proof.SIGNED, seq=1, issued_at=NOW - 1, received_at=NOW,
    expires_at=NOW + 100, reason="r", issued_by="ops", signer=KEY.public.id,
)  # fmt: skip
BARE = write_order(ORDER, [KEY]).decode()
WRAPPED = notification(BARE)
DOCUMENTED = notification(
    {"command_type": "BLOCK", "target_type": "agent", "agent_id": "a", "command_id": "c"}
)
BEACON = write_beacon(Beacon(NOW, "b"), [KEY]).decode()
LEAVES = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=20)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def readings(body):
    """With the certificate, without it, over raw delivery, and without keys."""
    known, none = FakeCertificates({URL: pem()}), FakeCertificates()
    readers = [
        Reader(trust(), PINNED, known, organization="acme"),
        Reader(trust(), PINNED, none),
        Reader(trust(), PINNED, known, is_raw=True),
        Reader(None, PINNED, known),
    ]

    async def all_of_them():
        return [await reader.read(Message("m", body, "h"), NOW) for reader in readers]

    return asyncio.run(all_of_them())


@st.composite
def mutated(draw, text):
    """The text with a few changes: a bit flipped, a stretch cut out, doubled or moved, something put in."""
    for _ in range(draw(st.integers(1, 3))):
        at, length = draw(st.integers(0, len(text))), draw(st.integers(0, 40))
        before, part, after = text[:at], text[at : at + length], text[at + length :]
        flipped = chr(ord((part or "x")[0]) ^ 1 << draw(st.integers(0, 6))) + part[1:]
        put = draw(st.sampled_from([" ", "\\", '"', ",", "{", "[", "=", "\x00", "\n", "\ud800", "é"]))
        made = [before + flipped + after, before + after, before, before + part + part + after]
        text = draw(st.sampled_from([*made, after + part + before, before + put + part + after]))
    return text


@given(st.text() | JSON.map(lambda value: msgspec.json.encode(value).decode()))
def test_anything_else_is_refused(body):
    assert all(isinstance(reading, Refused) for reading in readings(body))


@given(mutated(BARE) | mutated(WRAPPED))
def test_of_a_changed_message_nothing_but_the_signed_order_is_believed(body):
    with_certificate, _, raw, _ = readings(body)
    assert isinstance(with_certificate, Refused) or with_certificate == ORDER
    assert isinstance(raw, Refused) or raw == ORDER


@given(mutated(BEACON))
def test_of_a_changed_beacon_nothing_but_the_signed_one_is_believed(body):
    assert all(isinstance(one, Refused) or one == Beacon(NOW, "b") for one in readings(body))


@given(mutated(DOCUMENTED))
def test_a_changed_notification_releases_nothing_and_is_believed_without_proof_only_as_a_halt(body):
    proven, provisional, raw, _ = readings(body)
    for reading in (proven, provisional):
        assert isinstance(reading, Refused) or reading.command is Command.BLOCK
    if isinstance(proven, Order) and proven.proof is Proof.SNS:
        assert (proven.command_id, proven.scope) == ("c", ORDER.scope)
    assert isinstance(raw, Refused)


MEMBERS = ["command_type", "target_type", "agent_id", "mcp_server", "command_id", "parameters", "type",
           "organization_id", "expires_at", "issued_at", "is_broadcast", "reason"]  # fmt: skip
WORDS = st.sampled_from(["BLOCK", "unblock", "agent", "mcp_server", "beacon", "acme", "a", "*", ""]) | JSON


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(MEMBERS), WORDS))
def test_any_proven_message_is_an_order_a_beacon_or_a_reasoned_refusal(message):
    proven, provisional, raw, _ = readings(notification(message))
    is_release = str(message.get("command_type")).strip().lower() == "unblock"
    if isinstance(proven, Order):
        assert (proven.command is Command.UNBLOCK) == is_release
    if isinstance(provisional, Order):
        assert provisional.command is Command.BLOCK
    assert isinstance(raw, Refused)


@given(
    st.sampled_from([ORDER_TYPE, BEACON_TYPE, "application/vnd.ascend-sidecar.orders+json"]),
    st.binary(max_size=40) | JSON.map(msgspec.json.encode),
    st.sampled_from([KEY, key(9)]),
)
def test_any_signed_bytes_halt_or_are_refused_and_release_nothing(kind, body, signer):
    raw = msgspec.json.encode(seal(kind, body, (signer,))).decode()
    for reading in [*readings(raw)[:3], readings(notification(raw))[0]]:
        if signer is not KEY or kind == BEACON_TYPE:
            assert isinstance(reading, Refused)
        else:
            assert isinstance(reading, Refused) or reading.proof is Proof.NOT_UNDERSTOOD


ENVELOPES = [msgspec.json.decode(BARE), msgspec.json.decode(WRAPPED), msgspec.json.decode(DOCUMENTED)]


@given(st.sampled_from(ENVELOPES), st.data())
def test_any_member_may_hold_anything(envelope, data):
    changed = copy.deepcopy(envelope)
    for _ in range(data.draw(st.integers(1, 2))):
        name = data.draw(st.sampled_from([*changed, "x"]))
        changed[name] = data.draw(JSON | st.sampled_from([*ENVELOPES, BARE, WRAPPED]))
    for reading in readings(msgspec.json.encode(changed).decode())[:3]:
        if isinstance(reading, Order) and reading.proof is Proof.SIGNED:
            assert reading == ORDER
        elif isinstance(reading, Order):
            assert reading.command is Command.BLOCK
