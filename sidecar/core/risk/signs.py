"""Signs: what a fact is recognised by, a text that belongs to the fact of a number."""

from collections.abc import Iterable, Mapping

Sign = tuple[int, str]
Found = dict[int, str]


def by_text(signs: Iterable[Sign]) -> Mapping[str, list[Sign]]:
    """The signs by their text in lower case."""
    table: dict[str, list[Sign]] = {}
    for number, text in signs:
        table.setdefault(text.lower(), []).append((number, text))
    return table


def add(found: Found, signs: Iterable[Sign]) -> None:
    """Adds the facts of these signs; of several signs of one fact the first is named."""
    for number, text in signs:
        found.setdefault(number, text)
