"""The reader: each message in each delivery, with the certificate at hand and without it."""

import asyncio

import msgspec
import pytest

from sidecar.core.killswitch import Command, Kind, Order, Proof, Scope
from sidecar.core.killswitch.wire import Beacon, Refusal, Refused, write_beacon, write_order
from sidecar.service.killswitch.reading import Reader
from sidecar.service.ports import Message
from tests.fakes.certificates import FakeCertificates
from tests.tools.signing import KEY, key, trust
from tests.tools.sns import NAME, PINNED, TOPIC, URL, certified, members, notification, pem, rsa_key, sign

NOW = 1_767_400_000.0
BLOCK = {"command_type": "BLOCK", "target_type": "agent", "agent_id": "a", "command_id": "c"}
UNBLOCK = {**BLOCK, "command_type": "UNBLOCK"}
BEACON = {"type": "beacon", "id": "b", "issued_at": NOW}
ORDER = Order(
    Command.BLOCK, Scope(Kind.AGENT, "a"), "c", proof=Proof.SIGNED, seq=1, issued_at=NOW - 1, received_at=NOW,
    signer=KEY.public.id,
)  # fmt: skip
SIGNED = write_order(ORDER, [KEY]).decode()
RELEASE = write_order(msgspec.structs.replace(ORDER, command=Command.UNBLOCK, seq=2), [KEY]).decode()
SIGNED_BEACON = write_beacon(Beacon(NOW, "b"), [KEY]).decode()
FORGED = write_order(ORDER, [key(9)]).decode()


def reader(certificates=None, trusted=trust(), **settings):
    known = FakeCertificates({URL: pem()}) if certificates is None else certificates
    return Reader(trusted, PINNED, known, **settings)


async def read(body, made=None):
    return await (made or reader()).read(Message("m", body, "h"), NOW)


async def why(body, made=None):
    refused = await read(body, made)
    assert isinstance(refused, Refused)
    assert refused.reason
    return refused.why


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize(
    "wrap",
    [
        lambda body: body,
        notification,
        lambda body: notification(body, Signature="AAAA"),
        lambda body: notification(body, SigningCertURL="https://evil.example/x.pem"),
        lambda body: notification(body, which=1),
        lambda body: notification(body, TopicArn=TOPIC + "x"),
    ],
    ids=["bare", "envelope", "unsigned", "elsewhere", "wrong", "topic"],
)
async def test_a_signed_order_is_believed_whatever_is_around_it(raw, wrap):
    certificates = FakeCertificates()
    made = reader(certificates, is_raw=raw)
    assert await read(wrap(SIGNED), made) == ORDER
    assert (await read(wrap(RELEASE), made)).command is Command.UNBLOCK
    assert certificates.asked == []


@pytest.mark.parametrize("raw", [False, True])
async def test_a_signed_order_of_other_keys_is_refused_in_a_good_envelope_too(raw):
    for body in (FORGED, notification(FORGED)):
        assert await why(body, reader(is_raw=raw)) is Refusal.UNTRUSTED
    for unsigned in ({"payloadType": "x", **BLOCK}, {"payload": "", "signatures": [], **BLOCK}):
        assert await why(notification(unsigned)) in (Refusal.UNTRUSTED, Refusal.MALFORMED)


async def test_a_signed_beacon_is_believed_raw_and_by_our_topic_only():
    assert await read(SIGNED_BEACON, reader(is_raw=True)) == Beacon(NOW, "b")
    assert await read(notification(SIGNED_BEACON)) == Beacon(NOW, "b")
    assert await why(notification(SIGNED_BEACON, TopicArn=TOPIC + "x")) is Refusal.WRONG_TOPIC


@pytest.mark.parametrize("version", ["1", "2"])
async def test_the_documented_form_is_believed_by_the_signature_of_sns(version):
    order = await read(notification(BLOCK, SignatureVersion=version))
    assert (order.command, order.scope, order.proof) == (Command.BLOCK, ORDER.scope, Proof.SNS)
    assert (order.command_id, order.seq, order.signer, order.received_at) == ("c", None, TOPIC, NOW)
    assert (await read(notification(UNBLOCK, SignatureVersion=version))).command is Command.UNBLOCK
    assert await read(notification(BEACON, SignatureVersion=version)) == Beacon(NOW, "b")


async def test_over_raw_delivery_nothing_vouches_for_the_documented_form():
    for body in (BLOCK, UNBLOCK, BEACON):
        text = msgspec.json.encode(body).decode()
        assert await why(text) is Refusal.UNSIGNED
        assert await why(text, reader(is_raw=True)) is Refusal.UNSIGNED
        assert await why(notification(body), reader(is_raw=True)) is Refusal.UNSIGNED
        assert await why(notification(body), Reader(trust(), None, FakeCertificates())) is Refusal.UNSIGNED


@pytest.mark.parametrize("message", [BLOCK, UNBLOCK, BEACON, {"x": 1}, "text"], ids=range(5))
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"which": 1}, Refusal.BAD_SIGNATURE),
        ({"TopicArn": TOPIC + "x"}, Refusal.WRONG_TOPIC),
        ({"SigningCertURL": URL.replace("sns.", "sns.evil.")}, Refusal.BAD_CERTIFICATE_URL),
        ({"SigningCertURL": URL.replace("0a0a", "0b0b")}, Refusal.NO_CERTIFICATE),
        ({"SignatureVersion": "9"}, Refusal.BAD_SIGNATURE),
        ({"Type": "SubscriptionConfirmation", "SubscribeURL": "http://127.0.0.1:1/"}, Refusal.CONFIRMATION),
    ],
    ids=range(6),
)
async def test_what_sns_does_not_vouch_for_has_no_effect(message, change, expected):
    certificates = FakeCertificates({URL: pem(), URL.replace("0a0a", "0b0b"): b""})
    assert await why(notification(message, **change), reader(certificates)) is expected


async def test_message_attributes_decide_nothing():
    made = sign(members(UNBLOCK))
    made["MessageAttributes"] = {"command_type": {"Type": "String", "Value": "BLOCK"}, "x": 7}
    assert (await read(msgspec.json.encode(made).decode())).command is Command.UNBLOCK


async def test_what_is_proven_and_not_understood_halts_the_organization():
    for message in ("no JSON", "[]", '"x"', {"command_type": "NEW"}, '{"a":1,"a":2}', ""):
        order = await read(notification(message))
        assert (order.scope, order.proof) == (Scope(Kind.ORGANIZATION), Proof.NOT_UNDERSTOOD)


@pytest.mark.parametrize("certificates", ["none", "stuck", "garbage", "another_kind"])
async def test_without_the_certificate_a_halt_is_believed_for_now_and_nothing_else(certificates):
    known = FakeCertificates()
    known.stuck = certificates == "stuck"
    known.known = {"garbage": {URL: b"x"}, "another_kind": {URL: certified(rsa_key(0, 1024))}}.get(
        certificates, {}
    )
    made = reader(known, patience=0.01)
    for body in (notification(BLOCK), notification(BLOCK, which=1)):
        order = await read(body, made)
        assert (order.scope, order.proof) == (ORDER.scope, Proof.PROVISIONAL)
    for message in (UNBLOCK, BEACON, {"command_type": "NEW"}, "text"):
        assert await why(notification(message), made) is Refusal.UNVERIFIED


async def test_provisional_halts_are_proven_or_found_to_be_forged_once_the_certificate_is_there():
    known = FakeCertificates()
    made = reader(known)
    await read(notification(BLOCK), made)
    await read(notification({**BLOCK, "agent_id": "b"}, which=1), made)
    assert await made.reverify() == []
    known.known = {URL: pem()}
    proven, forged = await made.reverify()
    assert (proven.proof, proven.scope, proven.received_at) == (Proof.SNS, ORDER.scope, NOW)
    assert forged.why is Refusal.BAD_SIGNATURE
    assert await made.reverify() == []


async def test_only_so_many_provisional_halts_are_remembered():
    known = FakeCertificates()
    made = reader(known)
    for number in range(100):
        await read(notification({**BLOCK, "command_id": f"c-{number}"}), made)
    await read(notification({**BLOCK, "reason": "x" * 20_000}), made)
    known.known = {URL: pem()}
    assert [order.command_id for order in await made.reverify()] == [f"c-{n}" for n in range(36, 100)]


async def test_an_order_for_another_organization_is_refused():
    made = reader(organization="Acme")
    assert await why(notification({**BLOCK, "organization_id": "other"}), made) is Refusal.FOREIGN
    assert (await read(notification({**BLOCK, "organization_id": "Acme"}), made)).scope == ORDER.scope
    foreign = write_order(ORDER, [KEY], organization="other").decode()
    assert await why(foreign, made) is Refusal.FOREIGN


async def test_without_keys_a_signed_order_is_believed_by_the_signature_of_sns_alone():
    made = reader(trusted=None)
    order = await read(notification(SIGNED), made)
    assert (order.scope, order.proof, order.seq) == (ORDER.scope, Proof.SNS, None)
    assert await why(SIGNED, made) is Refusal.UNTRUSTED
    assert await why(notification(SIGNED, which=1), made) is Refusal.BAD_SIGNATURE
    blind = reader(FakeCertificates(), trusted=None)
    assert await why(notification(SIGNED), blind) is Refusal.UNVERIFIED


@pytest.mark.parametrize(
    "body",
    ["", "x", "[]", "null", "7", '"x"', "\ud800", '{"a":1,"a":1}', "{" * 10_000, '{"a":' * 100 + "1" + "}" * 100,
     '{"x":"' + "y" * 1_100_000 + '"}'],
    ids=range(11),
)  # fmt: skip
async def test_what_is_no_object_is_refused(body):
    assert await why(body) in (Refusal.NOT_JSON, Refusal.MALFORMED)


async def test_an_envelope_with_a_member_twice_is_refused():
    body = notification(BLOCK)
    assert await why(body.replace('{"Type"', '{"Message":"x","Type"', 1)) is Refusal.NOT_JSON


async def test_a_certificate_is_asked_for_at_its_one_address():
    known = FakeCertificates({URL: pem()})
    await read(notification(BLOCK, SigningCertURL=f"https://{PINNED.host}:443/{NAME}"), reader(known))
    assert known.asked == [URL]


async def test_a_cancelled_read_is_cancelled():
    known = FakeCertificates()
    known.stuck = True
    task = asyncio.ensure_future(read(notification(BLOCK), reader(known, patience=60.0)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


CRUMBS = {f"c{number}": [{}] * 900 for number in range(40)}


async def test_a_body_that_takes_too_long_to_read_is_not_read():
    assert await why(msgspec.json.encode({"Type": "Other", **CRUMBS}).decode()) is Refusal.NOT_JSON


async def test_an_order_that_takes_too_long_to_read_halts_if_it_is_proven():
    order = await read(notification({**BLOCK, "organization_id": "other", **CRUMBS}))
    assert order.proof is Proof.NOT_UNDERSTOOD
    assert order.scope == Scope(Kind.ORGANIZATION)
