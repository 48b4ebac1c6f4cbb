"""Trust: the public keys that the operator names, read once, as what bundles are verified by."""

from pathlib import Path
from typing import Final

from sidecar import __version__
from sidecar.config.model import Config
from sidecar.config.sources import read_file
from sidecar.core.bundle import Trust
from sidecar.core.errors import ConfigError, Diagnostic, Place
from sidecar.core.trust import KeySet, PublicKey, UnusableKey, parse_public_key

_KEY: Final = "trust.keys"


def read_trust(config: Config) -> Trust | None:
    """None where no keys are configured. Raises ConfigError with what is wrong with each."""
    trust = config.trust
    if not trust.keys:
        return None
    try:
        keys = KeySet(read_public_keys(trust.keys), trust.threshold, trust.version)
    except ValueError as error:
        raise ConfigError(Diagnostic(Place(_KEY), str(error))) from error
    return Trust(
        name=trust.name,
        keys=keys,
        daemon_version=__version__,
        audience=frozenset(trust.audience),
        min_revision=trust.min_revision,
        skew=float(trust.clock_skew),
    )


def read_public_keys(texts: tuple[str, ...]) -> tuple[PublicKey, ...]:
    """Each a PEM file, or base64 in one line. Raises ConfigError with every finding."""
    keys: list[PublicKey] = []
    found: list[Diagnostic] = []
    for number, text in enumerate(texts, start=1):
        try:
            keys.append(_public_key(text))
        except (UnusableKey, UnicodeDecodeError) as error:
            found.append(Diagnostic(Place(_KEY), f"number {number}: {error}"))
        except ConfigError as error:
            found += error.diagnostics
    if found:
        raise ConfigError(*found)
    return tuple(keys)


def _public_key(text: str) -> PublicKey:
    try:
        return parse_public_key(text)
    except UnusableKey:
        if not Path(text).name or "\n" in text:
            raise
    return parse_public_key(read_file(Path(text)).decode())
