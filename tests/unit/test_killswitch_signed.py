"""Our own form: what is written is what is read, and what trusted keys have signed is never lost."""

import msgspec
import pytest

from sidecar.core import canonical
from sidecar.core.errors import KillSwitchError
from sidecar.core.killswitch import Command, Kind, Order, Origin, Proof, Scope, scope
from sidecar.core.killswitch.wire import (
    BEACON_TYPE,
    ORDER_TYPE,
    Beacon,
    Refusal,
    envelope_in,
    read_signed,
    read_vouched,
    write_beacon,
    write_order,
)
from sidecar.core.trust import seal
from sidecar.core.trust.rotation import state_keys
from tests.tools.signing import KEY, ec_key, key, key_set, trust

NOW = 1_767_400_000.0
TRUST = trust(skew=60.0)
WRITTEN = {
    "apiVersion": "ascend.sidecar/v1",
    "kind": "Order",
    "command_id": "c-1",
    "seq": 7,
    "scope": {"kind": "agent", "name": "payments"},
    "command": "BLOCK",
    "issued_at": NOW - 1,
}
ORDER = Order(
    Command.BLOCK,
    Scope(Kind.AGENT, "payments"),
    "c-1",
    Origin.FLEET,
    Proof.SIGNED,
    seq=7,
    issued_at=NOW - 1,
    received_at=NOW,
    signer=KEY.public.id,
)


def read(raw, trusted=TRUST, organization=""):
    return read_signed(envelope_in(raw.decode()), trusted, NOW, organization)


def sealed(body, kind=ORDER_TYPE, *signers):
    raw = body if isinstance(body, bytes) else canonical.encode(body)
    return msgspec.json.encode(seal(kind, raw, signers or (KEY,)))


def why(raw, *arguments):
    with pytest.raises(KillSwitchError) as caught:
        read(raw, *arguments)
    return Refusal(caught.value.what)


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("command", list(Command))
@pytest.mark.parametrize("expires_at", [None, NOW + 0.1])
def test_what_is_written_is_what_is_read(kind, command, expires_at):
    order = msgspec.structs.replace(
        ORDER,
        scope=scope(kind, "Père*"),
        command=command,
        expires_at=expires_at,
        reason="r é",
        issued_by="ops",
    )
    assert read(write_order(order, [KEY])) == order


def test_the_smallest_order_and_the_largest():
    assert read(write_order(ORDER, [KEY])) == ORDER
    large = msgspec.structs.replace(
        ORDER, command_id="é" * 128, seq=2**63 - 1, reason="é" * 1000, issued_by="x" * 256
    )
    assert read(write_order(large, [KEY])) == large


@pytest.mark.parametrize(
    "change",
    [
        {"seq": None},
        {"seq": -1},
        {"seq": 2**63},
        {"command_id": ""},
        {"command_id": "x" * 129},
        {"reason": "x" * 1001},
        {"issued_at": float("inf")},
        {"issued_at": float("nan")},
        {"expires_at": 1e12},
        {"scope": Scope(Kind.AGENT, "")},
    ],
    ids=range(10),
)
def test_what_could_not_be_read_is_not_written(change):
    with pytest.raises(ValueError, match=r"."):
        write_order(msgspec.structs.replace(ORDER, **change), [KEY])


def test_a_beacon_is_read_as_it_was_written():
    assert read(write_beacon(Beacon(NOW, "b-1"), [KEY], issued_by="ops")) == Beacon(NOW, "b-1")
    with pytest.raises(ValueError, match=r"."):
        write_beacon(Beacon(-1.0, "b"), [KEY])


def test_a_beacon_of_the_future_or_of_another_shape_is_refused_and_halts_nothing():
    assert why(write_beacon(Beacon(NOW + 61, "b"), [KEY])) is Refusal.NOT_YET_VALID
    assert why(sealed({"kind": "Beacon"}, BEACON_TYPE)) is Refusal.MALFORMED
    assert why(sealed(WRITTEN, BEACON_TYPE)) is Refusal.MALFORMED


@pytest.mark.parametrize("signers", [(key(2),), (ec_key(3),)], ids=["ed25519", "p256"])
def test_other_keys_sign_in_vain(signers):
    assert why(sealed(WRITTEN, ORDER_TYPE, *signers)) is Refusal.UNTRUSTED
    assert read(sealed(WRITTEN, ORDER_TYPE, *signers), trust(*signers)).scope == ORDER.scope


def test_as_many_keys_as_the_threshold_must_sign():
    two = trust(KEY, key(2), threshold=2)
    assert why(write_order(ORDER, [KEY]), two) is Refusal.UNTRUSTED
    both = read(write_order(ORDER, [KEY, key(2)]), two)
    assert both.signer == ",".join(sorted([KEY.public.id, key(2).public.id]))


def test_it_may_carry_the_steps_to_the_keys_that_signed_it():
    step = state_keys("default", key_set(key(2), version=1), (KEY,))
    raw = write_order(ORDER, [key(2)], keys=(step,))
    assert read(raw).signer == key(2).public.id
    assert why(write_order(ORDER, [key(2)])) is Refusal.UNTRUSTED


def test_an_unsigned_envelope_is_refused():
    envelope = msgspec.json.decode(sealed(WRITTEN))
    for signatures in ([], [{"sig": ""}], [{"sig": "AAAA"}]):
        raw = msgspec.json.encode({**envelope, "signatures": signatures})
        assert why(raw) is Refusal.UNTRUSTED
    assert why(msgspec.json.encode({**envelope, "payload": "!"})) is Refusal.MALFORMED


def test_what_was_signed_as_something_else_is_no_order():
    for kind in ("application/vnd.ascend-sidecar.bundle+json", "", "application/json"):
        assert why(sealed(WRITTEN, kind)) is Refusal.NOT_OURS
    envelope = msgspec.json.decode(sealed(WRITTEN, "application/vnd.ascend-sidecar.bundle+json"))
    assert why(msgspec.json.encode({**envelope, "payloadType": ORDER_TYPE})) is Refusal.UNTRUSTED


NOT_UNDERSTOOD = [
    {**WRITTEN, "apiVersion": "ascend.sidecar/v2"},
    {**WRITTEN, "kind": "Orders"},
    {**WRITTEN, "scope": {"kind": "continent", "name": "x"}},
    {**WRITTEN, "scope": {"kind": "agent", "name": ""}},
    {**WRITTEN, "scope": {"kind": "agent", "name": "a", "except": "b"}},
    {**WRITTEN, "command": "SUSPEND"},
    {**WRITTEN, "new": 1},
    {**WRITTEN, "seq": "7"},
    {**WRITTEN, "seq": True},
    {**WRITTEN, "seq": -1},
    {name: value for name, value in WRITTEN.items() if name != "seq"},
    {**WRITTEN, "reason": "x" * 1001},
    {},
    [WRITTEN],
    b"",
    b"\xff",
    b'{"command":"UNBLOCK","command":"BLOCK"}',
    b"[" * 20_000,
    msgspec.json.encode(WRITTEN) + b" ",
]


@pytest.mark.parametrize("body", NOT_UNDERSTOOD, ids=range(len(NOT_UNDERSTOOD)))
def test_what_is_signed_and_not_understood_halts_everything(body):
    order = read(sealed(body))
    assert (order.command, order.scope) == (Command.BLOCK, Scope(Kind.ORGANIZATION))
    assert (order.proof, order.seq, order.signer) == (Proof.NOT_UNDERSTOOD, None, KEY.public.id)
    again = read(sealed(body, ORDER_TYPE, KEY, key(9)))
    assert again.identity == order.identity


def test_an_envelope_that_would_take_long_to_verify_is_refused():
    envelope = msgspec.json.decode(sealed(WRITTEN))
    assert why(msgspec.json.encode({**envelope, "x": "y" * 70_000})) is Refusal.MALFORMED
    assert read(msgspec.json.encode({**envelope, "x": "y" * 60_000})).scope == ORDER.scope


def test_a_newer_kind_of_order_halts_everything():
    order = read(sealed(WRITTEN, "application/vnd.ascend-sidecar.order.v2+json"))
    assert (order.proof, order.scope) == (Proof.NOT_UNDERSTOOD, Scope(Kind.ORGANIZATION))


@pytest.mark.parametrize("kind", [ORDER_TYPE, "application/vnd.ascend-sidecar.order.v2+json"])
@pytest.mark.parametrize("change", [{"new": 1}, {"apiVersion": "ascend.sidecar/v2"}, {"command": "unblock"}])
def test_a_release_that_is_not_understood_halts_nothing(kind, change):
    assert why(sealed({**WRITTEN, "command": "UNBLOCK", "new": 1, **change}, kind)) is Refusal.MALFORMED


def test_whole_numbers_are_times_too():
    assert read(sealed({**WRITTEN, "issued_at": 1, "expires_at": None})).issued_at == 1.0


def test_names_are_read_in_the_form_that_they_are_compared_in():
    raw = sealed({**WRITTEN, "scope": {"kind": "mcp_server", "name": " FILES"}})
    assert read(raw).scope == Scope(Kind.MCP_SERVER, "files")


def test_a_block_of_the_future_is_one_of_now_and_an_expired_one_is_over():
    late = read(sealed({**WRITTEN, "issued_at": NOW + 10_000}))
    assert (late.command, late.since) == (Command.BLOCK, NOW + 60)
    over = read(sealed({**WRITTEN, "expires_at": NOW - 10}))
    assert (over.command, over.holds(NOW)) == (Command.BLOCK, False)


def test_a_release_that_comes_after_its_end_is_refused():
    unblock = {**WRITTEN, "command": "UNBLOCK"}
    assert why(sealed({**unblock, "expires_at": NOW})) is Refusal.EXPIRED
    assert read(sealed({**unblock, "expires_at": NOW + 1})).command is Command.UNBLOCK


def test_an_order_for_another_organization_is_refused():
    assert why(write_order(ORDER, [KEY], organization="other"), TRUST, "acme") is Refusal.FOREIGN
    everyone = msgspec.structs.replace(ORDER, scope=Scope(Kind.ORGANIZATION, "other"))
    assert why(write_order(everyone, [KEY]), TRUST, "acme") is Refusal.FOREIGN
    for order, named, ours in (
        (ORDER, "acme", "acme"),
        (ORDER, "other", ""),
        (ORDER, "", "acme"),
        (everyone, "", "other"),
    ):
        assert read(write_order(order, [KEY], organization=named), TRUST, ours) == order


def test_without_keys_the_topic_vouches_for_it_and_then_it_has_no_number():
    envelope = envelope_in(write_order(ORDER, [key(9)]).decode())
    order = read_vouched(envelope, "arn:t", NOW, 60.0, "")
    assert order == msgspec.structs.replace(ORDER, proof=Proof.SNS, seq=None, signer="arn:t")
    envelope = envelope_in(sealed({**WRITTEN, "new": 1}).decode())
    assert read_vouched(envelope, "arn:t", NOW, 60.0, "").proof is Proof.NOT_UNDERSTOOD
    envelope = envelope_in(write_beacon(Beacon(NOW, "b"), []).decode())
    assert read_vouched(envelope, "arn:t", NOW, 60.0, "") == Beacon(NOW, "b")
