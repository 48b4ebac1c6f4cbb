"""Arrangement: asyncio, reaching the world only through `ports`."""
