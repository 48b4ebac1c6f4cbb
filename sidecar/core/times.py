"""Times as text: RFC 3339 in UTC."""

from datetime import UTC, datetime
from functools import lru_cache


def rfc3339(epoch: float) -> str:
    """`epoch` seconds as text with microseconds, such as 2026-01-31T09:00:00.000000Z."""
    second = int(epoch // 1)
    micros = str(int((epoch - second) * 1_000_000))
    return f"{_second(second)}.{micros if len(micros) == 6 else micros.zfill(6)}Z"


@lru_cache(maxsize=8)
def _second(second: int) -> str:
    """Decisions of one second share its text, and that of their expiry."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
