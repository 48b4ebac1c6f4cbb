"""The daemon itself: whether one runs on this config, and what it says of its parts."""

from collections.abc import Iterator
from typing import Final

import msgspec

from sidecar.cli.doctor.finding import Found, Patient, finding, note, ok, skipped
from sidecar.cli.doors import Message, exchange, ops_door
from sidecar.cli.exits import UnreachableError
from sidecar.cli.status import Health

_CHECK: Final = "daemon"
_GOOD: Final = "ok"


def check_daemon(patient: Patient) -> Iterator[Found]:
    try:
        door = ops_door(patient.config)
        health = msgspec.json.decode(exchange((door,), Message("GET", "/healthz")).body, type=Health)
    except UnreachableError as error:
        yield skipped(_CHECK, str(error))
        return
    except (msgspec.MsgspecError, UnicodeError) as error:
        yield finding(_CHECK, f"{door} does not answer like a daemon: {error}", "see ops_listen")
        return
    yield (
        ok(_CHECK, f"one answers at {door}")
        if health.status == _GOOD
        else finding(_CHECK, f"the one at {door} is {health.status}")
    )
    for part in health.parts:
        if part.status != _GOOD:
            yield finding(part.name, part.detail or part.status)
    for warning in health.warnings:
        yield note(_CHECK, warning)
