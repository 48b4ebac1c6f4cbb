"""A TCP proxy that can be told to do what networks do: reset, refuse, swallow, cut, fall silent."""

import asyncio
import contextlib
import ctypes
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto
from typing import Any
from urllib.parse import urlsplit

_ATTACH_FILTER, _DETACH_FILTER = 26, 27  # socket(7); the socket module has no names for them
_LINGER = struct.pack("ii", 1, 0)  # socket(7): closing sends RST


class Fault(Enum):
    """What happens to connections, new ones and those that are there."""

    NONE = auto()
    RESET = auto()  # RST for each
    SILENT = auto()  # no packet is even acknowledged, as when a firewall drops them all
    HOLD_ANSWERS = auto()  # requests arrive, answers do not
    CUT = auto()  # RST after the first bytes of an answer


class FaultProxy:
    """Its loop runs in a thread of its own, so that it works while the test blocks."""

    def __init__(self, upstream: str) -> None:
        url = urlsplit(upstream)
        self._upstream = (url.hostname, url.port)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._listener: socket.socket | None = None
        self._fault = Fault.NONE
        self._cut_after = 0
        self._changed = asyncio.Event()
        self._live: set[asyncio.StreamWriter] = set()
        self._clients: set[Any] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.connections = 0
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._thread.start()
        self._run(self._listen())

    def close(self) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def clear(self) -> None:
        """As if nothing had been: what was held is lost with its connections, and listening goes on."""
        self._run(self._set(Fault.NONE))
        self._run(self._listen())

    def reset(self) -> None:
        self._run(self._set(Fault.RESET))

    def silence(self) -> None:
        """Packets of clients are dropped before TCP sees them, those of new connections too."""
        self._run(self._set(Fault.SILENT))

    def hold_answers(self) -> None:
        self._run(self._set(Fault.HOLD_ANSWERS))

    def cut(self, after: int) -> None:
        """RST after so many bytes of each answer."""
        self._cut_after = after
        self._run(self._set(Fault.CUT))

    def refuse(self) -> None:
        """Nobody listens any more, and those who are connected are reset."""
        self._run(self._stop_listening())
        self._run(self._set(Fault.RESET))

    def _run(self, work) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _listen(self) -> None:
        """Not by asyncio's server, which forgets a connection that comes in the moment when it is closed."""
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self.port), backlog=100)
            self._listener.setblocking(False)
            self.port = self._listener.getsockname()[1]
            self._loop.add_reader(self._listener, self._accept, self._listener)

    async def _stop_listening(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            self._loop.remove_reader(listener)
            listener.close()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):
            client, _ = listener.accept()
            self.connections += 1
            task = self._loop.create_task(self._take(client))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _take(self, client: socket.socket) -> None:
        client.setblocking(False)
        await self._serve(*await asyncio.open_connection(sock=client))

    async def _set(self, fault: Fault) -> None:
        was_holding = self._fault in {Fault.SILENT, Fault.HOLD_ANSWERS}
        self._fault = fault
        for one in [*self._clients, *([self._listener] if self._listener else ())]:
            _make_deaf(one, is_deaf=fault is Fault.SILENT)
        self._changed.set()
        self._changed = asyncio.Event()
        if fault is Fault.RESET or was_holding:
            for writer in list(self._live):
                _reset(writer)

    async def _end(self) -> None:
        await self._stop_listening()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0.05)  # for transports to say goodbye

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Whoever ends first, and however: no connection of either side is left behind.
        both, client = [writer], writer.get_extra_info("socket")
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                if self._fault is Fault.RESET:
                    raise ConnectionResetError
                back, forth = await asyncio.open_connection(*self._upstream)
                both.append(forth)
                self._live |= {*both}
                self._clients.add(client)
                pumps = [self._pump(reader, forth, is_answer=False), self._pump(back, writer, is_answer=True)]
                await asyncio.gather(*pumps)
        finally:
            self._live -= {*both}
            self._clients.discard(client)
            for one in both:
                _reset(one)

    async def _pump(self, source: asyncio.StreamReader, to: asyncio.StreamWriter, *, is_answer: bool) -> None:
        passed = 0
        while piece := await source.read(65536):
            while self._holds(is_answer=is_answer):
                await self._changed.wait()
            if is_answer and self._fault is Fault.CUT and passed + len(piece) > self._cut_after:
                to.write(piece[: self._cut_after - passed])
                await to.drain()
                _reset(to)
                raise ConnectionResetError
            passed += len(piece)
            to.write(piece)
            await to.drain()
        raise ConnectionResetError

    def _holds(self, *, is_answer: bool) -> bool:
        return self._fault is Fault.SILENT or (self._fault is Fault.HOLD_ANSWERS and is_answer)


@contextmanager
def fault_proxy(upstream: str) -> Iterator[FaultProxy]:
    """Before the server of that URL."""
    proxy = FaultProxy(upstream)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.close()


class _Instruction(ctypes.Structure):
    """struct sock_filter of linux/filter.h."""

    _fields_ = (
        ("code", ctypes.c_ushort),
        ("jt", ctypes.c_ubyte),
        ("jf", ctypes.c_ubyte),
        ("k", ctypes.c_uint),
    )


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("first", ctypes.POINTER(_Instruction)))


def _make_deaf(one: Any, *, is_deaf: bool) -> None:
    """A filter of one instruction, which keeps nothing of any packet."""
    with contextlib.suppress(OSError):
        if is_deaf:
            drop = _Instruction(0x06, 0, 0, 0)
            one.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, bytes(_Program(1, ctypes.pointer(drop))))
        else:
            one.setsockopt(socket.SOL_SOCKET, _DETACH_FILTER, 0)


def _reset(writer: asyncio.StreamWriter) -> None:
    connected = writer.get_extra_info("socket")
    if connected is not None and connected.fileno() >= 0:
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
    writer.transport.abort()
