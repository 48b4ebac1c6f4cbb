"""Event streams over real sockets: their two forms, readers that are slow or leave, and their end."""

import asyncio
import contextlib
import http.client
import os
import re
import signal
from dataclasses import dataclass
from urllib.parse import urlsplit

import msgspec
import pytest

from sidecar.api.message import HttpLimits
from sidecar.core.killswitch import Kind
from tests.fakes.audit import until
from tests.fakes.switched import Doors, Switched, open_doors
from tests.tools.daemon import REPOSITORY
from tests.tools.halt_cases import PEOPLE, RULES

BOUND = '"agent:bound": {uids: [77]}\n'
PATIENCE = 60.0


@pytest.fixture
async def house():
    return Switched(RULES, people=PEOPLE, agents=BOUND)


@pytest.fixture
async def doors(house, tmp_path):
    """Their limits are reached by sweeping as if it were later, and by no machine that is merely slow."""
    async with open_doors(house, tmp_path, HttpLimits(read_timeout=600, idle=600)) as opened:
        yield opened


@dataclass
class Reader:
    """One connection that reads a stream."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def head(self) -> str:
        async with asyncio.timeout(PATIENCE):
            return (await self.reader.readuntil(b"\r\n\r\n")).decode()

    async def chunk(self) -> str:
        async with asyncio.timeout(PATIENCE):
            size = int(await self.reader.readuntil(b"\r\n"), 16)
            return (await self.reader.readexactly(size + 2))[:-2].decode()

    async def rest(self) -> bytes:
        async with asyncio.timeout(PATIENCE):
            return await self.reader.read()

    async def lines(self, count: int) -> list[str]:
        """So many events as plain text."""
        found: list[str] = []
        while len(found) < count:
            found += (await self.chunk()).splitlines()
        return found


@contextlib.asynccontextmanager
async def opened(
    doors: Doors, path: str, *headers: str, version: str = "1.1", unix: bool = False, behind: bytes = b""
):
    address = urlsplit(doors.url)
    connecting = (
        asyncio.open_unix_connection(doors.people)
        if unix
        else asyncio.open_connection(address.hostname, address.port)
    )
    reader, writer = await connecting
    lines = [f"GET {path} HTTP/{version}", "Host: localhost", *headers]
    writer.write("\r\n".join([*lines, "", ""]).encode() + behind)
    try:
        yield Reader(reader, writer)
    finally:
        writer.close()


TEXT = "Accept: text/plain"


async def test_lines_that_a_shell_can_read(house, doors):
    async with opened(doors, "/v1/events?agent=a&agent=agent:b%20c", TEXT) as stream:
        head = await stream.head()
        assert head.startswith("HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n")
        assert "Transfer-Encoding: chunked" in head
        assert await stream.lines(3) == ["1 clear * -", "2 clear agent:a -", "3 clear agent:b%20c -"]
        await house.block(reason="It spent 100 % of\nthe budget.")
        (line,) = await stream.lines(1)
        number, word, about, reason = line.split(" ")
        assert (number, word, about) == ("4", "blocked", "agent:a")
        assert "100%20%25%20of%0Athe%20budget." in reason
        house.streams.beat()
        assert await stream.lines(1) == [": alive"]


async def test_server_sent_events(house, doors):
    async with opened(doors, "/v1/events?agent=a") as stream:
        assert "Content-Type: text/event-stream; charset=utf-8" in await stream.head()
        first = await stream.chunk()
        assert first.startswith('id: 1\nevent: clear\ndata: {"agent":"*","blocked":false')
        await house.block()
        fields = dict(line.split(": ", 1) for line in (await stream.chunk()).splitlines() if line)
        assert (fields["id"], fields["event"]) == ("3", "blocked")
        data = msgspec.json.decode(fields["data"])
        assert (data["agent"], data["blocked"], data["by"]) == ("agent:a", True, "ann")
        house.streams.beat()
        assert await stream.chunk() == ": alive\n\n"


async def test_everything_is_told_on_the_sockets_for_people(house, doors):
    async with opened(doors, "/v1/events", TEXT, unix=True) as stream:
        await stream.head()
        assert await stream.lines(1) == ["1 sighted * -"]
        await house.block(Kind.MCP_SERVER, "crm")
        assert (await stream.lines(1))[0].startswith("2 halted mcp_server:crm Halted%20by%20ann")


async def test_a_caller_without_names_is_told_of_the_agents_that_it_asks_for(house, doors):
    async with opened(doors, "/v1/events", TEXT) as stream:
        await stream.head()
        assert await stream.lines(1) == ["1 clear * -"]
        await asyncio.to_thread(post, doors, "/access/v1/evaluation", asking("new", "read"))
        assert await stream.lines(1) == ["2 clear agent:new -"]


def asking(agent: str, action: str) -> dict:
    resource = {"type": "thing", "id": "t"}
    return {"subject": {"type": "agent", "id": agent}, "action": {"name": action}, "resource": resource}


def post(doors: Doors, path: str, body: dict) -> dict:
    connection = http.client.HTTPConnection(urlsplit(doors.url).netloc, timeout=PATIENCE)
    with contextlib.closing(connection):
        connection.request("POST", path, msgspec.json.encode(body), {"Content-Type": "application/json"})
        return msgspec.json.decode(connection.getresponse().read())


async def test_a_silent_stream_outlives_the_time_that_idle_connections_have(house, doors):
    async with opened(doors, "/v1/events?agent=a", TEXT) as stream:
        await stream.head()
        await stream.lines(2)
        doors.sweep(3600)
        await house.block()
        assert (await stream.lines(1))[0].startswith("3 blocked agent:a ")


async def test_a_reader_that_lets_too_much_pile_up_is_cut(house, doors):
    async with opened(doors, "/v1/events?agent=a", TEXT) as slow:
        await until(lambda: len(house.streams) == 1)
        slow.writer.transport.pause_reading()
        async with asyncio.timeout(60):
            while len(house.streams) == 1:
                await house.block()
                await house.release()


async def test_a_reader_that_takes_nothing_is_cut(house, doors):
    """The buffers of both sockets are full long before too much piles up."""
    async with opened(doors, "/v1/events", TEXT, unix=True) as slow:
        await until(lambda: len(house.streams) == 1)
        slow.writer.transport.pause_reading()
        for _ in range(300):
            await house.block(reason="\N{SKULL}" * 900)
            await asyncio.sleep(0)
        doors.sweep()
        assert len(house.streams) == 1
        doors.sweep(3600)
        await until(lambda: len(house.streams) == 0)


async def test_a_reader_that_leaves_makes_room(house, doors):
    async with opened(doors, "/v1/events?agent=a", TEXT) as stream:
        await stream.head()
        assert len(house.streams) == 1
    await until(lambda: len(house.streams) == 0)


async def test_the_end_of_the_daemon_is_told_and_ends_the_answer_properly(house, doors):
    async with opened(doors, "/v1/events?agent=a", TEXT) as stream:
        await stream.head()
        await stream.lines(2)
        house.streams.close()
        assert await stream.lines(1) == ["3 bye - The%20daemon%20is%20stopping."]
        assert await stream.rest() == b"0\r\n\r\n"


async def test_an_older_http_reads_until_the_connection_ends(house, doors):
    async with opened(doors, "/v1/events?agent=a", TEXT, version="1.0") as stream:
        assert "Transfer-Encoding" not in await stream.head()
        async with asyncio.timeout(PATIENCE):
            assert await stream.reader.readline() == b"1 clear * -\n"
            assert await stream.reader.readline() == b"2 clear agent:a -\n"
        house.streams.close()
        assert await stream.rest() == b"3 bye - The%20daemon%20is%20stopping.\n"


async def test_what_comes_behind_on_the_connection_is_not_answered_and_hides_no_end(house, doors):
    more = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" * 40
    async with opened(doors, "/v1/events?agent=a", TEXT, behind=more) as stream:
        await stream.head()
        await stream.lines(2)
        stream.writer.write(more)
        stream.writer.write(b"no HTTP at all\r\n\r\n" * 100)
        await house.block()
        assert (await stream.lines(1))[0].startswith("3 blocked")
    await until(lambda: len(house.streams) == 0)


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("&".join(["agent=a"] * 17), 400, "agent"),
        ("agent=" + "a" * 1025, 400, "agent"),
        ("agent=agent:bound", 403, "agent"),
    ],
)
async def test_what_cannot_be_watched_is_refused(doors, query, status, field):
    async with opened(doors, f"/v1/events?{query}", "Connection: close") as stream:
        assert (await stream.head()).startswith(f"HTTP/1.1 {status} ")
        assert msgspec.json.decode(await stream.rest())["field"] == field


async def test_there_are_no_more_streams_than_there_may_be(tmp_path):
    house = Switched(RULES, limit=1)
    async with open_doors(house, tmp_path) as doors, opened(doors, "/v1/events?agent=a") as first:
        await first.head()
        async with opened(doors, "/v1/events?agent=a", "Connection: close") as second:
            assert (await second.head()).startswith("HTTP/1.1 503 ")


async def test_a_wait_by_http_ends_with_the_halt(house, doors):
    held = await asyncio.to_thread(post, doors, "/access/v1/evaluation", asking("a", "pay"))
    path = held["context"]["approval"]["href"]
    async with opened(doors, path, "Prefer: wait=50", "Connection: close") as stream:
        waiting = asyncio.create_task(stream.head())
        await until(lambda: house.approvals.waits.awaited)
        await house.block()
        assert (await waiting).startswith("HTTP/1.1 200 ")
        assert msgspec.json.decode(await stream.rest())["context"]["code"] == "halted"


SHIM = re.search(r"```bash\n(.*?)```", (REPOSITORY / "docs" / "events.md").read_text(), re.DOTALL)


@pytest.mark.parametrize("how", ["a halt", "blindness", "the end of the daemon"])
async def test_the_shim_of_the_documents_ends_its_agent(house, doors, how):
    assert SHIM is not None
    agent = await asyncio.create_subprocess_exec("sleep", "600")
    environ = os.environ | {"SIDECAR": doors.url, "AGENT": "a", "AGENT_PID": str(agent.pid)}
    shim = await asyncio.create_subprocess_exec("bash", "-c", SHIM[1], env=environ)
    try:
        await until(lambda: len(house.streams) == 1)
        assert agent.returncode is None
        if how == "a halt":
            await house.block()
        elif how == "blindness":
            house.blind = "Nothing was heard."
        else:
            house.streams.close()
        assert await asyncio.wait_for(agent.wait(), PATIENCE) == -signal.SIGTERM
        assert await asyncio.wait_for(shim.wait(), PATIENCE) == 0
    finally:
        for process in (agent, shim):
            with contextlib.suppress(ProcessLookupError):
                process.kill()
