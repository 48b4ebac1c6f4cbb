"""Languages: what a command line or an SQL statement in a request shows of itself.

This reads words, it does not parse: a shell can say the same in ways that no reader foresees. So what is
found here can only raise a risk, and verbs that run commands are high to begin with.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sidecar.core.model import JSON
from sidecar.core.risk.probes import Probe, texts
from sidecar.core.risk.signs import Found, Sign, add
from sidecar.core.risk.table import CommandSign

_SEPARATORS: Final = str.maketrans(dict.fromkeys(";|&()[]{}<>\"'`=,@$\t\r\n", " "))
# Statements that may carry another one inside; any of their words counts.
_WRAPPERS: Final = frozenset({"begin", "do", "explain", "start", "with"})


def command(signs: Sequence[tuple[CommandSign, int]], path: Probe, host: Probe) -> Probe:
    """Found by programs, flags and words of a command line (text or a list), and by the paths in it."""

    def probe(value: JSON, found: Found) -> None:
        text = " ".join(texts(value))
        tokens = text.translate(_SEPARATORS).split()
        host(text, found)
        path(tokens, found)
        programs = {token.rsplit("/", 1)[-1].lower() for token in tokens}
        said = programs | set(tokens) | _short_flags(tokens)
        for sign, number in signs:
            if all(not wanted or not wanted.isdisjoint(said) for wanted in _wanted(sign)):
                found.setdefault(number, min(sign.programs & programs, default=""))

    return probe


def statement(signs: Mapping[str, list[Sign]]) -> Probe:
    """Found by the first word of each SQL statement; by any word where a statement may carry another."""

    def probe(value: JSON, found: Found) -> None:
        for part in " ".join(texts(value)).lower().split(";"):
            words = part.replace("(", " ").split()
            for word in words if _is_wrapped(words) else words[:1]:
                add(found, signs.get(word, ()))

    return probe


def _is_wrapped(words: list[str]) -> bool:
    return bool(words) and (words[0] in _WRAPPERS or words[0].startswith(("/*", "--", "#")))


def _wanted(sign: CommandSign) -> tuple[frozenset[str], ...]:
    return sign.programs, sign.flags, sign.words


def _short_flags(tokens: Iterable[str]) -> set[str]:
    """`-rf` is both -r and -f."""
    clusters = (token[1:] for token in tokens if token[0] == "-" and token[1:2] != "-")
    return {f"-{letter}" for cluster in clusters for letter in cluster}
