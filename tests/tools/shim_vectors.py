"""The vectors of the shims, read strictly: what a runner does not know it must not pass over."""

from typing import Any, Literal

import msgspec

from tests.tools.daemon import REPOSITORY

Transport = Literal["unix", "tcp"]
Ending = Literal["close", "hold", "reset"]


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Client(_Strict, frozen=True):
    """The options that a shim is made with."""

    agent: str = "agent:bot"
    token: str = ""
    deadline: float = 10.0
    wait: float = 10.0
    silence: float = 15.0
    accept_obligations: bool = False


class Asked(_Strict, frozen=True):
    """What a request must be; headers by name in lower case: a regular expression, or None for absent."""

    method: str = ""
    path: str = ""
    agent: str = ""
    headers: dict[str, str | None] = {}
    body: Any = msgspec.UNSET


class Told(_Strict, frozen=True):
    """An answer as the daemon gives it."""

    verdict: str
    code: str
    id: str
    risk: str
    reason: str
    decision: bool | None = None
    obligations: list[Any] = []


class Given(_Strict, frozen=True):
    """An answer, and how it is sent."""

    told: Told | None = None
    status: int = 200
    headers: dict[str, str | list[str] | None] = {}
    body: str | None = None
    bytes: str | None = None
    length: int | msgspec.UnsetType | None = msgspec.UNSET
    delay: float = 0.0
    drip: float = 0.0
    pad: int = 0
    fill: int = 0
    slam: bool = False
    then: Ending = "close"


class Exchange(_Strict, frozen=True):
    """One request, and its answer. `optional`: it may be too late for it."""

    answer: Given
    expect: Asked = Asked()
    apart: float = 0.0
    optional: bool = False


class Cue(_Strict, frozen=True):
    """One thing that a stream does."""

    send: str = ""
    times: int = 1
    pause: float = 0.0
    gate: bool = False
    end: Ending | None = None


class Stream(_Strict, frozen=True):
    """What one reader of events gets."""

    expect: Asked = Asked()
    status: int = 200
    bytes: str | None = None
    script: list[Cue] = []


class Step(_Strict, frozen=True):
    """One thing that the driver, or the runner, does."""

    do: Literal["authorize", "report", "watch", "blocked", "await", "gate", "pause"]
    action: str = "read"
    resource: str = "thing:t"
    properties: dict[str, Any] = {}
    context: dict[str, Any] = {}
    outcome: str = ""
    details: dict[str, Any] = {}
    seconds: float = 0.0
    expect: dict[str, str | bool] = {}


class Vector(_Strict, frozen=True):
    """One story: a scripted daemon, and what a shim makes of it."""

    name: str
    why: str
    steps: list[Step]
    client: Client = Client()
    transports: tuple[Transport, ...] = ("unix", "tcp")
    listening: bool = True
    exchanges: list[Exchange] = []
    streams: list[Stream] = []


_FOLDER = REPOSITORY / "shims" / "vectors"
_decode = msgspec.json.Decoder(list[Vector]).decode
VECTORS = [vector for path in sorted(_FOLDER.glob("*.json")) for vector in _decode(path.read_bytes())]
