"""What can go wrong with a platform that answers: each a way to answer one request."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from tests.tools.raw_server import reset

Answer = Callable[[], Awaitable[web.StreamResponse]]
Fault = Callable[[web.Request, Answer], Awaitable[web.StreamResponse]]

FOR_EVER = 3600.0
# More than one answer may have.
OVER = 300 * 1024


def slow(seconds: float) -> Fault:
    """The right answer, late."""

    async def fault(request: web.Request, answer: Answer) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return await answer()

    return fault


async def black_hole(request: web.Request, answer: Answer) -> web.StreamResponse:
    """The request is taken, and nothing ever comes back."""
    await asyncio.sleep(FOR_EVER)
    return await answer()


async def hang_up(request: web.Request, answer: Answer) -> web.StreamResponse:
    """The connection ends before a byte of the answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def reset_mid_body(request: web.Request, answer: Answer) -> web.StreamResponse:
    response = await _begun(request, 1000)
    await response.write(b'{"decision": "allowed", ')
    assert request.transport is not None
    reset(request.transport)
    request.transport.abort()
    return response


async def cut_mid_body(request: web.Request, answer: Answer) -> web.StreamResponse:
    """The answer ends before all that it announced has come."""
    response = await _begun(request, 1000)
    await response.write(b'{"decision": "allowed", "action_id": 1}')
    assert request.transport is not None
    request.transport.close()
    return response


async def drip(request: web.Request, answer: Answer) -> web.StreamResponse:
    """A byte at a time, for as long as anybody reads."""
    response = await _begun(request, 100_000)
    while True:
        await response.write(b" ")
        await asyncio.sleep(0.05)


async def endless(request: web.Request, answer: Answer) -> web.StreamResponse:
    """Chunks that never end."""
    response = web.StreamResponse()
    response.enable_chunked_encoding()
    await response.prepare(request)
    while True:
        await response.write(b" " * 4096)


def status(code: int, body: Any = None, **headers: str) -> Fault:
    """Header names are written with underscores."""

    async def fault(request: web.Request, answer: Answer) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.json_response(body if body is not None else {"detail": "no"}, status=code, headers=named)

    return fault


def raw(body: bytes, **headers: str) -> Fault:
    """These very bytes as a 200 of JSON."""

    async def fault(request: web.Request, answer: Answer) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(body=body, content_type="application/json", headers=named)

    return fault


def shape(body: Any) -> Fault:
    """A 200 with any JSON."""
    return status(200, body)


async def _begun(request: web.Request, length: int) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": str(length)})
    await response.prepare(request)
    return response
