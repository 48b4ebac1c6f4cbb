"""Signed notes: the specification's example, and what is refused."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sidecar.core.note import NoteError, Signer, parse_vkey, verify_note

EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE = (
    "This is an example message.\n\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()
SIGNER = Signer("example.com/log", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
NOTE = SIGNER.sign("one\n\ntwo\n")


def test_the_example_of_the_specification_verifies():
    key = parse_vkey(EXAMPLE_KEY)
    assert verify_note(EXAMPLE, key) == "This is an example message.\n"
    assert str(key) == EXAMPLE_KEY


def test_what_is_signed_here_verifies_here_empty_lines_included():
    assert verify_note(NOTE, SIGNER.vkey) == "one\n\ntwo\n"
    assert parse_vkey(str(SIGNER.vkey)) == SIGNER.vkey


def test_signatures_of_others_are_ignored():
    assert verify_note(NOTE + EXAMPLE.split(b"\n\n")[1], SIGNER.vkey) == "one\n\ntwo\n"


def test_a_second_bad_signature_of_a_known_key_condemns_the_note():
    other = SIGNER.sign("other\n").split(b"\n\n")[1]
    with pytest.raises(NoteError, match="does not verify"):
        verify_note(NOTE + other, SIGNER.vkey)


def test_a_note_that_only_others_signed_is_refused():
    with pytest.raises(NoteError, match=r"not signed by example\.com/log"):
        verify_note(EXAMPLE, SIGNER.vkey)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"text\n\n\n",
        NOTE[:-1],
        NOTE + b"\n",
        NOTE.replace(b"one", b"One"),
        NOTE.replace("—".encode(), b"-"),
        NOTE.replace(b"one", b"o\te"),
        NOTE.replace(b"one", b"o\xffe"),
        NOTE.replace(b"=", b""),
        b"x" * 200_000,
        b"text\n\n" + NOTE.rsplit(b"\n\n", 1)[1] * 100,
    ],
)
def test_what_is_no_note_is_refused(raw):
    with pytest.raises(NoteError):
        verify_note(raw, SIGNER.vkey)


def test_any_single_bit_that_changes_is_found():
    for at in range(len(NOTE) * 8):
        changed = bytearray(NOTE)
        changed[at // 8] ^= 1 << at % 8
        with pytest.raises(NoteError):
            verify_note(bytes(changed), SIGNER.vkey)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000+AA==",
        EXAMPLE_KEY.replace("530d903a", "530d903b"),
        EXAMPLE_KEY.replace("+A", "+B"),
        EXAMPLE_KEY.replace("example.com/foo", "exam ple"),
        EXAMPLE_KEY + "!",
    ],
)
def test_what_is_no_verifier_key_is_refused(text):
    with pytest.raises(NoteError):
        parse_vkey(text)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u2003b", "a\nb", "a\x07"])
def test_a_name_that_a_note_cannot_carry_is_no_keys_name(name):
    with pytest.raises(NoteError):
        Signer(name, Ed25519PrivateKey.generate())
