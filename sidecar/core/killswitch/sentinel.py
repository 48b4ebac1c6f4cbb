"""The sentinel file's content: whom it halts. Whatever cannot be read halts everything, for it may say anything.

An empty file, or one of remarks only, halts everything. Else each line is `kind name`, or `kind` for every one of
the kind, with the reason behind a ` # `.
"""

import re
from collections.abc import Iterator
from typing import Final

from sidecar.core.killswitch.order import REASON_CHARS
from sidecar.core.killswitch.scope import ANY, Kind, Scope, scope

MOST_BYTES: Final = 64 * 1024
MOST_LINES: Final = 1000
# "*" and not this host's name: a machine that is renamed meanwhile stays halted.
EVERYTHING: Final = Scope(Kind.HOST)
# People know these kinds by the options of `killswitch block` too.
_WORDS: Final = {kind.value: kind for kind in Kind} | {
    "server": Kind.MCP_SERVER,
    "session": Kind.ORCHESTRATION,
}
_REMARK: Final = re.compile(r"(?:^|\s+)#\s*")


def read_sentinel(raw: bytes) -> dict[Scope, str]:
    """The scopes that it halts, each with its reason, "" for none."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        return {EVERYTHING: f"it is not UTF-8 at byte {error.start}"}
    lines = text.splitlines()
    if len(raw) > MOST_BYTES or len(lines) > MOST_LINES:
        return {EVERYTHING: f"it has more than {MOST_LINES} lines or {MOST_BYTES} bytes"}
    found = dict(_scopes(lines))
    return found or {EVERYTHING: _first_remark(lines)}


def _scopes(lines: list[str]) -> Iterator[tuple[Scope, str]]:
    for number, line in enumerate(lines, 1):
        what, *reason = _REMARK.split(line, maxsplit=1)
        if not what.strip():
            continue
        try:
            yield _scope(what.strip()), "".join(reason).strip()[:REASON_CHARS]
        except ValueError as error:
            yield EVERYTHING, f"line {number} cannot be read: {error}"


def _scope(what: str) -> Scope:
    """Raises ValueError."""
    word, _, name = what.partition(" ")
    kind = _WORDS.get(word)
    if kind is None:
        raise ValueError(f"`{word[:64]}` is none of {', '.join(_WORDS)}")
    return scope(kind, name.strip() or ANY)


def _first_remark(lines: list[str]) -> str:
    remarks = (_REMARK.split(line, maxsplit=1)[1].strip() for line in lines if line.strip())
    return next((remark for remark in remarks if remark), "")[:REASON_CHARS]
