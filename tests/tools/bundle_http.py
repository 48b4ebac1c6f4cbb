"""Fetching over HTTP in a test: an adapter with small bounds that is closed in the end."""

import contextlib

from sidecar.adapters.bundle_http import BundleHttp

PATIENT = 20.0


@contextlib.asynccontextmanager
async def source_of(url, **settings):
    """An adapter for the URL, closed in the end."""
    source = BundleHttp(url, **({"max_download": 2000, "max_size": 4000, "timeout": PATIENT} | settings))
    try:
        yield source
    finally:
        await source.close()


async def fetched(url, tag=None, wait=0.0, **settings):
    async with source_of(url, **settings) as source:
        return await source.fetch(tag, wait)
