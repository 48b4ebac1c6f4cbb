"""Names: which verb an action's name means.

1. A name that is a verb or one of its aliases is that verb.
2. So is one whose last part, behind a server's name (`server/tool`, `server.tool`, `mcp__server__tool`), is.
3. Else the name is split into words. Of all verbs with a phrase whose words are all among them, the one with
   the highest base is meant. Words of the resource's type help to complete a phrase, but make none alone.
4. Else it is `unknown`.
"""

import re
from collections.abc import Mapping
from typing import Final

from sidecar.core.risk.parse import UNKNOWN
from sidecar.core.risk.table import VerbRow

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
Phrase = tuple[frozenset[str], ...]
_SERVER: Final = re.compile(r".*(?:[/:.]|__)")


class Names:
    """Names to verbs, as one risk table has them."""

    def __init__(self, verbs: Mapping[str, VerbRow]) -> None:
        self._verbs = {alias.lower(): name for name, verb in verbs.items() for alias in (name, *verb.aliases)}
        ordered = sorted(verbs.items(), key=lambda item: -item[1].base)
        self._phrases = [(_phrase(words), name) for name, verb in ordered for words in verb.words]

    def verb(self, name: str, resource_type: str) -> str:
        """The verb that this action on such a resource is; `unknown` if nothing tells."""
        low = name.lower()
        named = self._verbs.get(low) or self._verbs.get(_SERVER.sub("", low))
        return named or self._by_words(_words(name), _words(resource_type))

    def _by_words(self, said: set[str], helping: set[str]) -> str:
        every = said | helping
        return next((name for phrase, name in self._phrases if _is_said(phrase, said, every)), UNKNOWN)


def _phrase(words: str) -> Phrase:
    return tuple(frozenset(word.split("|")) for word in words.split())


def _is_said(phrase: Phrase, said: set[str], every: set[str]) -> bool:
    return all(not word.isdisjoint(every) for word in phrase) and any(
        not word.isdisjoint(said) for word in phrase
    )


def _words(name: str) -> set[str]:
    """The words of `delete_files`, `deleteFiles` or `delete-files`, each also without a plural's s."""
    words = {word.lower() for word in _WORD.findall(name)}
    return words | {word[:-1] for word in words if word.endswith("s")}
