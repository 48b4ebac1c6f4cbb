"""Verdicts: what people read, and the exit code, which never says more than the answer."""

import io
import json

import pytest

from sidecar.cli.edge import Edge
from sidecar.cli.exits import Exit, UnreachableError
from sidecar.cli.verdicts import exit_of, parse_evaluation, show
from tests.fakes.stub_daemon import decision

FULL = decision(
    "pending",
    code="approval_required",
    risk={"score": 62, "level": "medium", "verb": "delete_file", "because": ["base 75", "own folder -13"]},
    policy={"rules": ["files/delete"], "revision": "unsigned:abc"},
    obligations=[{"id": "receipt", "type": "notification"}],
    approval={"id": "7", "expires_at": "2026-01-01T00:00:00Z", "href": "/v1/decisions/7"},
    audit={"seq": 7, "hash": "ab" * 32},
    advisory=True,
)


def shown(told):
    out = io.StringIO()
    show(Edge({}, io.BytesIO(), out, io.StringIO()), parse_evaluation(json.dumps(told).encode()).context)
    return out.getvalue()


def test_everything_that_explains_a_verdict_is_shown():
    text = shown(FULL)
    assert text.startswith("PENDING approval_required: Because.\n")
    for part in (
        "62 of 100, medium (delete_file)",
        "base 75",
        "own folder -13",
        "files/delete",
        "unsigned:abc",
        "receipt (notification)",
        "7, until 2026-01-01T00:00:00Z",
        f"7, sha256 {'ab' * 32}",
        "advice, not recorded",
    ):
        assert part in text


def test_what_an_agent_wrote_is_escaped():
    assert "\x1b" not in shown(decision(reason="\x1b[31mred"))


@pytest.mark.parametrize(
    ("flag", "verdict", "code"),
    [
        (True, "allow", Exit.OK),
        (False, "allow", Exit.DENIED),
        (True, "deny", Exit.DENIED),
        (True, "anything", Exit.DENIED),
        (False, "pending", Exit.PENDING),
        (True, "pending", Exit.PENDING),
        (False, "deny", Exit.DENIED),
    ],
)
def test_only_a_full_allow_is_a_success(flag, verdict, code):
    told = decision(verdict) | {"decision": flag}
    assert exit_of(parse_evaluation(json.dumps(told).encode())) is code


@pytest.mark.parametrize(
    "raw", [b"", b"{}", b"[]", b'{"decision": true}', b'{"decision": 1, "context": {}}', b"\xff"]
)
def test_what_is_no_decision_is_an_error(raw):
    with pytest.raises(UnreachableError, match="not a decision"):
        parse_evaluation(raw)
