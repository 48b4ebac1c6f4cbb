"""Sources: the config file, the environment and the command line, as settings that know their place.

Nothing here is read from the process: the environment and the flags are handed in.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from sidecar.config.keys import KEYS, PREFIX, is_section, section_fields
from sidecar.config.model import Config
from sidecar.config.platform import API_VARIABLE, KEY_VARIABLE, is_ours
from sidecar.config.settings import Findings, Setting, plain
from sidecar.core.document import Document, DocumentError, parse_documents
from sidecar.core.errors import ConfigError, Diagnostic, Place
from sidecar.core.shape import suggest

CONFIG_VARIABLE: Final = f"{PREFIX}CONFIG"
DEBUG_VARIABLE: Final = "ASCEND_DEBUG"
SYSTEM_FILE: Final = Path("/etc/ascend-sidecar/config.yaml")
_MAX_BYTES: Final = 1 << 20
# Read by others: what file to read, and the one setting that is never a value of the config.
_NO_KEYS: Final = (CONFIG_VARIABLE, KEY_VARIABLE)
_BY_VARIABLE: Final = {key.env: key for key in KEYS.values()}
_SERVICE_LINK: Final = re.compile(
    rf"{PREFIX}(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)"
)


def config_file(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    """Which file to read: the one asked for, else $ASCEND_SIDECAR_CONFIG, else the system's if any."""
    if path is not None:
        return path
    named = environ.get(CONFIG_VARIABLE)
    if named:
        return Path(named)
    return SYSTEM_FILE if SYSTEM_FILE.exists() else None


def read_file(path: Path) -> bytes:
    """At most 1 MiB. Raises ConfigError if it cannot be read."""
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(Diagnostic(Place(str(path)), f"cannot be read: {error.strerror}")) from error
    if len(raw) > _MAX_BYTES:
        raise ConfigError(Diagnostic(Place(str(path)), f"is larger than {_MAX_BYTES} bytes"))
    return raw


def from_file(path: str, raw: bytes, findings: Findings) -> Iterator[Setting]:
    """The settings of one YAML file. Raises ConfigError when it is not strict YAML."""
    try:
        documents = parse_documents(path, raw)
    except DocumentError as error:
        raise ConfigError(*error.diagnostics) from error
    if len(documents) > 1:
        findings.add(documents[1].place(), "a second YAML document", "a config file is one mapping")
    elif documents and documents[0].value is not None:
        yield from _section(documents[0], Config, (), findings)


def _section(
    document: Document, struct: type[msgspec.Struct], keys: tuple[str, ...], findings: Findings
) -> Iterator[Setting]:
    value = document.at(*keys)
    if not isinstance(value, dict):
        findings.add(document.place(*keys), "a mapping of keys to values is needed here")
        return
    fields = section_fields(struct)
    for name in value:
        path = (*keys, name)
        type_ = fields.get(name)
        if type_ is None:
            findings.add(document.key_place(*path), f"unknown key `{name}`", suggest(name, list(fields)))
        elif is_section(type_):
            yield from _section(document, type_, path, findings)
        else:
            yield Setting(KEYS[".".join(path)], value[name], document.place(*path))


def from_environment(environ: Mapping[str, str], findings: Findings) -> Iterator[Setting]:
    """Those of the SDK first, so that a variable of ours that says the same wins over them."""
    debug = environ.get(DEBUG_VARIABLE)
    if debug is not None:
        yield from _debug(debug, findings)
    url = environ.get(API_VARIABLE)
    if url and not is_ours(url):
        yield Setting(KEYS["platform.url"], url, Place(API_VARIABLE))
    for name in sorted(environ):
        if name.startswith(PREFIX) and not _is_service_link(name, environ[name]):
            yield from _variable(name, environ[name], findings)


def _is_service_link(name: str, text: str) -> bool:
    """Kubernetes sets such variables in every pod beside a Service that is called like us."""
    return bool(_SERVICE_LINK.fullmatch(name)) or (name.endswith("_PORT") and "://" in text)


def _debug(text: str, findings: Findings) -> Iterator[Setting]:
    place = Place(DEBUG_VARIABLE)
    if text.lower() in {"1", "true"}:
        yield Setting(KEYS["log.level"], "debug", place)
    elif text.lower() not in {"0", "false"}:
        findings.add(place, f"`{text[:64]}` is not 1 or 0")


def _variable(name: str, text: str, findings: Findings) -> Iterator[Setting]:
    place = Place(name)
    if not text:
        findings.add(place, "is empty", "unset it to get the default")
    elif name in _BY_VARIABLE:
        key = _BY_VARIABLE[name]
        yield Setting(key, plain(text, key.type), place)
    elif name not in _NO_KEYS:
        findings.add(place, "no such setting", suggest(name, [*_BY_VARIABLE, *_NO_KEYS]))


def from_flags(flags: Mapping[str, str]) -> Iterator[Setting]:
    """Flags by dotted key; which ones there are is the command line's business."""
    for name, text in flags.items():
        yield Setting(KEYS[name], plain(text, KEYS[name].type), Place(KEYS[name].flag))
