"""Units: what is written is what is meant, and nothing else is taken."""

import pytest

from sidecar.config.units import Address, Mode, Seconds, Size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("5s", 5.0), ("15m", 900.0), ("24h", 86_400.0), ("400d", 34_560_000.0), ("0s", 0.0)],
)
def test_a_duration_is_a_number_of_seconds(text, seconds):
    assert Seconds.parse(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "5", "s", "-5s", "1.5s", "5 s", "5S", "5sec", "1h30m", "\u0665s", "9" * 10 + "s"]
)
def test_what_is_no_duration_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match="250ms, 30s, 15m or 24h"):
        Seconds.parse(text)


@pytest.mark.parametrize(
    ("text", "size"), [("512B", 512), ("256KiB", 262_144), ("64MiB", 1 << 26), ("4GiB", 1 << 32)]
)
def test_a_size_is_a_number_of_bytes(text, size):
    assert Size.parse(text) == size


@pytest.mark.parametrize("text", ["", "5", "5KB", "5kib", "1.5MiB", "-1B", "MiB"])
def test_what_is_no_size_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match="256KiB"):
        Size.parse(text)


@pytest.mark.parametrize(("text", "mode"), [("0660", 0o660), ("0600", 0o600), ("0777", 0o777)])
def test_a_mode_is_octal(text, mode):
    assert Mode.parse(text) == mode
    assert str(Mode.parse(text)) == text


@pytest.mark.parametrize("text", ["660", "0o660", "0680", "rw-rw----", "04660"])
def test_what_is_no_mode_is_refused(text):
    with pytest.raises(ValueError, match="octal such as 0660"):
        Mode.parse(text)


@pytest.mark.parametrize(
    ("text", "host", "port", "is_loopback"),
    [
        ("127.0.0.1:8181", "127.0.0.1", 8181, True),
        ("127.9.9.9:1", "127.9.9.9", 1, True),
        ("localhost:0", "localhost", 0, True),
        ("[::1]:8181", "::1", 8181, True),
        ("0.0.0.0:8181", "0.0.0.0", 8181, False),  # noqa: S104 - nothing is bound
        ("[::]:8181", "::", 8181, False),
        (":8181", "", 8181, False),
        ("pdp.example:65535", "pdp.example", 65535, False),
        ("localhost.evil.example:1", "localhost.evil.example", 1, False),
        ("[::ffff:10.0.0.1]:1", "::ffff:10.0.0.1", 1, False),
    ],
)
def test_an_address_knows_whether_only_this_machine_reaches_it(text, host, port, is_loopback):
    address = Address.parse(text)
    assert (address.host, address.port, address.is_loopback) == (host, port, is_loopback)


@pytest.mark.parametrize(
    "text", ["8181", "localhost", "localhost:", "::1:8181", "host:99999", "http://h:1", "a b:1"]
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError, match=r"127\.0\.0\.1:8181"):
        Address.parse(text)
