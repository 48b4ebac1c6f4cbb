"""The sentinel file in the state folder, as it is at this moment.

It is read anew at each look: a file that was changed twice within one step of the file system's clock looks like one
that was changed once. A look at a file that is not there needs no descriptor, so that a process which has used up
its own is not halted for that.
"""

import os
import stat
from pathlib import Path

from sidecar.service.ports import Sentinel


class SentinelFile:
    """The HaltFile at a path; `most` bytes of it are read, and one more.

    `beside` is a file that the daemon holds in the same folder. Where that is missing it is another folder, such as
    one that the log's writer has made anew, and what lies there says nothing.
    """

    def __init__(self, path: Path, most: int, beside: Path) -> None:
        self.name = str(path)
        self._path = path
        self._beside = beside
        self._most = most

    def look(self) -> Sentinel | None:
        """Without the folder that it would be in, nobody can say whether it is there."""
        try:
            found = self._path.lstat()
        except FileNotFoundError:
            return self._missing()
        except OSError as error:
            return Sentinel(None, f"it cannot be seen: {error.strerror}")
        return self._read(found.st_uid)

    def _missing(self) -> Sentinel | None:
        try:
            self._beside.lstat()
        except OSError as error:
            return Sentinel(None, f"{self._beside}, which lies beside it: {error.strerror}")
        return None

    def _read(self, owner: int) -> Sentinel:
        try:
            # A pipe without a writer would hold the call for ever.
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as file:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    return Sentinel(None, "it is no file", owner)
                return Sentinel(file.read(self._most + 1), owner=owner)
        except OSError as error:
            return Sentinel(None, f"it cannot be read: {error.strerror}", owner)
