"""What the sentinel file says, and that whatever it may say otherwise halts everything."""

import pytest

from sidecar.core.killswitch import Kind, scope
from sidecar.core.killswitch.sentinel import EVERYTHING, MOST_BYTES, MOST_LINES, read_sentinel


@pytest.mark.parametrize(
    ("text", "reason"), [("", ""), ("\n  \n", ""), ("# a breach\n", "a breach"), ("#\n# second", "second")]
)
def test_an_empty_file_halts_everything(text, reason):
    assert read_sentinel(text.encode()) == {EVERYTHING: reason}


def test_each_line_names_whom_and_why():
    text = "agent agent:a # pays twice\r\n\n# a remark\nagents pay-*\nserver GitHub\nsession run-1\ngroup\nhost h#1\n"
    assert read_sentinel(text.encode()) == {
        scope(Kind.AGENT, "agent:a"): "pays twice",
        scope(Kind.AGENTS, "pay-*"): "",
        scope(Kind.MCP_SERVER, "github"): "",
        scope(Kind.ORCHESTRATION, "run-1"): "",
        scope(Kind.GROUP): "",
        scope(Kind.HOST, "h#1"): "",
    }


@pytest.mark.parametrize(
    "raw",
    [b"agnet x", b"Agent x", b"agent a\x07", b"agent x\xff", b"agent " + b"x" * 600, b"\x00", b"agent\x00 x"],
)
def test_a_line_that_cannot_be_read_halts_everything_besides_the_others(raw):
    assert EVERYTHING in read_sentinel(b"agent other\n" + raw)


@pytest.mark.parametrize(
    "raw", [b"agent x\n" * (MOST_LINES + 1), b"agent x # " + b"x" * MOST_BYTES], ids=["lines", "bytes"]
)
def test_what_is_too_much_halts_everything(raw):
    assert list(read_sentinel(raw)) == [EVERYTHING]


def test_as_much_as_it_may_have_is_read():
    text = "".join(f"agent {number}\n" for number in range(MOST_LINES))
    assert len(read_sentinel(text.encode())) == MOST_LINES
