"""Certificates in memory."""

import asyncio


class FakeCertificates:
    """`known` by URL, b"" for none of that name; what is not in it cannot be had. `stuck`: nobody ever answers."""

    def __init__(self, known=None):
        self.known = known or {}
        self.asked = []
        self.stuck = False

    async def get(self, url):
        self.asked.append(url)
        if self.stuck:
            await asyncio.Event().wait()
        return self.known.get(url)
