"""The ceiling of this stack: aiohttp on uvloop that decodes the measured request and answers a constant.

Usage: python -m bench.bare PORT SOCKET
"""

import asyncio
import sys
from typing import Any, Final

import msgspec
import uvloop
from aiohttp import web

_ANSWER: Final = (
    b'{"decision":true,"context":{"verdict":"allow","code":"allowed",'
    b'"reason":"payment_gateway is governed by small-payments.",'
    b'"risk":{"score":85,"level":"high","verb":"pay.transfer","because":["base 85 (pay.transfer)"],'
    b'"cvss":{"vector":"CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:N/I:H/A:L","score":8.5},'
    b'"nist":{"likelihood":"high","impact":"high","level":"high"},'
    b'"attack":{"tactic":"impact","technique":"T1657"}},"obligations":[],'
    b'"policy":{"rules":["small-payments"],"revision":"unsigned:0123456789ab"},"id":"1",'
    b'"audit":{"seq":1,"hash":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},'
    b'"expires_at":"2026-01-01T00:00:30.000000Z"}}'
)


class _Entity(msgspec.Struct):
    type: str
    id: str
    properties: dict[str, Any] = {}


class _Action(msgspec.Struct):
    name: str
    properties: dict[str, Any] = {}


class _Evaluation(msgspec.Struct):
    subject: _Entity
    action: _Action
    resource: _Entity
    context: dict[str, Any] = {}


_DECODER: Final = msgspec.json.Decoder(_Evaluation)


async def _evaluate(request: web.Request) -> web.Response:
    _DECODER.decode(await request.read())
    return web.Response(body=_ANSWER, content_type="application/json")


async def _serve(port: int, socket: str) -> None:
    app = web.Application()
    app.router.add_post("/access/v1/evaluation", _evaluate)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await web.UnixSite(runner, socket).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1]), sys.argv[2]))
