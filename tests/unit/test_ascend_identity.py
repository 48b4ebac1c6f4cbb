"""The cookie by which later calls name their agent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.api.ascend_identity import UNKNOWN, agent_of_cookie, remember
from sidecar.api.wire import Call
from sidecar.core.model import Caller


def call(cookie: str = "") -> Call:
    return Call({"cookie": cookie} if cookie else {}, b"", Caller())


def cookie_of(agent_id: str) -> str:
    (line,) = remember(call(), agent_id).decode().splitlines()
    name, value = line.split(": ", 1)
    assert name == "Set-Cookie"
    assert "HttpOnly" in value
    return value.partition(";")[0]


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200))
def test_every_agent_id_comes_back_as_it_was(agent_id):
    if agent_id != UNKNOWN:
        cookie = cookie_of(agent_id)
        assert cookie.isascii()
        assert agent_of_cookie(call(cookie)) == agent_id
        assert agent_of_cookie(call(f"other=1; {cookie}; more=2")) == agent_id
        assert remember(call(f"other=1; {cookie}"), agent_id) == b""


@pytest.mark.parametrize("agent_id", ["", UNKNOWN, "a" * 1025])
def test_what_names_no_agent_is_not_remembered(agent_id):
    assert remember(call(), agent_id) == b""


@pytest.mark.parametrize(
    "cookie", ["", "other=YQ", "ascend_agent", "ascend_agent=", "ascend_agent=%%%", "ascend_agent=_w", "; ;"]
)
def test_what_cannot_be_read_names_nobody(cookie):
    assert agent_of_cookie(call(cookie)) == UNKNOWN


def test_another_agent_of_the_same_client_replaces_the_first():
    cookie = cookie_of("a")
    assert remember(call(cookie), "b") != b""
