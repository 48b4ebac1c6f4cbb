"""Paths, hosts and certificates of held requests: what is read alike everywhere is taken, all else is not."""

import pytest

from sidecar.core.forwarded import certificate_uri, host_of, why_hostile


@pytest.mark.parametrize(
    "path",
    [
        "/", "/orders", "/orders/", "/orders/1", "/a.b/..c/...", "/a%20b", "/caf%C3%A9", "/%61dmin", "/100%25",
        "/a:b@c!$&'()*+,=~", "/{id}|x", "/" + "a" * 2047,
    ],
)  # fmt: skip
def test_what_every_server_reads_alike_is_taken(path):
    assert why_hostile(path) == ""


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("", "begin"),
        ("orders", "begin"),
        ("*", "begin"),
        ("http://evil.example/", "begin"),
        ("/" + "a" * 2048, "more than 2048"),
        ("/a\\b", "printable, or one of"),
        ("/a#b", "printable, or one of"),
        ("/a;v=1", "printable, or one of"),
        ("/admin/..;/x", "printable, or one of"),
        ("/a b", "not ASCII"),
        ("/a\x00b", "not ASCII"),
        ("/a\tb", "not ASCII"),
        ("/caf\xe9", "not ASCII"),
        ("/a%", "hexadecimal"),
        ("/a%2", "hexadecimal"),
        ("/a%zz", "hexadecimal"),
        ("/a%2fb", "is encoded"),
        ("/a%2Fb", "is encoded"),
        ("/a%5cb", "is encoded"),
        ("/a%3bb", "is encoded"),
        ("/a%00b", "is encoded"),
        ("/a%ff", "UTF-8"),
        ("/a%c0%af", "UTF-8"),
        ("/a%c0%ae%c0%ae/b", "UTF-8"),
        ("/a%e0%80%af", "UTF-8"),
        ("/a%ed%a0%80", "UTF-8"),
        ("/a%252fb", "twice"),
        ("/a%2525", "twice"),
        ("/%25%32%65/b", "twice"),
        ("/a%0ab", "control"),
        ("/a%0d%0aX:y", "control"),
        ("/a%7f", "control"),
        ("/a%c2%85", "control"),
        ("/.", "one dot"),
        ("/..", "one dot"),
        ("/a/./b", "one dot"),
        ("/a/../b", "one dot"),
        ("/a/..", "one dot"),
        ("/a/%2e%2e/b", "one dot"),
        ("/a/.%2E/b", "one dot"),
        ("//", "two slashes"),
        ("//a", "two slashes"),
        ("/a//b", "two slashes"),
        ("/a//", "two slashes"),
    ],
)
def test_what_two_servers_may_read_differently_is_not(path, why):
    assert why in why_hostile(path)


@pytest.mark.parametrize(
    ("header", "host"),
    [
        ("shop.example", ("shop.example", "")),
        ("SHOP.Example.:8443", ("shop.example", "8443")),
        ("127.0.0.1:80", ("127.0.0.1", "80")),
        ("[::1]", ("[::1]", "")),
        ("[2001:DB8::1]:443", ("[2001:db8::1]", "443")),
        ("my_service", ("my_service", "")),
    ],
)
def test_a_host_has_one_name_however_it_is_spelled(header, host):
    assert host_of(header) == host


@pytest.mark.parametrize(
    "header",
    [
        "", ".", ":80", "a b", "a/b", "a@b", "user@shop.example", "a,b", "a..b", "-a", "a:", "a:b", "a:123456", "::1",
        "[::1", "::1]", "[evil]", "shop.example:80:80", "caf\xe9", "a%2fb", "a\\b", "*", "a" * 254,
    ],
)  # fmt: skip
def test_what_is_no_host_is_none(header):
    assert host_of(header) is None


@pytest.mark.parametrize(
    ("header", "uri"),
    [
        ("URI=spiffe://acme/a", "spiffe://acme/a"),
        ('By=spiffe://acme/envoy;Hash=ab12;Subject="CN=a,O=\\"x;y\\"";URI=spiffe://acme/a;DNS=a', "spiffe://acme/a"),
        ('URI="spiffe://acme/a,b"', "spiffe://acme/a,b"),
        ("", ""),
        ("Hash=ab12", ""),
        ("URI=spiffe://acme/a;URI=spiffe://acme/b", ""),
        ("URI=spiffe://acme/a,URI=spiffe://acme/b", ""),
        ('Hash=ab,URI=spiffe://acme/a', ""),
        ('Subject="CN=x;URI=spiffe://acme/root', ""),
        ('Subject="CN=x;URI=spiffe://acme/root"', ""),
        ("garbage", ""),
    ],
)  # fmt: skip
def test_a_certificate_names_one_uri_or_nobody(header, uri):
    assert certificate_uri(header) == uri
