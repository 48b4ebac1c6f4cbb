"""Masking: what of a request's values must not stand in the log in the clear.

A value is masked because of its key's name (`password`, `apiKey`), or where a pattern of secrets occurs in
it. A mask is a keyed digest, so that two equal secrets can still be told to be equal. A value that is very
long becomes its size and digest. Who calls decides what is masked: never a subject's id, an action's name or
a resource's type.
"""

import hmac
import re
from functools import partial
from typing import Final

import msgspec

from sidecar.core.mask_table import MaskPattern, MaskTable, passes_luhn, secret_names
from sidecar.core.model import JSON

__all__ = ["DIGEST", "MASK", "MaskPattern", "MaskTable", "Masker"]

DIGEST: Final = "hmac:"
MASK: Final = "masked:"
_DIGEST_HEX: Final = 32
_SHORTEST: Final = 8  # no secret that a pattern could tell is shorter
_LARGEST_COUNT: Final = 10**12 - 1  # card numbers have 13 digits and more
_MOST_KNOWN: Final = 4096
_LONGEST_KNOWN: Final = 256


class Masker:
    """Masks JSON values by one table with one key. Never changes what it is given.

    Remembers names, and short strings without secrets, that it has seen: most requests resemble earlier ones.
    """

    def __init__(self, table: MaskTable, key: bytes) -> None:
        self._key = key
        self._longest = table.longest
        self._is_secret = secret_names(table)
        self._patterns = tuple(
            (tuple(hint.lower() for hint in pattern.hints), re.compile(pattern.regex), pattern.luhn)
            for pattern in table.patterns
        )
        self._hints = tuple({hint for hints, _, _ in self._patterns for hint in hints})
        self._unhinted = tuple(regex for hints, regex, _ in self._patterns if not hints)
        self._names: dict[str, bool] = {}
        self._harmless: set[str] = set()

    def digest(self, raw: bytes) -> str:
        """`hmac:` and the first 128 bits of HMAC-SHA-256(key, raw) in hex."""
        return DIGEST + hmac.digest(self._key, raw, "sha256").hex()[:_DIGEST_HEX]

    def mask(self, value: JSON) -> JSON:
        """The value with its secrets masked; the very same object when it has none."""
        return value if self.is_plain(value) else self._masked(value)

    def is_plain(self, *values: JSON) -> bool:
        """Whether none of the values has anything to mask. May be false of one that has not."""
        texts: list[str] = []
        if not self._are_plain(list(values), texts):
            return False
        if texts:
            if self._is_suspect("\n".join(texts)):
                return False
            if len(self._harmless) > _MOST_KNOWN:
                self._harmless.clear()
            self._harmless.update(text for text in texts if len(text) <= _LONGEST_KNOWN)
        return True

    def _are_plain(self, todo: list[JSON], texts: list[str]) -> bool:
        """False if a name or a length calls for a mask; adds to `texts` the strings to be searched.

        Uses up `todo`; without recursion, because this is on the way of every decision.
        """
        harmless, known = self._harmless, self._names
        while todo:
            value = todo.pop()
            kind = type(value)
            if kind is str:
                if len(value) >= _SHORTEST and value not in harmless:
                    if len(value) > self._longest:
                        return False
                    texts.append(value)
            elif kind is dict:
                for name in value:
                    if known[name] if name in known else self._learn(name):
                        return False
                todo += value.values()
            elif kind is list:
                todo += value
            elif kind is int and value > _LARGEST_COUNT:
                texts.append(str(value))
        return True

    def _learn(self, name: str) -> bool:
        secret = self._is_secret(name)
        if len(self._names) > _MOST_KNOWN:
            self._names.clear()
        if len(name) <= _LONGEST_KNOWN:
            self._names[name] = secret
        return secret

    def _is_suspect(self, text: str) -> bool:
        lowered = text.lower()
        # Loops, because any() over a generator takes twice as long and this is on the way of every decision.
        for hint in self._hints:
            if hint in lowered:
                return True
        for regex in self._unhinted:  # noqa: SIM110 - as above
            if regex.search(text):
                return True
        return False

    def _masked(self, value: JSON) -> JSON:
        if isinstance(value, dict):
            members = {name: self._member(name, item) for name, item in value.items()}
            return members if any(members[name] is not value[name] for name in value) else value
        if isinstance(value, list):
            items = [self._masked(item) for item in value]
            return items if any(a is not b for a, b in zip(items, value, strict=True)) else value
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, int) and value > _LARGEST_COUNT:
            masked = self._text(str(value))
            return value if masked == str(value) else masked
        return value

    def _member(self, name: str, item: JSON) -> JSON:
        if item is None or isinstance(item, bool) or not self._is_secret(name):
            return self._masked(item)
        raw = item.encode() if isinstance(item, str) else msgspec.json.encode(item, order="sorted")
        return MASK + self.digest(raw)

    def _text(self, text: str) -> JSON:
        if len(text) > self._longest:
            raw = text.encode()
            return {"size": len(raw), "digest": self.digest(raw)}
        lowered = text.lower()
        for hints, regex, luhn in self._patterns:
            if not hints or any(hint in lowered for hint in hints):
                text = regex.sub(partial(self._secret, luhn=luhn), text)
        return text

    def _secret(self, found: re.Match[str], *, luhn: bool) -> str:
        group = 1 if found.re.groups and found[1] is not None else 0
        secret = found[group]
        if secret.startswith(MASK) or (luhn and not passes_luhn(secret)):
            return found[0]
        start, end = (edge - found.start() for edge in found.span(group))
        return f"{found[0][:start]}{MASK}{self.digest(secret.encode())}{found[0][end:]}"
