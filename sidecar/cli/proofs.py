"""Proofs: whether a record is in a log, judged by the proof, the record and the log's key alone."""

from pathlib import Path
from typing import Final

from sidecar.cli.exits import UsageError
from sidecar.cli.inputs import read_input
from sidecar.core.chain import MAX_RECORD
from sidecar.core.checkpoint import Checkpoint
from sidecar.core.note import MAX_NOTE, NoteError, VerifierKey, parse_vkey
from sidecar.core.proof import parse_proof, verify_proof

_MAX_KEY: Final = 4096


def verifier_key(text: str) -> VerifierKey:
    """A key as its text or as a file that holds it. Raises UsageError."""
    try:
        if Path(text).is_file():
            text = read_input("--vkey", text, _MAX_KEY).decode()
        return parse_vkey(text)
    except (NoteError, OSError, ValueError) as error:
        raise UsageError(f"--vkey: {error}") from error


def check_proof(proof: str, record: str, key: VerifierKey) -> Checkpoint:
    """The checkpoint under which the record is proven. Raises NoteError when it is not, UsageError without files.

    A record's file holds its exact line, with or without the newline.
    """
    text = read_input("--proof", proof, MAX_NOTE)
    line = read_input("--record", record, MAX_RECORD + 1).removesuffix(b"\n")
    try:
        return verify_proof(parse_proof(text.decode()), line, key)
    except UnicodeDecodeError as error:
        raise NoteError(f"{proof} is not text") from error
