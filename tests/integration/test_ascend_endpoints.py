"""Every call of the SDK, 2.7.1 and 2.5.0, against a daemon without a platform, under strict and open policies."""

import json
import os
import subprocess
import sys

import pytest
from ascend import AscendClient

from sidecar.api.ascend_changes import CHANGES as DECIDED
from tests.tools.ascend_walk import ANSWERED, CHANGES, REFUSED, walk
from tests.tools.daemon import REPOSITORY, Daemon

HEAD = "apiVersion: ascend.sidecar/v1\nkind: Policy\nmetadata: {name: open}\n"
OPEN = HEAD + "rules: [{id: everything, effect: allow, reason: This is a test.}]\n"
HELD = """
rules:
  - id: hold-changes
    match: {actions: ["platform.*"]}
    effect: approve
    approval: {stages: [{approvers: ["group:x"]}]}
    reason: A person must look at this.
"""
NOT_THERE = {"ack_command": "AuthorizationError", "mcp_server": "HTTPError", "impact": "ValidationError"}
# What policy allows and only a platform can do is a 422 in words.
NEEDS_PLATFORM = dict.fromkeys(CHANGES, "ValidationError") | {"deregister_agent": "ok"}


@pytest.fixture(scope="module")
def open_daemon(tmp_path_factory):
    """A daemon whose policies allow everything."""
    folder = tmp_path_factory.mktemp("open")
    (folder / "policies").mkdir()
    (folder / "policies" / "open.yaml").write_text(OPEN)
    with Daemon(folder, folder / "policies") as running:
        yield running


@pytest.fixture
def sdk(monkeypatch):
    """A client of that daemon."""
    monkeypatch.setenv("ASCEND_API_KEY", "ask_test")

    def client(daemon: Daemon) -> AscendClient:
        return AscendClient(agent_id="agent-7", agent_name="Seven", api_url=daemon.listen["decision"])

    return client


def old_walk(daemon: Daemon) -> dict[str, str]:
    environ = os.environ | {
        "PYTHONPATH": f"{REPOSITORY / '.venv' / 'sdk-2.5.0'}:{REPOSITORY}",
        "ASCEND_API_URL": daemon.listen["decision"],
        "ASCEND_API_KEY": "ask_test",
    }
    command = [sys.executable, "-m", "tests.tools.ascend_walk"]
    run = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


def expected(changes: dict[str, str]) -> dict[str, str]:
    return dict.fromkeys(ANSWERED, "ok") | NOT_THERE | changes


def test_the_walk_leaves_out_no_change_that_is_decided():
    assert {f"{one.method} {one.path}" for one in DECIDED} == {pair for pair, _ in CHANGES.values()}
    assert {one.name for one in DECIDED} == CHANGES.keys()


def test_every_call_is_in_the_openapi_document(daemon):
    paths = daemon.get("/openapi.json").body["paths"]
    documented = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    walked = {pair for pair, _ in {**ANSWERED, **REFUSED, **CHANGES}.values()}
    named = {pair.replace("{}", "{id}", 1).replace("{}", "{other}") for pair in walked}
    assert len(named) == 51
    assert named - documented == set()


def test_under_the_default_policies_agents_read_and_change_nothing(daemon, sdk):
    told = walk(sdk(daemon), {**ANSWERED, **REFUSED, **CHANGES})
    assert told == expected(dict.fromkeys(CHANGES, "AuthorizationError"))


def test_under_open_policies_what_needs_a_platform_says_so(open_daemon, sdk):
    told = walk(sdk(open_daemon), {**ANSWERED, **REFUSED, **CHANGES})
    assert told == expected(NEEDS_PLATFORM)


def test_the_older_sdk_is_answered_the_same(daemon, open_daemon):
    assert old_walk(daemon) == expected(dict.fromkeys(CHANGES, "AuthorizationError"))
    assert old_walk(open_daemon) == expected(NEEDS_PLATFORM)


@pytest.mark.parametrize("change", DECIDED, ids=lambda change: change.name)
def test_a_change_is_a_decision_of_its_own_and_never_worded_as_a_success(daemon, change):
    body = {change.field: "it"} if change.field else {}
    answer = daemon.ask(change.method, change.path.replace("{}", "it"), body)
    assert answer.status == 403
    assert isinstance(answer.body["detail"], str)
    assert answer.headers["X-Ascend-Code"] == "policy_denied"
    record = daemon.get("/audit/logs?limit=1").body["events"][0]
    assert record["action"] == f"platform.{change.name}"
    assert set(record["details"]["rules"]) == {"no-control-changes", "no-platform-changes"}


def test_what_policy_allows_is_refused_in_words(open_daemon):
    answer = open_daemon.post("/api/registry/mcp-servers/crm/activate", None)
    assert answer.status == 422
    assert "only the ASCEND platform can do it" in answer.body["detail"]


def test_a_change_that_people_must_approve_says_which_approval_is_open(tmp_path):
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "held.yaml").write_text(HEAD + HELD)
    with Daemon(tmp_path, tmp_path / "policies") as daemon:
        answer = daemon.ask("DELETE", "/api/webhooks/wh-1")
    assert answer.status == 403
    assert answer.headers["X-Ascend-Verdict"] == "pending"
    assert answer.body["detail"].startswith("A person must look at this. Approval ")


@pytest.mark.parametrize(
    "path",
    [
        "/api/registry/mcp-servers/a%20b",
        "/api/registry/mcp-servers/..",
        "/api/registry/mcp-servers/",
        "/api/registry/mcp-servers/a%2Fb",
        "/api/agents/health/-x",
        f"/api/agents/health/{'a' * 129}",
        "/api/v1/actions//status",
        "/api/v1/actions/%00",
        "/api/v1/supply-chain/impact/0",
        "/api/v1/supply-chain/impact/x",
        "/api/v1/output-filter/findings/-1",
        "/api/alerts?acknowledged=maybe",
        "/api/v1/supply-chain/components?limit=0",
        "/audit/logs?limit=-1",
    ],
)
def test_a_parameter_that_is_not_plain_is_refused(daemon, path):
    answer = daemon.get(path)
    assert answer.status == 422
    assert isinstance(answer.body["detail"], str)


def test_a_path_of_the_api_that_nobody_knows_is_not_there(daemon):
    assert daemon.get("/api/v1/nothing").status == 404
    assert daemon.post("/api/discovery/mcp/scan", {}).status == 404
