"""A platform of constant answers in a process of its own: allows every submit at once, or never answers one.

Usage: python -m bench.platform PORT answers|silent
"""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
import uvloop
from aiohttp import web

from bench.load import Target
from bench.peers import Server
from bench.processes import accepts, free_port, running, wait_until
from bench.rules import scored_request
from sidecar.api.wire import read_request
from sidecar.core.platform import submit_body

NAME: Final = "the platform itself"
SUBMIT: Final = "/api/v1/actions/submit"
_ANSWER: Final = msgspec.json.encode(
    {
        "action_id": 1,
        "decision": "allowed",
        "status": "auto_approved",
        "execution_allowed": True,
        "risk_score": 20,
        "risk_level": "low",
        "reason": "scored",
        "comments": "scored",
        "policy_violations": [],
        "conditions": [],
        "required_approvers": [],
        "metadata": {},
    }
)


@contextmanager
def platform(work: Path, *, silent: bool = False) -> Iterator[Server]:
    """A platform that takes the submit of the first scored request, as the daemon would send it."""
    port, output, body = free_port(), work / f"platform-{silent:d}.log", work / "submit.json"
    body.write_bytes(msgspec.json.encode(submit_body(read_request(scored_request(0)))))
    command = [sys.executable, "-m", "bench.platform", str(port), "silent" if silent else "answers"]
    with running(command, output) as process:
        wait_until(accepts(port), process, output)
        target = Target(f"http://127.0.0.1:{port}{SUBMIT}", body)
        yield Server(NAME, process.pid, target, key="execution_allowed")


async def _allow(request: web.Request) -> web.Response:
    msgspec.json.decode(await request.read())
    return web.Response(body=_ANSWER, content_type="application/json")


async def _hold(request: web.Request) -> web.Response:
    await request.read()
    await asyncio.Event().wait()
    raise web.HTTPServiceUnavailable


async def _serve(port: int, *, silent: bool) -> None:
    app = web.Application()
    app.router.add_post(SUBMIT, _hold if silent else _allow)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1]), silent=sys.argv[2] == "silent"))
