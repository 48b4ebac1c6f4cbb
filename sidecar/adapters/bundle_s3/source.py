"""The port BundleSource over one object. All that is AWS's runs in a thread of its own and is loaded only there."""

import asyncio
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from sidecar.core.errors import SourceTimeout
from sidecar.service.ports import Fetched

if TYPE_CHECKING:
    from sidecar.adapters.bundle_s3.client import S3Object

_ADDRESS: Final = re.compile(r"s3://(?P<bucket>[A-Za-z0-9][A-Za-z0-9._-]{1,62})/(?P<key>[^?#\s]{1,1024})")


class BundleS3:
    """`s3://BUCKET/KEY`. Endpoint, region and credentials are those of the standard AWS environment."""

    def __init__(self, url: str, *, max_download: int, max_size: int, timeout: float) -> None:
        """`timeout`: seconds for all of a fetch. Raises ValueError, which does not repeat the URL."""
        found = _ADDRESS.fullmatch(url)
        if found is None:
            raise ValueError("the address of the bundle must look like s3://bucket/key")
        self.name = url
        self._bucket = found["bucket"]
        self._key = found["key"]
        self._max_download = max_download
        self._max_size = max_size
        self._timeout = timeout
        self._object: S3Object | None = None
        # One thread: an endpoint that hangs holds this one, and no other work of the daemon.
        self._thread = ThreadPoolExecutor(1, "bundle-s3")

    async def fetch(self, tag: str | None, wait: float) -> Fetched | None:  # noqa: ARG002 - S3 cannot hold an answer
        """As the port says."""
        until = time.monotonic() + self._timeout
        try:
            async with asyncio.timeout(self._timeout):
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._thread, self._fetch, tag, until)
        except TimeoutError as error:
            raise SourceTimeout(f"{self.name}: not done within {self._timeout:g} s") from error

    async def close(self) -> None:
        """Let the connections go. A fetch that is under way ends by itself; there can be no other."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        if self._object is not None:
            self._object.close()

    def _fetch(self, tag: str | None, until: float) -> Fetched | None:
        # Loading it takes 0.3 s and 20 MB, which is for those to pay who use it.
        from sidecar.adapters.bundle_s3.client import S3Object  # noqa: PLC0415

        if self._object is None:
            self._object = S3Object(
                self.name, self._bucket, self._key, self._max_download, self._max_size, self._timeout
            )
        return self._object.get(tag, until)
