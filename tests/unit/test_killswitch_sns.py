"""What SNS signs, which certificates are its own, and which topic is believed."""

import ssl

import pytest

from sidecar.core.errors import KillSwitchError
from sidecar.core.killswitch.wire import (
    Pinned,
    Refusal,
    certified_key,
    check_signature,
    parse_notification,
    signed_text,
)
from tests.tools.certificates import self_signed
from tests.tools.sns import NAME, PINNED, TOPIC, URL, certified, members, pem, rsa_key, sign

LOCAL = "http://127.0.0.1:4566"


def why(call, *arguments):
    with pytest.raises(KillSwitchError) as caught:
        call(*arguments)
    return Refusal(caught.value.what)


def test_the_string_that_is_signed_is_that_of_the_developer_guide():
    plain = parse_notification(sign(members("hello")))
    assert (
        signed_text(plain)
        == (
            f"Message\nhello\nMessageId\nb4a9-1\nTimestamp\n2026-01-02T00:00:00.000Z\n"
            f"TopicArn\n{TOPIC}\nType\nNotification\n"
        ).encode()
    )
    subject = parse_notification(sign(members("hello", Subject="s é")))
    assert signed_text(subject) == signed_text(plain).replace(
        b"Timestamp", "Subject\ns é\nTimestamp".encode()
    )


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("subject", [None, "s"])
def test_both_versions_of_the_signature_are_good(version, subject):
    made = sign(members("hello\nworld", SignatureVersion=version, Subject=subject))
    check_signature(parse_notification(made), certified_key(pem()))


@pytest.mark.parametrize("member", ["Message", "MessageId", "Subject", "Timestamp", "TopicArn"])
def test_a_changed_member_is_noticed(member):
    made = sign(members("hello", Subject="s"))
    changed = parse_notification({**made, member: made[member] + "x"})
    assert why(check_signature, changed, certified_key(pem())) is Refusal.BAD_SIGNATURE


def test_an_added_or_removed_subject_is_noticed():
    with_one, without = sign(members("hello", Subject="s")), sign(members("hello"))
    added = parse_notification({**without, "Subject": "s"})
    removed = parse_notification({name: value for name, value in with_one.items() if name != "Subject"})
    assert why(check_signature, added, certified_key(pem())) is Refusal.BAD_SIGNATURE
    assert why(check_signature, removed, certified_key(pem())) is Refusal.BAD_SIGNATURE


@pytest.mark.parametrize("change", [{"SignatureVersion": "1"}, {"SignatureVersion": "3"}, {"Signature": "é"}])
def test_a_signature_of_another_kind_is_not_good(change):
    changed = parse_notification({**sign(members("hello")), **change})
    assert why(check_signature, changed, certified_key(pem())) is Refusal.BAD_SIGNATURE


def test_a_key_that_did_not_sign_it_is_noticed():
    made = parse_notification(sign(members("hello")))
    assert why(check_signature, made, certified_key(pem(1))) is Refusal.BAD_SIGNATURE


def test_a_line_end_in_any_other_member_than_the_message_is_malformed():
    """Else a message could hold the members after it, and one signature would have two readings."""
    for member in ("MessageId", "Subject", "Timestamp", "TopicArn", "SignatureVersion", "SigningCertURL"):
        for end in ("\n", "\r", "x\n"):
            made = {**sign(members("hello")), member: end}
            assert why(parse_notification, made) is Refusal.MALFORMED


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"Type": "SubscriptionConfirmation", "SubscribeURL": "https://x"}, Refusal.CONFIRMATION),
        ({"Type": "UnsubscribeConfirmation"}, Refusal.CONFIRMATION),
        ({"Type": "Notificatio"}, Refusal.MALFORMED),
        ({"Type": ["Notification"]}, Refusal.MALFORMED),
        ({"Message": {"command_type": "BLOCK"}}, Refusal.MALFORMED),
        ({"MessageId": 7}, Refusal.MALFORMED),
        ({"SignatureVersion": 2}, Refusal.MALFORMED),
        ({"Subject": 1}, Refusal.MALFORMED),
        ({"TopicArn": "x" * 2000}, Refusal.MALFORMED),
    ],
)
def test_what_is_no_notification_says_why(change, expected):
    assert why(parse_notification, {**sign(members("hello")), **change}) is expected


@pytest.mark.parametrize("member", ["MessageId", "Timestamp", "SignatureVersion", "SigningCertURL"])
def test_a_notification_has_all_its_members(member):
    made = sign(members("hello"))
    del made[member]
    assert why(parse_notification, made) is Refusal.MALFORMED


def test_a_body_of_nobodys_is_unsigned():
    assert why(parse_notification, {"command_type": "BLOCK"}) is Refusal.UNSIGNED


def test_a_certificate_has_an_rsa_key_of_2048_bits_and_may_be_out_of_date(tmp_path):
    assert certified_key(pem()).public_numbers() == rsa_key(0).public_key().public_numbers()
    other = self_signed(tmp_path / "ec", "localhost").path.read_bytes()
    for bad in (b"", b"x", b"-----BEGIN CERTIFICATE-----\n", other, certified(rsa_key(0, 1024))):
        assert certified_key(bad) is None


def test_the_one_address_of_a_certificate():
    assert PINNED.address(URL) == URL
    assert PINNED.address(URL.replace(".com/", ".com:443/")) == URL


@pytest.mark.parametrize(
    "url",
    [
        URL.replace("https", "http"),
        URL.replace("https", "HTTPS"),
        URL.replace("eu-west-1", "us-east-1"),
        URL.replace("sns.eu-west-1", "sns.s3"),
        URL.replace("sns.", "evil.sns."),
        URL.replace("sns.", "xsns."),
        URL.replace(".com", ".com.evil.example"),
        URL.replace(".com", ".com.cn"),
        URL.replace("://", "://user@"),
        URL.replace("://", "://sns.eu-west-1.amazonaws.com@evil.example/"),
        URL.replace(".com/", ".com:8443/"),
        URL.replace(".com/", ".com:/"),
        URL.replace(".com/", ".com//"),
        URL.replace(".com/", ".com/x/"),
        URL.replace(".com/", ".com/../"),
        URL.replace(".com/", ".com\\@evil.example/"),
        URL + "?x",
        URL + "#x",
        URL + "\n",
        URL + "/",
        URL.replace("0a0a", "0A0A"),
        URL.replace("0a0a", "zz0a"),
        URL.replace("0a0a", "0a0", 1),
        URL.replace(".pem", "xpem"),
        URL.replace("0a0a", "\u0660a0a", 1),
        f"{LOCAL}/{NAME}",
        "",
        "file:///etc/passwd",
    ],
    ids=range(28),
)
def test_any_other_address_is_refused(url):
    assert why(PINNED.address, url) is Refusal.BAD_CERTIFICATE_URL


def test_in_china_the_domain_is_another():
    pinned = Pinned.of(TOPIC.replace("arn:aws:", "arn:aws-cn:").replace("eu-west-1", "cn-north-1"))
    assert pinned.host == "sns.cn-north-1.amazonaws.com.cn"
    assert pinned.address(f"https://sns.cn-north-1.amazonaws.com.cn/{NAME}")


def test_a_loopback_origin_takes_the_place_of_the_host():
    pinned = Pinned.of(TOPIC, LOCAL + "/")
    assert pinned.address(f"{LOCAL}/_aws/sns/{NAME}") == f"{LOCAL}/_aws/sns/{NAME}"
    assert pinned.address(URL) == f"{LOCAL}/{NAME}"
    for bad in (
        f"{LOCAL}/../{NAME}",
        f"{LOCAL}/a?b/{NAME}",
        f"{LOCAL}/{NAME}?x",
        f"http://127.0.0.1:45661/{NAME}",
        f"{LOCAL}@evil.example/{NAME}",
        f"http://evil.example/{NAME}",
    ):
        assert why(pinned.address, bad) is Refusal.BAD_CERTIFICATE_URL


@pytest.mark.parametrize(
    "origin", ["http://10.0.0.1:80", "http://127.0.0.1", "http://127.0.0.1:x", "ftp://127.0.0.1:1", "x",
               "http://u@127.0.0.1:1", "http://127.0.0.1:1/path", "http://127.0.0.1:1?x", "http://[::1"],
)  # fmt: skip
def test_an_origin_is_of_this_machine(origin):
    with pytest.raises(ValueError, match="only on this machine"):
        Pinned.of(TOPIC, origin)


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "x",
        TOPIC + ":sub",
        TOPIC + "\n",
        TOPIC.replace("eu-west-1", "eu.evil"),
        "arn:aws:sqs:eu-west-1:123456789012:q",
    ],
)
def test_a_topic_is_an_arn(arn):
    with pytest.raises(ValueError, match="must look like arn:aws:sns"):
        Pinned.of(arn)


def test_another_topic_is_refused():
    PINNED.check_topic(TOPIC)
    assert why(PINNED.check_topic, TOPIC + "x") is Refusal.WRONG_TOPIC


def test_a_certificate_of_a_version_that_does_not_exist_has_no_key():
    der = ssl.PEM_cert_to_DER_cert(pem().decode())
    odd = der.replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020109"), 1)
    assert odd != der
    assert certified_key(ssl.DER_cert_to_PEM_cert(odd).encode()) is None
