"""Loads change settings of the whole interpreter, and so keep out of each other's way."""

import asyncio
import gc
import sys
import threading

from sidecar.core.bundle import Floor
from sidecar.service.loading import Loader
from tests.tools.bundles import DEFAULTS, HEAD

RULES = (HEAD + "rules: [{id: all, effect: allow, reason: fine}]\n").encode()


class Watched(dict):
    """A folder's files that know by which threads they were read."""

    readers: set[int]

    def items(self):
        self.readers.add(threading.get_ident())
        return super().items()

    def __iter__(self):
        self.readers.add(threading.get_ident())
        return super().__iter__()


async def test_one_load_at_a_time_and_the_interpreter_is_as_it_was():
    files = Watched({"policy.yaml": RULES})
    files.readers = set()
    loader, before = Loader(None, DEFAULTS, ()), sys.getswitchinterval()
    loads = (loader.load(files, "here", Floor(), 0.0, None) for _ in range(8))
    assert len({bundle.digest for bundle in await asyncio.gather(*loads)}) == 1
    assert (len(files.readers), threading.get_ident() in files.readers) == (1, False)
    assert (sys.getswitchinterval(), gc.isenabled()) == (before, True)
