"""The kill switch's way: whether the queue answers, and whether the state is believed."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, TypeVar

from sidecar.adapters.clock import SystemClock
from sidecar.cli.doctor.finding import Found, Patient, finding, ok, skipped, span
from sidecar.config.killswitch import PLATFORM
from sidecar.core.errors import ConfigError, FeedError, KillSwitchError, SidecarError
from sidecar.core.killswitch.book import Epoch
from sidecar.daemon.authority import signed_state
from sidecar.daemon.feed import build_feed
from sidecar.service.ports import OrderFeed, StateSource

_PATIENCE: Final = 10.0
_HINTS: Final = {
    "denied": "the queue's policy or the role does not let this daemon receive",
    "credentials": "see AWS_PROFILE, AWS_SHARED_CREDENTIALS_FILE, or the role of this host or pod",
    "clock": "set the clock of this host",
    "no_queue": "`ascend-sidecar killswitch provision` makes it",
    "unreachable": "see endpoint, proxy (HTTPS_PROXY) and firewall",
    "timeout": "see endpoint, proxy (HTTPS_PROXY) and firewall",
}
_Gained = TypeVar("_Gained")


def check_halts(patient: Patient) -> Iterator[Found]:
    switch = patient.config.killswitch
    if not switch.has_feed:
        yield skipped(
            "queue", "neither killswitch.queue_url nor killswitch.state is set: halts are this host's alone"
        )
        return
    if switch.queue_url is not None:
        yield _asked("queue", lambda: _receive(patient))
    if switch.state == PLATFORM:
        yield skipped("halts", "the state is the platform's API, which a running daemon asks")
    elif switch.state is not None:
        yield _asked("halts", lambda: _read(patient, str(switch.state)))


def _asked(check: str, ask: Callable[[], Awaitable[str]]) -> Found:
    async def in_time() -> str:
        async with asyncio.timeout(_PATIENCE):
            return await ask()

    try:
        return ok(check, asyncio.run(in_time()))
    except FeedError as error:
        return finding(check, str(error), _HINTS.get(error.why, ""))
    except KillSwitchError as error:
        return finding(check, f"what was read is not believed: {error}")
    except SidecarError as error:
        return finding(check, str(error))
    except TimeoutError:
        return finding(check, f"no answer within {_PATIENCE:.0f} s", _HINTS["timeout"])


async def _receive(patient: Patient) -> str:
    """What is received is neither deleted nor hidden: the daemon gets it too."""
    feed: OrderFeed | None = build_feed(patient.config, patient.environ)
    if feed is None:
        raise ConfigError
    try:
        messages = await feed.receive(0.0)
    finally:
        await feed.close()
    waiting = f"; {len(messages)} or more messages wait" if messages else ""
    return f"{feed.name} answers{waiting}"


async def _read(patient: Patient, place: str) -> str:
    source: StateSource = signed_state(patient.config, place, SystemClock(), int)
    try:
        reading = await source.read(Epoch())
    finally:
        await source.close()
    if reading is None:
        return f"{source.name} has nothing new"
    age = f", issued {span(patient.now - reading.epoch.issued_at)} ago" if reading.epoch else ""
    return f"{source.name} is believed{age}"
