"""A text that no representation of it shows."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Secret:
    """`text` is for the one place that needs it."""

    text: str = field(repr=False)
