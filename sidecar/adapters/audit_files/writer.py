"""The writer process as seen from the loop: two sockets on which requests are answered in order."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from errno import EPIPE
from pathlib import Path
from typing import Final, cast

from sidecar.adapters.audit_files import writer_process

Done = Callable[[int], None]  # gets 0, or the errno of what failed; EPIPE when the writer is gone

_SCRIPT: Final = str(Path(writer_process.__file__).resolve())
# A terminal or a service manager signals the whole group; the writer has to outlive the daemon's last record.
_NOT_FOR_THE_WRITER: Final = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT}
_PAUSE: Final = 0.002
_GONE: Final = "the writer process is gone"
_ANSWER: Final = writer_process.LENGTH.size


def reason(failed: int) -> str:
    """An errno in words."""
    return _GONE if failed == EPIPE else os.strerror(failed)


class Channel(asyncio.Protocol):
    """One socket to the writer. Each request's `done` is called once, in the order of the requests."""

    def __init__(self, lost: Callable[[], None]) -> None:
        self._lost = lost
        self._waiting: deque[Done] = deque()
        self._rest = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        if self._transport is None:
            return
        data = self._rest + data
        whole = len(data) - len(data) % _ANSWER
        self._rest = data[whole:]
        for at in range(0, whole, _ANSWER):
            self._waiting.popleft()(int.from_bytes(data[at : at + _ANSWER], "little"))

    def connection_lost(self, _exc: Exception | None) -> None:
        self.close()
        self._lost()

    def request(self, request: bytes, done: Done) -> None:
        """Send a request. If the writer is gone, `done` is called at once."""
        if self._transport is None:
            done(EPIPE)
            return
        self._waiting.append(done)
        self._transport.write(request)

    def ask(self, request: bytes) -> asyncio.Future[int]:
        """Send a request; the future gets what `done` would."""
        answer = asyncio.get_running_loop().create_future()

        def done(failed: int) -> None:
            if not answer.done():
                answer.set_result(failed)

        self.request(request, done)
        return answer

    def close(self) -> None:
        """Whoever still waits learns at once that there will be no answer; one that comes is not looked at."""
        if self._transport is not None:
            self._transport.close()
        self._transport = None
        waiting, self._waiting = self._waiting, deque()
        for done in waiting:
            done(EPIPE)


class Writer:
    """A running writer process. It holds the lock of the state folder for as long as it lives."""

    def __init__(self, process: subprocess.Popen[bytes], records: Channel, files: Channel) -> None:
        self._process = process
        self.records = records
        self.files = files

    @classmethod
    async def start(cls, lock_fd: int, lost: Callable[[], None]) -> "Writer":
        """Start one. `lost` is called when it is gone, whatever the reason. Raises OSError."""
        ours, theirs = zip(socket.socketpair(), socket.socketpair(), strict=True)
        try:
            process = _spawn([sock.fileno() for sock in theirs], lock_fd)
        except OSError:
            for sock in ours:
                sock.close()
            raise
        finally:
            for sock in theirs:
                sock.close()
        records, files = [await _connect(sock, lost) for sock in ours]
        return cls(process, records, files)

    @property
    def pid(self) -> int:
        return self._process.pid

    def hang_up(self) -> None:
        """Close both sockets, which ends the process."""
        self.records.close()
        self.files.close()

    async def stop(self, patience: float) -> None:
        """Wait for the process to end; kill it after `patience` seconds, and wait as long again."""
        self.hang_up()
        if not await self._has_ended(patience):
            self._process.kill()
            await self._has_ended(patience)

    async def _has_ended(self, patience: float) -> bool:
        for _ in range(round(patience / _PAUSE)):
            if self._process.poll() is not None:
                return True
            await asyncio.sleep(_PAUSE)
        return False


async def _connect(sock: socket.socket, lost: Callable[[], None]) -> Channel:
    sock.settimeout(0)
    loop = asyncio.get_running_loop()
    _, channel = await loop.create_unix_connection(lambda: Channel(lost), sock=sock)
    return channel


def _spawn(sockets: list[int], lock_fd: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", "-S", _SCRIPT, *map(str, sockets)]
    # A child starts with its parent's blocked signals. To ignore them there would take it the signal module.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _NOT_FOR_THE_WRITER)
    try:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and our own file
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=(*sockets, lock_fd),
            start_new_session=True,
            cwd="/",
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
