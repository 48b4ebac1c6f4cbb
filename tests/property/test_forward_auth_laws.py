"""The law of the door of gateways: whatever is asked, the answer is 200, 401 or 403, and says who decided."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.api.forward_auth_request import ENVOY, NGINX, PREFIX, Reading
from sidecar.api.guards import CallerGuard
from sidecar.api.message import Incoming, render
from sidecar.core.model import Caller
from tests.fakes.switched import AS_A, Switched

TEXTS = st.text(st.characters(max_codepoint=0xFF), max_size=30)
NAMES = st.sampled_from(
    ["host", "authorization", "x-original-uri", "x-original-method", "x-request-id", "traceparent", "x-ascend-id",
     "x-ascend-x", "x-agent-id", "x-forwarded-client-cert", "x-envoy-expected-rq-timeout-ms", "via", "prefer"]
)  # fmt: skip
TARGETS = st.sampled_from([PREFIX, ENVOY, f"{ENVOY}/", f"{ENVOY}/a?", NGINX, f"{NGINX}/"])
READINGS = st.sampled_from(
    [AS_A, Reading(), Reading(subject_header="x-agent-id"), Reading(by_certificate=True, headers=("via",))]
)
VALUES = TEXTS | st.sampled_from(["h", "/a", "GET", "a", "URI=a", "20", "Bearer a"])
HOUSE = Switched("rules: [{id: all, effect: allow, reason: fine}]\n")


@settings(max_examples=150)
@given(
    st.sampled_from(["GET", "POST", "X"]) | TEXTS, TARGETS, TEXTS, st.dictionaries(NAMES, VALUES), READINGS
)
def test_the_answer_is_one_of_three(method, target, rest, headers, reading):
    async def ask():
        forward = HOUSE.forward(CallerGuard(frozenset(), HOUSE.state.bound_tokens), reading)
        return await forward.respond(Incoming(method, target + rest, headers, b"", Caller(), True))

    reply = asyncio.run(ask())
    assert reply.status in {200, 401, 403}
    head = render(reply, keep_alive=True).split(b"\r\n\r\n")[0].split(b"\r\n")
    named = [line.split(b": ")[0].lower() for line in head[1:]]
    for name in (b"verdict", b"code", b"id", b"risk", b"reason", b"subject", b"approval"):
        assert named.count(b"x-ascend-" + name) == 1
    assert all(b"\n" not in line and b"\r" not in line for line in head)
    assert (reply.status == 200) == (b"X-Ascend-Verdict: allow" in head)
