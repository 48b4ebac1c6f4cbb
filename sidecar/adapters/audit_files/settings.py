"""How the log is kept: durability, sizes, ages."""

from dataclasses import dataclass
from enum import StrEnum


class Fsync(StrEnum):
    """When a record counts as written: synced; handed to the kernel and synced soon; handed to the kernel.

    Whatever it is, records are synced before a checkpoint speaks of them.
    """

    ALWAYS = "always"
    INTERVAL = "interval"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """Durations are seconds.

    `deadline`: a disk that takes longer is stalled, and appends are refused until it answers. `interval`:
    between syncs under `Fsync.INTERVAL`. Sealed segments go beyond `keep_bytes` in all or `keep_age`.
    `stop_within`: what `close` gives a disk to finish.
    """

    fsync: Fsync = Fsync.ALWAYS
    interval: float = 0.1
    deadline: float = 0.25
    segment_bytes: int = 64 * 1024 * 1024
    keep_bytes: int = 4 * 1024**3
    keep_age: float = 400 * 86400.0
    checkpoint_every: float = 1.0
    checkpoint_records: int = 1000
    survey_every: float = 60.0
    stop_within: float = 5.0
