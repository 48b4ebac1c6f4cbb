"""The console script `ascend-sidecar`: a hook is answered before anything is loaded that a hook does not need.

A host starts one before every tool call. All other nouns are typer's, in `sidecar.cli.main`.
"""

import os
import sys
from io import FileIO
from typing import Final, NoReturn

from sidecar.cli.rooms import HOOKED, MAIN, enter

_HOOK: Final = "hook"
_BLOCKED: Final = 2


def main() -> NoReturn:
    """Never returns; the status of a hook is 0 or 2, whatever happens."""
    if sys.argv[1:2] == [_HOOK]:
        status = _hook()
        if status is not None:
            # Nothing is buffered, and taking the interpreter down takes as long as the question.
            os._exit(status)
    enter(MAIN).main()
    raise SystemExit


def _hook() -> int | None:
    """Hosts take a status other than 2 for a failed hook, and most of them then go on."""
    environ = os.environ  # noqa: TID251 - the edge of the command line, from which it is handed in everywhere
    try:
        answering = enter(HOOKED)
        streams = answering.Streams(
            *(FileIO(number, mode, closefd=False) for number, mode in enumerate("rww"))
        )
        status: int | None = answering.run(sys.argv[2:], environ, streams)
    except BaseException as error:  # noqa: BLE001 - even what ends the process must block
        os.write(2, f"ascend-sidecar: the hook failed, {type(error).__name__}; not allowed\n".encode())
        return _BLOCKED
    return status
