"""SNS and SQS in this process, and a loopback origin for certificates, which moto gives to signed requests only."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from http.client import HTTPConnection
from urllib.parse import urlsplit

from tests.tools.raw_server import answer, raw_server

_SIGNED = "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/sns/aws4_request, SignedHeaders=host, Signature=0"


@contextlib.asynccontextmanager
async def certificates_of(endpoint: str) -> AsyncIterator[str]:
    """The URL of a server that passes on what is asked of it, with the header that moto routes by."""

    def ask(path: str) -> bytes:
        with contextlib.closing(HTTPConnection(urlsplit(endpoint).netloc)) as connection:
            connection.request("GET", path, headers={"Authorization": _SIGNED})
            return connection.getresponse().read()

    async def forward(writer):
        writer.write(answer(await asyncio.to_thread(ask, server.asked[-1].split(" ")[1])))

    async with raw_server(forward) as (url, server):
        yield url
