"""A web identity whose STS gives no credentials."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.tools.raw_server import answer, raw_server


@asynccontextmanager
async def broken_sts(patch: pytest.MonkeyPatch, folder: Path, body: bytes | None) -> AsyncIterator[None]:
    """Meanwhile it is the only source of credentials, and answers `body`; None: there is no token to ask it with."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        patch.delenv(name)
    token = folder / "token"
    if body is not None:
        token.write_text("token")
    async with raw_server(answer(body or b"", "Content-Type: text/xml")) as (url, _):
        patch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
        patch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/halts")
        patch.setenv("AWS_ENDPOINT_URL_STS", url)
        yield
