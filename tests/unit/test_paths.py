"""One form for every way of writing a path."""

import pytest

from sidecar.core.paths import normalise


@pytest.mark.parametrize(
    "written",
    [
        "/etc/passwd",
        "/etc//passwd",
        "//etc/passwd",
        "/etc/./passwd",
        "/etc/passwd/",
        "/etc/passwd/.",
        "/tmp/../etc/passwd",
        "/../../etc/passwd",
        "/etc/%70asswd",
        "/etc%2Fpasswd",
        "/tmp/%2e%2e/etc/passwd",
        "/tmp/%252e%252e/etc/passwd",
        "\\etc\\passwd",
        "/tmp/..\\etc/passwd",
        "file:///etc/passwd",
        "FILE://localhost/etc/passwd",
        "file:/etc/passwd",
        "/etc/passwd\0.png",
        "/proc/self/root/etc/passwd",
        "/proc/4711/task/12/root/etc/passwd",
        "/proc/self/root/proc/self/root/etc/passwd",
        "/tmp/../proc/self/root/etc/passwd",
    ],
)
def test_every_way_to_write_a_path_has_one_form(written: str):
    assert normalise(written) == "/etc/passwd"


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("", ""),
        (".", "."),
        ("./", "."),
        ("a/..", "."),
        ("/", "/"),
        ("/..", "/"),
        ("../x", "../x"),
        ("a/../../x", "../x"),
        ("~/x", "~/x"),
        ("~/../x", "x"),
        ("/A/b", "/A/b"),
        ("/a b/...", "/a b/..."),
        ("/100%", "/100%"),
        ("cafe\u0301", "caf\u00e9"),
        ("C:\\x\\..\\y", "C:/y"),
        ("file:name", "file:name"),
        ("/proc/self/rooted", "/proc/self/rooted"),
        ("/proc/self/root", "/"),
    ],
)
def test_forms_of_odd_paths(written: str, form: str):
    assert normalise(written) == form


def test_decoding_ends_after_four_rounds():
    assert normalise("/%" + "25" * 20 + "41") == "/%" + "25" * 16 + "41"
