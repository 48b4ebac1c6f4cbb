"""The client of the platform in a test: one that is closed in the end, and what is asked of it."""

import contextlib

from sidecar.adapters.clock import SystemClock
from sidecar.adapters.platform_http import PlatformHttp, PlatformSettings
from sidecar.core.model import Action, Caller, Request, Resource, Subject
from sidecar.core.record import Trace
from sidecar.core.secret import Secret

PATIENT = 20.0
CALLER = Caller(uid=1000)


@contextlib.asynccontextmanager
async def platform_of(url, clock=None, chance=lambda: 0.0, **settings):
    """A client of the platform at this URL, closed in the end."""
    given = {"key": Secret("ask_test"), "host_id": "host-1", "timeout": PATIENT} | settings
    client = PlatformHttp(PlatformSettings(url, **given), clock or SystemClock(), chance)
    try:
        yield client
    finally:
        await client.close()


def request(action="database.read", **context):
    return Request(Subject("agent", "a-1"), Action(action), Resource("resource", "orders"), context)


async def scored(
    platform, action="database.read", within=PATIENT, correlation_id="", caller=CALLER, **context
):
    trace = Trace(correlation_id=correlation_id)
    return await platform.score(request(action, **context), caller, trace, within)
