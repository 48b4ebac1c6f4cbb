"""A terminal: runs the command line in this process and keeps what it said."""

import io
import json
from dataclasses import dataclass

from sidecar.cli.edge import Edge
from sidecar.cli.main import run


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


class Watched(io.StringIO):
    """A stderr that somebody looks at."""

    def isatty(self):
        return True


def type_in(*arguments, environ=None, stdin=b""):
    """Run `ascend-sidecar ARGUMENTS`."""
    out, err = io.StringIO(), io.StringIO()
    code = run([str(argument) for argument in arguments], Edge(environ or {}, io.BytesIO(stdin), out, err))
    return Ran(int(code), out.getvalue(), err.getvalue())
