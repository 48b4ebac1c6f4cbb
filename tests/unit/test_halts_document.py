"""The signed state document: what it says, and each of the ways in which it is refused."""

import msgspec
import pytest

from sidecar.core.errors import KillSwitchError
from sidecar.core.killswitch import Command, Kind, Order, Origin, Proof, scope
from sidecar.core.killswitch import document_form as documents
from sidecar.core.killswitch.book import Epoch
from sidecar.core.killswitch.document import read_document
from sidecar.core.killswitch.document_form import HALTS_TYPE, write_document
from sidecar.core.trust.rotation import state_keys
from tests.tools.signing import ISSUED, KEY, NOW, key, key_set, sealed, trust

HOUR = 3600.0
AGENT, GLOB = scope(Kind.AGENT, "agent:a"), scope(Kind.AGENTS, "pay-*")
HALTS = (
    Order(Command.BLOCK, AGENT, "c-1", seq=4, issued_at=ISSUED, reason="rogue", issued_by="ann"),
    Order(Command.BLOCK, GLOB, "c-2", issued_at=ISSUED, expires_at=NOW + HOUR),
)


def written(
    epoch=3, issued_at=NOW, expires_at=NOW + HOUR, halts=HALTS, released=(), signers=(KEY,), name="default"
):
    return write_document(name, epoch, issued_at, expires_at, halts, released, signers)


def read(raw, newest=Epoch(), now=NOW, asked_at=None, **trusted):
    return read_document(raw, trust(**trusted), newest, now, now if asked_at is None else asked_at)


def refusal(raw, *arguments, **settings):
    with pytest.raises(KillSwitchError) as caught:
        read(raw, *arguments, **settings)
    return caught.value.what


def test_it_says_what_is_halted_until_when_and_what_is_over():
    document = read(written(released=[(scope(Kind.TOOL, "rm"), 9)]))

    first, second = document.state.halts
    assert document.epoch == Epoch(3, NOW)
    assert document.expires_at == NOW + HOUR
    assert document.state.released == ((scope(Kind.TOOL, "rm"), 9),)
    assert (document.state.covers, document.state.is_whole, document.state.as_of) == (None, True, NOW)
    assert (first.scope, first.seq, first.command_id, first.reason, first.issued_by) == (
        AGENT,
        4,
        "c-1",
        "rogue",
        "ann",
    )
    assert (first.origin, first.proof, first.signer) == (Origin.FLEET, Proof.STATE, KEY.public.id)
    assert (second.scope, second.seq, second.expires_at) == (GLOB, None, NOW + HOUR)


def test_the_same_halts_give_the_same_bytes():
    assert written() == written()


def test_names_are_read_in_the_form_in_which_they_are_compared():
    halt = Order(Command.BLOCK, documents.Scope(Kind.TOOL, " Shell "), "c-1", issued_at=ISSUED)
    assert read(written(halts=[halt])).state.halts[0].scope == scope(Kind.TOOL, "shell")


def test_bytes_that_no_trusted_key_signed_are_refused():
    assert refusal(written(signers=[key(9)])) == "untrusted"


def test_as_many_keys_must_sign_as_for_a_bundle():
    two = trust(KEY, key(2), threshold=2)
    with pytest.raises(KillSwitchError, match="2 must"):
        read_document(written(), two, Epoch(), NOW, NOW)
    assert read_document(written(signers=[KEY, key(2)]), two, Epoch(), NOW, NOW).epoch.number == 3


@pytest.mark.parametrize("at", [0, 100, 200, 300])
def test_no_byte_of_it_can_be_changed(at):
    raw = bytearray(written())
    raw[at] ^= 1
    with pytest.raises(KillSwitchError):
        read(bytes(raw))


def test_a_thing_that_was_signed_as_something_else_is_refused():
    assert refusal(sealed(b"{}", kind="application/vnd.ascend-sidecar.bundle+json")) == "wrong_payload_type"


def test_that_of_another_name_is_refused():
    assert refusal(written(name="staging")) == "not_for_us"


def test_an_older_epoch_is_refused_and_a_newer_one_is_taken():
    assert refusal(written(epoch=3), Epoch(4, ISSUED)) == "rolled_back"
    assert read(written(epoch=5), Epoch(4, NOW + 1)).epoch.number == 5


def test_of_one_epoch_what_was_issued_earlier_is_refused():
    assert refusal(written(), Epoch(3, NOW + 0.5)) == "rolled_back"
    assert read(written(), Epoch(3, NOW)).epoch == Epoch(3, NOW)


def test_it_is_refused_from_the_moment_that_it_expires():
    raw = written()
    assert read(raw, now=NOW + HOUR - 1).expires_at == NOW + HOUR
    assert refusal(raw, now=NOW + HOUR) == "expired"


def test_it_may_be_issued_in_the_future_by_as_much_as_clocks_may_differ():
    assert read(written(issued_at=NOW + 60, expires_at=NOW + HOUR)).epoch.issued_at == NOW + 60
    assert refusal(written(issued_at=NOW + 61)) == "not_yet_valid"


def test_one_that_expires_before_it_was_issued_is_refused():
    assert refusal(written(issued_at=NOW + 30, expires_at=NOW + 20)) == "malformed"


def test_what_it_says_is_never_of_a_later_time_than_it_can_know_of():
    assert read(written(issued_at=NOW - 5), asked_at=NOW - 1).state.as_of == NOW - 5
    assert read(written(issued_at=NOW), asked_at=NOW - 1).state.as_of == NOW - 1
    assert read(written(issued_at=NOW + 30), asked_at=NOW).state.as_of == NOW - 60


def test_a_scope_that_is_halted_twice_is_refused_but_not_one_with_and_without_a_number():
    twice = (HALTS[0], msgspec.structs.replace(HALTS[0], seq=5))
    assert refusal(written(halts=twice)) == "malformed"
    assert len(read(written(halts=(HALTS[0], msgspec.structs.replace(HALTS[0], seq=None)))).state.halts) == 2


def test_too_many_bytes_and_too_many_halts_are_refused():
    assert refusal(b" " * (documents.MOST_BYTES + 1)) == "too_large"
    halts = [b'{"command_id":"c","issued_at":"2026-01-01T00:00:00Z","scope":{"kind":"agent","name":"a"}}']
    assert refusal(sealed(_payload(halts * (documents.MOST_HALTS + 1)), kind=HALTS_TYPE)) == "too_large"


@pytest.mark.parametrize(
    "halt",
    [
        b'{"command_id":"c","issued_at":"2026-01-01T00:00:00Z","scope":{"kind":"planet","name":"a"}}',
        b'{"command_id":"","issued_at":"2026-01-01T00:00:00Z","scope":{"kind":"agent","name":"a"}}',
        b'{"command_id":"c","issued_at":"2026-01-01T00:00:00Z","scope":{"kind":"agent","name":""}}',
        b'{"command_id":"c","issued_at":"2026-01-01T00:00:00Z","scope":{"kind":"agent","name":"a"},"until":1}',
        b'{"command_id":"c", "issued_at":"2026-01-01T00:00:00Z","scope":{"kind":"agent","name":"a"}}',
        b'{"command_id":"c","command_id":"d","issued_at":"2026-01-01T00:00:00Z","scope":{"kind":"agent","name":"a"}}',
        b'"all"',
    ],
    ids=["kind", "no-id", "no-name", "unknown-key", "white-space", "twice", "text"],
)
def test_a_halt_that_cannot_be_read_refuses_all_of_it(halt):
    assert refusal(sealed(_payload([halt]), kind=HALTS_TYPE)) == "malformed"


@pytest.mark.parametrize("raw", [b"", b"<html>", b"{}", b"[" * 5000], ids=["empty", "page", "object", "deep"])
def test_what_is_no_envelope_is_refused(raw):
    assert refusal(raw) == "not_a_bundle"


def test_the_key_that_follows_a_trusted_one_may_sign_it():
    step = state_keys("default", key_set(key(2), version=1), (KEY,))
    body = _payload([])
    assert read(sealed(body, key(2), kind=HALTS_TYPE, steps=(step,))).epoch.number == 1
    assert refusal(sealed(body, key(2), kind=HALTS_TYPE)) == "untrusted"


def test_keys_that_the_bundle_left_behind_sign_nothing_any_more():
    raw = written()
    with pytest.raises(KillSwitchError, match="version 1 is in force"):
        read_document(raw, trust(), Epoch(), NOW, NOW, keys_version=1)


def _payload(halts):
    return (
        b'{"apiVersion":"ascend.sidecar/v1","epoch":1,"expires_at":"2026-01-03T00:00:00Z","halts":['
        + b",".join(halts)
        + b'],"issued_at":"2026-01-02T00:00:00Z","kind":"Halts","name":"default","released":[]}'
    )
