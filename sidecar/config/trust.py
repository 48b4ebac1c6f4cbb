"""Trust: the public keys that the operator names, read once, as what bundles and halts are verified by."""

from pathlib import Path
from typing import Final

from sidecar import __version__
from sidecar.config.model import Config
from sidecar.config.sources import read_file
from sidecar.core.bundle import Trust
from sidecar.core.errors import ConfigError, Diagnostic, Place
from sidecar.core.trust import KeySet, PublicKey, UnusableKey, parse_public_key

_KEY: Final = "trust.keys"
_HALTS_KEY: Final = "killswitch.keys"
_PEM: Final = "-----"
_SHOWN: Final = 64


def read_trust(config: Config) -> Trust | None:
    """None where no keys are configured. Raises ConfigError with what is wrong with each."""
    trust = config.trust
    if not trust.keys:
        return None
    return Trust(
        name=trust.name,
        keys=_key_set(_KEY, trust.keys, trust.threshold, trust.version),
        daemon_version=__version__,
        audience=frozenset(trust.audience),
        min_revision=trust.min_revision,
        skew=float(trust.clock_skew),
    )


def read_halts_trust(config: Config) -> Trust | None:
    """By whom orders, beacons and state documents are signed: killswitch.keys, and where there are none, trust.keys.

    None where neither is configured. Raises ConfigError.
    """
    switch, trust = config.killswitch, config.trust
    if not switch.keys:
        return read_trust(config)
    keys = _key_set(_HALTS_KEY, switch.keys, switch.threshold)
    return Trust(trust.name, keys, __version__, skew=float(trust.clock_skew))


def _key_set(place: str, texts: tuple[str, ...], threshold: int, version: int = 0) -> KeySet:
    try:
        return KeySet(_public_keys(place, texts), threshold, version)
    except ValueError as error:
        raise ConfigError(Diagnostic(Place(place), str(error))) from error


def _public_keys(place: str, texts: tuple[str, ...]) -> tuple[PublicKey, ...]:
    """Each a PEM file, or base64 in one line. Raises ConfigError with every finding."""
    keys: list[PublicKey] = []
    found: list[Diagnostic] = []
    for number, text in enumerate(texts, start=1):
        try:
            keys.append(_public_key(text))
        except UnusableKey as error:
            found.append(Diagnostic(Place(place), f"number {number}: {error}"))
        except ConfigError as error:
            found += error.diagnostics
    if found:
        raise ConfigError(*found)
    return tuple(keys)


def _public_key(text: str) -> PublicKey:
    try:
        return parse_public_key(text)
    except UnusableKey as error:
        if _PEM in text:
            raise
        if not Path(text).is_file():
            raise UnusableKey(f"`{text[:_SHOWN]}` is neither a public key nor a file") from error
    return _from_file(Path(text))


def _from_file(path: Path) -> PublicKey:
    try:
        return parse_public_key(read_file(path).decode())
    except (UnusableKey, UnicodeDecodeError) as error:
        hint = "PEM or base64 of an Ed25519 or P-256 key is needed"
        raise ConfigError(Diagnostic(Place(str(path)), "no public key", hint)) from error
