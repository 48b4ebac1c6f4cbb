"""Key sets: the keys in force, how many of them must sign, and how one set gives way to the next."""

from dataclasses import dataclass
from typing import Final

from sidecar.core.trust.keys import PublicKey

MAX_KEYS: Final = 16


@dataclass(frozen=True, slots=True)
class KeySet:
    """`threshold` of these keys, all different, must sign. `version` grows with each set that follows another.

    Raises ValueError for a set by which nothing, or anything, would be signed.
    """

    keys: tuple[PublicKey, ...]
    threshold: int = 1
    version: int = 0

    def __post_init__(self) -> None:
        if len(set(self.keys)) != len(self.keys):
            raise ValueError("the same key stands in it twice")
        if not 1 <= len(self.keys) <= MAX_KEYS:
            raise ValueError(f"a set has 1 to {MAX_KEYS} keys")
        if not 1 <= self.threshold <= len(self.keys):
            raise ValueError(
                f"threshold {self.threshold} is not between 1 and the number of keys, {len(self.keys)}"
            )
