"""A process that can start no more threads, as one at the limit of its control group."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_TOO_MUCH = 1 << 46


@contextmanager
def no_more_threads() -> Iterator[None]:
    """No machine has the memory for the stack of another one."""
    before = threading.stack_size(_TOO_MUCH)
    try:
        yield
    finally:
        threading.stack_size(before)
