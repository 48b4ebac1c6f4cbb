"""What is taken from a source: plain or gzip, whole or not at all, and never more than it may have."""

import tracemalloc
import zlib

import pytest

from sidecar.core.errors import BundleTooLarge, BundleTruncated, NotABundle
from sidecar.core.inflate import Inflater
from tests.tools.gzips import MIB, bomb, packed

BODY = b' \n{"payload": "' + b"x" * 3000 + b'"}'
PACKED = packed(BODY)


def inflated(raw, step=None, max_download=10_000, max_size=10_000):
    """What comes of `raw`, taken in pieces of `step` bytes."""
    inflater = Inflater("here", max_download, max_size)
    for start in range(0, len(raw), step or len(raw) or 1):
        inflater.take(raw[start : start + (step or len(raw))])
    return inflater.finish()


@pytest.mark.parametrize("step", [None, 1, 7])
@pytest.mark.parametrize("raw", [BODY, PACKED, packed(PACKED)], ids=["plain", "gzip", "gzip of gzip"])
def test_the_content_is_the_same_however_it_comes(raw, step):
    assert inflated(raw, step) == BODY


@pytest.mark.parametrize("end", [3, 20, len(PACKED) - 9, len(PACKED) - 1])
def test_a_gzip_without_its_end_is_truncated(end):
    with pytest.raises(BundleTruncated):
        inflated(PACKED[:end])


def test_a_gzip_inside_must_end_too():
    with pytest.raises(BundleTruncated):
        inflated(packed(PACKED[:-1]))


@pytest.mark.parametrize("step", [None, 1])
@pytest.mark.parametrize("more", [b"x", b"\0", packed(b'{"another": 1}')])
def test_nothing_may_follow_after_a_gzip(more, step):
    with pytest.raises(NotABundle, match="follow"):
        inflated(PACKED + more, step)


def test_a_gzip_that_was_tampered_with_is_none():
    broken = PACKED[:-8] + bytes([PACKED[-8] ^ 1]) + PACKED[-7:]
    with pytest.raises(NotABundle, match="damaged") as caught:
        inflated(broken)
    assert isinstance(caught.value.__cause__, zlib.error)


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", "empty"),
        (b" \n\t", "empty"),
        (b"[]", r"'\[\]'"),
        (b"\x1f", "begins with"),
        (b"PK\x03\x04", "'PK"),
        (b"\n\n<!DOCTYPE html>", "<!DOCTYPE html>"),
        (packed(b"name: yaml"), "name: yaml"),
        (packed(packed(PACKED)), "begins with"),
        (b"\x1b[31mred", r"\\x1b"),
    ],
)
def test_what_is_no_object_is_no_bundle_and_is_shown_harmlessly(raw, told):
    with pytest.raises(NotABundle, match=told) as caught:
        inflated(raw)
    assert str(caught.value).startswith("here: ")
    assert str(caught.value).isprintable()


def test_the_bound_on_what_is_sent_is_exact():
    assert inflated(PACKED, max_download=len(PACKED)) == BODY
    with pytest.raises(BundleTooLarge):
        inflated(PACKED, max_download=len(PACKED) - 1)


@pytest.mark.parametrize("raw", [BODY, PACKED])
def test_the_bound_on_what_is_kept_is_exact(raw):
    assert inflated(raw, max_size=len(BODY)) == BODY
    with pytest.raises(BundleTooLarge):
        inflated(raw, max_size=len(BODY) - 1)


@pytest.mark.parametrize("raw", [bomb(1024), packed(bomb(1024))], ids=["bomb", "bomb in a gzip"])
def test_a_gibibyte_of_zeros_costs_no_more_memory_than_a_bundle_may(raw):
    tracemalloc.start()
    try:
        with pytest.raises(BundleTooLarge):
            inflated(raw, max_download=2 * MIB, max_size=4 * MIB)
        assert tracemalloc.get_traced_memory()[1] < 6 * MIB
    finally:
        tracemalloc.stop()


def test_layers_that_inflate_to_nothing_are_bounded_too():
    # The inner gzip's file name never ends, so nothing of it is ever content.
    endless = b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * 100_000
    with pytest.raises(BundleTooLarge, match="decompressed"):
        inflated(packed(endless), max_size=50_000)
