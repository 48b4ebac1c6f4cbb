"""The masking table, `data/masking.yaml`: which keys are secret, and what secrets look like inside values."""

import re
from collections.abc import Callable
from typing import Final

import msgspec

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


class MaskPattern(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of secret. Only strings that hold one of `hints`, in any case, are searched for `regex`.

    Without hints all strings are, which costs. The first group is masked, else all that matches. `luhn`: only
    if the digits pass the check of card numbers.
    """

    name: str
    regex: str
    hints: tuple[str, ...] = ()
    luhn: bool = False

    def __post_init__(self) -> None:
        try:
            compiled = re.compile(self.regex)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"`{self.name}` is no regular expression: {error}") from error
        if compiled.match("") or "" in self.hints:
            raise ValueError(f"`{self.name}` must not match the empty string, in regex or hints")


class MaskTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key is secret if the words of an entry of `keys` follow each other in its name.

    `exempt` names keys that are not, whatever words they have. `longest`: characters that a value may have.
    """

    keys: tuple[str, ...]
    patterns: tuple[MaskPattern, ...]
    exempt: tuple[str, ...] = ()
    longest: int = 4096

    def __post_init__(self) -> None:
        if not 64 <= self.longest <= 16384:
            raise ValueError("`longest` is a number of characters from 64 to 16384")
        for name in (*self.keys, *self.exempt):
            if not _words(name):
                raise ValueError(f"`{name}` has no word that a key's name could have")


def secret_names(table: MaskTable) -> Callable[[str], bool]:
    """The table's judgement of a key's name."""
    # By their first words: an agent may send names of very many words.
    runs: dict[str, list[tuple[str, ...]]] = {}
    for run in map(_words, table.keys):
        runs.setdefault(run[0], []).append(run)
    exempt = {_words(name) for name in table.exempt}

    def is_secret(name: str) -> bool:
        words = _words(name)
        begins = (i for i, word in enumerate(words) if word in runs)
        return any(_goes_on(words, i, runs[words[i]]) for i in begins) and words not in exempt

    return is_secret


def _words(name: str) -> tuple[str, ...]:
    """apiKey, API_KEY and x-api-key all have the words `api` and `key`, one after the other."""
    return tuple(word.lower() for word in _WORD.findall(name))


def _goes_on(words: tuple[str, ...], i: int, runs: list[tuple[str, ...]]) -> bool:
    return any(words[i : i + len(run)] == run for run in runs)


def passes_luhn(text: str) -> bool:
    """ISO/IEC 7812-1, annex B: from the right every second digit is doubled; the digits' sum ends in 0."""
    digits = [int(c) for c in reversed(text) if c.isdecimal()]
    doubled = [d if i % 2 == 0 else sum(divmod(2 * d, 10)) for i, d in enumerate(digits)]
    return sum(doubled) % 10 == 0
