"""Words: the command line of a hook, read without a library for it, which would take longer than all the rest.

What is for people, such as --help, is left to typer (`sidecar.cli.hook`), which also knows these options.
"""

from collections.abc import Mapping, Sequence
from io import FileIO
from typing import Final, NamedTuple

from sidecar.cli.hosts.calls import CannotTell

FOR_PEOPLE: Final = frozenset({"-h", "--help", "--print-config"})
OPTIONS: Final = ("--agent", "--socket", "--url", "--token-file", "--timeout", "--wait")
DEFAULT_ADDRESS: Final = "unix:/run/ascend-sidecar/sidecar.sock"
DEFAULT_TIMEOUT: Final = 25.0
"""Seconds. Copilot gives a hook 30 s where nobody says otherwise, the others more."""
_MOST_SECONDS: Final = 3600.0
_MOST_TOKEN: Final = 4096


class Words(NamedTuple):
    """What was typed, or stands in the environment. `wait` is at most `timeout`; both are seconds."""

    agent: str
    address: str
    token: str
    timeout: float
    wait: float


def read_words(arguments: Sequence[str], environ: Mapping[str, str], host: str) -> Words:
    """The options behind the name of the host. Raises CannotTell naming what cannot be read."""
    given: dict[str, str] = {}
    rest = iter(arguments)
    for word in rest:
        name, equals, value = word.partition("=")
        if name not in OPTIONS or name in given:
            raise CannotTell(f"the hook's command has `{word}`, which it does not know, or twice")
        given[name] = value if equals else next(rest, "")
    return words_of(given, environ, host)


def words_of(given: Mapping[str, str], environ: Mapping[str, str], host: str) -> Words:
    """`given` are options with what was typed for them; the agent is named after the host where nobody names it.

    Raises CannotTell.
    """
    agent = given.get("--agent") or environ.get("ASCEND_AGENT_ID") or host
    timeout = _seconds("--timeout", given, DEFAULT_TIMEOUT)
    return Words(
        agent if ":" in agent else f"agent:{agent}",
        _address(given, environ),
        _token(given.get("--token-file"), environ),
        timeout,
        min(_seconds("--wait", given, timeout), timeout),
    )


def _address(given: Mapping[str, str], environ: Mapping[str, str]) -> str:
    path, url = given.get("--socket"), given.get("--url")
    if path is not None and url is not None:
        raise CannotTell("--socket and --url exclude each other")
    address = f"unix:{path}" if path is not None else url or environ.get("ASCEND_SIDECAR") or DEFAULT_ADDRESS
    kind, _, place = address.partition(":")
    authority = place.removeprefix("//").rstrip("/")
    is_socket = kind == "unix" and place.startswith("/")
    is_tcp = kind == "http" and place.startswith("//") and authority.rpartition(":")[2].isdigit()
    if not is_socket and not (is_tcp and "/" not in authority):
        raise CannotTell("the daemon's address must be unix:/PATH or http://HOST:PORT")
    return address


def _token(file: str | None, environ: Mapping[str, str]) -> str:
    if file is None:
        token = environ.get("ASCEND_TOKEN", "")
    else:
        try:
            with FileIO(file) as opened:
                token = opened.read(_MOST_TOKEN).decode("latin-1").strip()
        except (OSError, ValueError) as error:
            raise CannotTell(f"--token-file {file}: {getattr(error, 'strerror', None) or error}") from error
        if not token:
            raise CannotTell(f"--token-file {file}: holds no token")
    if not all("!" <= character <= "~" for character in token):
        raise CannotTell("the token must be printable ASCII")
    return token


def _seconds(name: str, given: Mapping[str, str], default: float) -> float:
    text = given.get(name)
    if text is None:
        return default
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= _MOST_SECONDS:
        raise CannotTell(f"{name}: must be a number of seconds, at most {_MOST_SECONDS:.0f}")
    return seconds
