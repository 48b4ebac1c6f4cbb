"""Bearer tokens over TCP: required where the operator set some, known only by their digests."""

import hashlib

import pytest

from tests.tools.bundles import HEAD
from tests.tools.daemon import Daemon, evaluation

READ = evaluation("agent:a1", "read", "thing:t")
TOKEN = "a-token-of-the-operator"
BOUND = "a-token-of-the-agent"


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "policies" / "data").mkdir(parents=True)
    (folder / "policies" / "policy.yaml").write_text(
        HEAD + "rules: [{id: all, effect: allow, reason: fine}]\n"
    )
    (folder / "policies" / "data" / "agents.yaml").write_text(
        f'"agent:bound": {{tokens: ["{digest(BOUND)}"]}}\n'
    )
    (folder / "tokens").write_text(f"ops:{digest(TOKEN)}\n")
    environ = {"ASCEND_SIDECAR_TOKENS_FILE": str(folder / "tokens")}
    with Daemon(folder, folder / "policies", environ=environ) as running:
        yield running


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic x"}])
def test_without_a_known_token_it_is_401(guarded, headers):
    answer = guarded.post("/access/v1/evaluation", READ, **headers)
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert answer.body["field"] == "Authorization"


@pytest.mark.parametrize("headers", [{"Authorization": f"Bearer {TOKEN}"}, {"X_API_Key": TOKEN}])
def test_a_token_opens_the_door_in_either_header(guarded, headers):
    assert guarded.post("/access/v1/evaluation", READ, **headers).body["decision"] is True


def test_the_socket_needs_none(guarded):
    assert guarded.post("/access/v1/evaluation", READ, "decision_socket").body["decision"] is True


def test_a_bound_subject_is_its_tokens(guarded):
    body = evaluation("agent:bound", "read", "thing:t")
    told = {
        token: guarded.post("/access/v1/evaluation", body, Authorization=f"Bearer {token}").body["context"][
            "code"
        ]
        for token in (TOKEN, BOUND)
    }
    assert told == {TOKEN: "caller_not_bound", BOUND: "allowed"}


def test_callers_with_different_tokens_do_not_see_each_others_decisions(guarded):
    seq = guarded.post("/access/v1/evaluation", READ, Authorization=f"Bearer {TOKEN}").body["context"]["id"]
    assert guarded.get(f"/v1/decisions/{seq}", Authorization=f"Bearer {TOKEN}").status == 200
    assert guarded.get(f"/v1/decisions/{seq}", Authorization=f"Bearer {BOUND}").status == 404


def test_no_token_is_anywhere_in_what_the_daemon_writes(guarded):
    guarded.post("/access/v1/evaluation", READ, Authorization=f"Bearer {TOKEN}")
    written = [
        path.read_bytes() for path in guarded.folder.rglob("*") if path.is_file() and path.name != "tokens"
    ]
    assert not any(TOKEN.encode() in raw or BOUND.encode() in raw for raw in written)
