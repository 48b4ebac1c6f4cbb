"""Trusting: the keys that are named on the command line, and what signed bundles are verified by."""

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from sidecar import __version__
from sidecar.adapters.aws.kms import open_kms_key
from sidecar.cli.edge import Edge
from sidecar.cli.exits import UsageError
from sidecar.cli.inputs import read_input
from sidecar.cli.options import TrustWords, config_of
from sidecar.config.trust import read_halts_trust, read_trust
from sidecar.core.bundle import Trust
from sidecar.core.trust import (
    KeySet,
    PrivateKey,
    PublicKey,
    Signer,
    UnusableKey,
    parse_private_key,
    parse_public_key,
)
from sidecar.core.trust.keys import MAX_KEY_TEXT

DEFAULT_NAME: Final = "default"
_NOTHING: Final = TrustWords()


def find_trust(edge: Edge, words: TrustWords) -> Trust:
    """What was typed, and for the rest what the daemon of this host trusts. Raises UsageError, ConfigError."""
    return _found(words, read_trust(config_of(edge)), "trust.keys")


def find_halts_trust(edge: Edge, words: TrustWords, signers: Sequence[Signer] = ()) -> Trust:
    """The same of those who may halt. Where nobody says whom to trust, it is whoever signs now."""
    configured = read_halts_trust(config_of(edge))
    if signers and configured is None and not words.pub:
        words = msgspec.structs.replace(words, pub=tuple(signer.public.text for signer in signers))
    return _found(words, configured, "killswitch.keys")


def _found(words: TrustWords, configured: Trust | None, key: str) -> Trust:
    if configured is not None and words == _NOTHING:
        return configured
    if not words.pub and configured is None:
        raise UsageError(f"no keys to verify by: give --pub KEY, or set {key} in the config of this host")
    held = configured or Trust(DEFAULT_NAME, _key_set(words), __version__)
    return Trust(
        name=words.name or held.name,
        keys=_key_set(words) if words.pub else _narrowed(held.keys, words.threshold),
        daemon_version=__version__,
        audience=frozenset(words.audience) or held.audience,
        min_revision=held.min_revision,
        skew=held.skew,
    )


def find_signers(files: Sequence[str], kms: Sequence[str] = ()) -> tuple[Signer, ...]:
    """Whoever was named to sign, each once. Raises UsageError, RemoteRefused, RemoteUnreachable."""
    signers: list[Signer] = [*map(private_key, files), *map(open_kms_key, kms)]
    return tuple({signer.public: signer for signer in signers}.values())


def public_key(option: str, text: str) -> PublicKey:
    """A key as its text, or as a file that holds it. Raises UsageError."""
    try:
        return parse_public_key(_text_of(option, text))
    except (UnusableKey, UnicodeDecodeError) as error:
        raise UsageError(f"{option} {text}: {error}") from error


def private_key(file: str, stdin: BinaryIO | None = None) -> PrivateKey:
    """Of `stdin` for `-` where that is taken. Raises UsageError, which never shows what the file holds."""
    try:
        return parse_private_key(read_input("--key", file, MAX_KEY_TEXT, stdin))
    except UnusableKey as error:
        raise UsageError(f"--key {file}: {error}") from error


def key_set(option: str, texts: Sequence[str], threshold: int, version: int = 0) -> KeySet:
    """Raises UsageError."""
    try:
        return KeySet(tuple(public_key(option, text) for text in texts), threshold, version)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from error


def _key_set(words: TrustWords) -> KeySet:
    return key_set("--pub", words.pub, words.threshold or 1)


def _narrowed(keys: KeySet, threshold: int | None) -> KeySet:
    try:
        return KeySet(keys.keys, threshold or keys.threshold, keys.version)
    except ValueError as error:
        raise UsageError(f"--threshold: {error}") from error


def _text_of(option: str, text: str) -> str:
    """The text of a key may be longer than the name of a file can be."""
    try:
        is_file = Path(text).is_file()
    except (OSError, ValueError):
        is_file = False
    return read_input(option, text, MAX_KEY_TEXT).decode() if is_file else text
