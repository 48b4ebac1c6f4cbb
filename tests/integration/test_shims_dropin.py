"""The documented Python surface on a real daemon: documented code runs as it stands, and opens only where it may."""

import ast
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import pytest

from tests.tools.daemon import REPOSITORY
from tests.tools.shim_daemon import governed
from tests.tools.shim_server import ShimServer
from tests.tools.shim_vectors import VECTORS

PYTHON = REPOSITORY / "shims" / "python"
FAILURES = [
    vector for vector in VECTORS if len(vector.steps) == 1 and not vector.streams and vector.listening
]


@pytest.fixture(scope="module")
def house():
    with tempfile.TemporaryDirectory() as folder, governed(Path(folder)) as running:
        yield running


def start(code, folder, python=sys.executable, **environ):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ASCEND")}
    return subprocess.Popen(
        [python, "-W", "error", "-c", textwrap.dedent(code)],
        cwd=folder,
        env=kept | {"PYTHONPATH": str(PYTHON), **environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(code, folder, python=sys.executable, **environ):
    """What it prints, by lines."""
    process = start(code, folder, python, **environ)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out.splitlines()


def agent_records(house, kind, agent):
    found = house.records(kind)
    return [one for one in found if agent in (one.get("agent"), _subject(one))]


def _subject(record):
    subject = record.get("request", {}).get("subject", {})
    return f"{subject.get('type')}:{subject.get('id')}"


def test_the_quick_start(house, tmp_path):
    code = """
        from ascend import AscendClient

        client = AscendClient(
            agent_id="customer-lookup-bot",
            agent_name="Customer Lookup Bot",
            fail_mode="closed",
        )

        decision = client.evaluate_action(
            action_type="database.read",
            resource="customer_profiles",
            resource_id="CUST-12345",
            risk_indicators={"pii_involved": True},
        )

        if decision.execution_allowed:
            print(f"Approved — risk score {decision.risk_score} ({decision.risk_level})")
        else:
            print(f"Blocked — {decision.reason}")
        print(decision.approved_by, decision.approved_at, decision.expires_at[:2], decision.decision.value)
    """
    first, second = run(code, tmp_path, ASCEND_API_URL=house.address("tcp"), ASCEND_API_KEY="ask_test")
    assert first.startswith("Approved — risk score ")
    assert first.rpartition("(")[2] in ("low)", "medium)", "high)", "critical)")
    assert second == "None None 20 allowed"
    asked = agent_records(house, "decision", "agent:customer-lookup-bot")[-1]["request"]
    assert asked["subject"]["properties"] == {"name": "Customer Lookup Bot"}
    assert asked["resource"]["properties"] == {"resource_id": "CUST-12345"}
    assert asked["context"] == {"environment": "production", "risk_indicators": {"pii_involved": True}}


AGENT = """
    from ascend import AuthorizedAgent

    agent = AuthorizedAgent(
        agent_id="payment-processor",
        agent_name="Payment Processing Agent",
    )

    def process_payment():
        return {"status": "completed", "transaction_id": "TXN-98765"}

    result = agent.execute_if_authorized(
        action_type="transaction",
        resource="payment_gateway",
        resource_id="TXN-98765",
        execute_fn=process_payment,
        risk_indicators={
            "amount_threshold": "exceeded",
            "external_transfer": True,
        },
        on_denied=lambda decision: {
            "status": "blocked",
            "reason": decision.reason,
        },
    )
    print(result["status"], result.get("reason", ""))
"""


@pytest.mark.parametrize(
    ("verb", "printed"), [("approve", "completed"), ("deny", "blocked")], ids=lambda word: word
)
def test_the_function_runs_if_and_only_if_it_is_allowed(house, tmp_path, verb, printed):
    with house.somebody(verb):
        (line,) = run(AGENT, tmp_path, ASCEND_SIDECAR=house.address("unix"))
    assert line.split(" ")[0] == printed
    outcomes = house.records("outcome")
    if verb == "approve":
        decided = agent_records(house, "decision", "agent:payment-processor")
        assert outcomes[-1]["decision"] in [one["seq"] for one in decided]
        assert outcomes[-1]["outcome"] == "completed"


def test_who_approved_and_when_is_told(house, tmp_path):
    code = """
        from ascend import AscendClient
        decision = AscendClient(agent_id="asker").evaluate_action("transaction", "wire")
        print(decision.approved_by, decision.approved_at[:2], decision.status)
    """
    with house.somebody("approve"):
        assert run(code, tmp_path, ASCEND_SIDECAR=house.address("unix")) == ["ann 20 approved"]


def test_a_function_that_fails_is_reported_and_its_error_is_its_own(house, tmp_path):
    code = """
        from ascend import AuthorizedAgent
        def broken():
            raise KeyError("x")
        try:
            AuthorizedAgent("breaker", "B").execute_if_authorized("read", "orders", broken)
        except KeyError:
            print("its own")
    """
    assert run(code, tmp_path, ASCEND_SIDECAR=house.address("unix")) == ["its own"]
    assert [one["outcome"] for one in house.records("outcome")][-1] == "failed"


def test_permissions_and_denials(house, tmp_path):
    code = """
        from ascend import AuthorizationError, AuthorizedAgent
        agent = AuthorizedAgent("checker", "Checker")
        print(agent.check_permission("read", "orders"), agent.check_permission("database.write", "orders"))
        try:
            agent.execute_if_authorized("drop", "users", lambda: print("run!"))
        except AuthorizationError as error:
            print(error.error_code, error.message, error.policy_violations)
    """
    printed = run(code, tmp_path, ASCEND_SIDECAR=house.address("unix"))
    assert printed == ["True False", "AUTHZ_DENIED Nothing is dropped. ['drops']"]


MCP = """
    import asyncio
    from ascend import AscendClient, AuthorizationError, MCPGovernanceConfig, MCPGovernanceMiddleware

    client = AscendClient(
        agent_id="claude-desktop",
        agent_name="Claude with Filesystem MCP",
        fail_mode="closed",
    )

    config = MCPGovernanceConfig(
        wait_for_approval=True,
        approval_timeout_seconds=300,
        raise_on_denial=True,
        on_denied=lambda decision: print(f"MCP call blocked: {decision.reason}"),
    )

    middleware = MCPGovernanceMiddleware(client=client, config=config)

    @middleware.wrap(tool_name="write_file")
    def write_file(path: str, content: str):
        with open(path, "w") as f:
            f.write(content)
        return {"status": "written", "path": path}

    print(write_file("notes.txt", content="hello"), open("notes.txt").read(), write_file.__name__)

    @middleware.wrap(tool_name="read")
    async def fetch(path, how=("a", {1, 2}), **more):
        await asyncio.sleep(0)
        return "fetched"

    print(asyncio.run(fetch("/srv/a", key=object())))

    @middleware.wrap(tool_name="drop")
    async def drop(table):
        print("run!")

    try:
        asyncio.run(drop("users"))
    except AuthorizationError as error:
        print(error.message)

    quiet = MCPGovernanceMiddleware(client, MCPGovernanceConfig(raise_on_denial=False, on_denied=lambda: 1))
    print(quiet.wrap(tool_name="drop")(lambda: print("run!"))())
"""


def test_mcp_tools_run_if_and_only_if_they_are_allowed(house, tmp_path):
    printed = run(MCP, tmp_path, ASCEND_SIDECAR=house.address("unix"))
    assert printed == [
        "{'status': 'written', 'path': 'notes.txt'} hello write_file",
        "fetched",
        "MCP call blocked: Nothing is dropped.",
        "Nothing is dropped.",
        "None",
    ]
    written, fetched = agent_records(house, "decision", "agent:claude-desktop")[:2]
    assert written["request"]["action"] == {
        "name": "write_file",
        "properties": {"path": "notes.txt", "content": "hello"},
    }
    assert (fetched["request"]["resource"]["type"], fetched["request"]["resource"]["id"]) == (
        "file",
        "/srv/a",
    )
    assert fetched["request"]["action"]["properties"]["more"] == {"key": "<object>"}
    assert fetched["request"]["context"]["tool_name"] == "read"


TRADER = """
    from ascend import AscendClient, KillSwitchError

    client = AscendClient(
        agent_id="autonomous-trader",
        agent_name="Autonomous Trading Agent",
        fail_mode="closed",
    )
    client.start_kill_switch_polling(interval_seconds=5)

    try:
        while True:
            if client.is_blocked():
                break
            decision = client.evaluate_action(action_type="read", resource="trading_api")
            if decision.execution_allowed:
                print("trade", flush=True)
        print("halted", flush=True)
        try:
            client.evaluate_action(action_type="read", resource="trading_api")
        except KillSwitchError as error:
            print(error.error_code, error.reason)
    finally:
        client.stop_kill_switch_polling()
"""


def test_a_loop_ends_when_its_agent_is_halted(house, tmp_path):
    with start(TRADER, tmp_path, ASCEND_SIDECAR=house.address("unix")) as process:
        assert process.stdout.readline() == "trade\n"
        house.halt("agent:autonomous-trader")
        try:
            out, err = process.communicate(timeout=60)
        finally:
            house.release("agent:autonomous-trader")
    assert out.splitlines()[-2:] == ["halted", "KILL_SWITCH_ACTIVE blocked"], err


def test_nobody_who_approves_is_a_timeout_in_both_modes(house, tmp_path):
    code = """
        from ascend import AscendClient, TimeoutError
        for mode in ("closed", "open"):
            try:
                AscendClient(agent_id="waiter", fail_mode=mode).evaluate_action("transaction", "x", timeout=1.6)
            except TimeoutError as error:
                print(error.error_code, error.timeout_seconds)
    """
    printed = run(code, tmp_path, ASCEND_SIDECAR=house.address("unix"))
    assert printed == ["APPROVAL_TIMEOUT 1.6"] * 2


def test_the_reference_constructor_and_action_types(house, tmp_path):
    """An https URL is the platform's: what is asked is the daemon of this host."""
    code = """
        from ascend import ActionType, AscendClient
        client = AscendClient(
            api_key="ask_...",
            agent_id="my-agent",
            agent_name="My Production Agent",
            api_url="https://platform.example",
            environment="production",
            fail_mode="closed",
            timeout=5,
            max_retries=3,
            enable_circuit_breaker=True,
            circuit_breaker_threshold=5,
            circuit_breaker_timeout=30,
            debug=False,
        )
        print(client.evaluate_action(ActionType.QUERY, "orders").decision.value)
        print(*[one.value for one in ActionType])
    """
    first, second = run(code, tmp_path, ASCEND_SIDECAR=house.address("unix"))
    assert first == "denied"
    assert second.split() == [
        *("data_access", "data_modification", "query", "transaction", "recommendation", "communication"),
        *("system_operation", "api_call", "analysis", "report_generation"),
    ]
    assert agent_records(house, "decision", "agent:my-agent")[-1]["request"]["action"]["name"] == "query"


def test_every_documented_exception_is_there(tmp_path):
    code = """
        import ascend
        kinds = "Authentication Authorization Configuration Conflict Connection KillSwitch NotFound RateLimit Server"
        for kind in kinds.split() + ["Timeout", "Validation"]:
            assert issubclass(getattr(ascend, kind + "Error"), ascend.OWKAIError), kind
        try:
            ascend.AscendClient(api_url="http://elsewhere.example")
        except ascend.ConfigurationError:
            print("configuration")
        try:
            ascend.AscendClient(fail_mode="ajar")
        except ascend.ConfigurationError:
            print("configuration")
    """
    assert run(code, tmp_path) == ["configuration"] * 2


def test_dotenv_and_debug_are_honoured(house, tmp_path):
    (tmp_path / ".env").write_text(
        f"# here\nexport ASCEND_API_URL='{house.address('tcp')}'\n"
        "ASCEND_AGENT_ID=from-file # note\nASCEND_DEBUG=true\n"
    )
    code = """
        from ascend import AscendClient
        client = AscendClient()
        print(client.agent_id, client.evaluate_action("read", "orders").decision.value)
    """
    process = start(code, tmp_path)
    out, err = process.communicate(timeout=60)
    assert (out, "read on orders: allowed" in err) == ("from-file allowed\n", True), err
    assert run(code, tmp_path, ASCEND_AGENT_ID="from-environment")[0].startswith("from-environment ")


def test_an_unreachable_daemon_is_closed_at_once_and_opened_only_if_asked_for(house, tmp_path):
    """What went ahead is told with the next contact, once, and is on record."""
    code = """
        import os, sys
        from ascend import AscendClient, AuthorizedAgent, CircuitBreakerOpen, ConnectionError
        closed = AscendClient(agent_id="c", max_retries=0, circuit_breaker_threshold=2)
        for _ in range(3):
            try:
                closed.evaluate_action("read", "orders")
            except ConnectionError as error:
                print(type(error).__name__)
        client = AscendClient(agent_id="opened", fail_mode="open", max_retries=1)
        for number in range(3):
            decision = client.evaluate_action("transaction", f"wire {number}")
            print(decision.execution_allowed, decision.conditions, decision.action_id == "")
        agent = AuthorizedAgent("opened", client=client)
        print(agent.execute_if_authorized("transaction", "wire 3", lambda: "ran"))
        os.symlink(sys.argv[1] if len(sys.argv) > 1 else os.environ["REAL"], "late.sock")
        print(client.evaluate_action("drop", "users").decision.value)
        print(client.evaluate_action("drop", "users").decision.value)
    """
    real = house.address("unix").removeprefix("unix:")
    printed = run(code, tmp_path, ASCEND_SIDECAR=f"unix:{tmp_path}/late.sock", REAL=real)
    assert printed == [
        *("ConnectionError", "ConnectionError", "CircuitBreakerOpen"),
        *["True ['fail_open_mode'] True"] * 3,
        *("ran", "denied", "denied"),
    ]
    (told,) = agent_records(house, "ungoverned", "agent:opened")
    assert told["count"] == 4
    assert time.time() - 600 < told["first_at"] <= told["last_at"] <= time.time()
    assert [one["resource"] for one in told["details"]["actions"]] == [
        f"wire {number}" for number in range(4)
    ]
    metrics = house.daemon.get("/metrics", "ops").raw.decode()
    assert "ascend_sidecar_ungoverned_actions_total 4.0" in metrics


def test_it_opens_for_nothing_else(tmp_path):
    """Every failure of the vectors but that nobody listens."""
    code = """
        import sys
        from ascend import AscendClient, OWKAIError
        for line in sys.stdin:
            address, deadline = line.split()
            client = AscendClient(api_url=address, agent_id="x", fail_mode="open", timeout=float(deadline))
            try:
                print(client.evaluate_action("read", "x", timeout=0).execution_allowed, flush=True)
            except OWKAIError as error:
                print(type(error).__name__, flush=True)
    """
    assert len(FAILURES) > 60
    came = {}
    with start(code, tmp_path) as process:
        for vector in FAILURES:
            with tempfile.TemporaryDirectory() as folder, ShimServer(vector, "tcp", Path(folder)) as server:
                process.stdin.write(f"{server.address} {vector.client.deadline:g}\n")
                process.stdin.flush()
                came[vector.name] = process.stdout.readline().strip()
        process.stdin.close()
        assert process.wait(20) == 0, process.stderr.read()
    assert {name: told for name, told in came.items() if told == "True"} == {}
    assert came["never answers"] == "TimeoutError"
    assert came["slammed"] == came["another protocol"] == came["status 500"] == "ServerError"
    assert (came["status 401"], came["status 404"]) == ("AuthenticationError", "NotFoundError")


def test_nothing_listens_is_the_one_case_that_opens(tmp_path):
    code = """
        from ascend import AscendClient
        client = AscendClient(api_url="http://127.0.0.1:9", fail_mode="open")
        print(client.evaluate_action("a", "b").execution_allowed)
    """
    assert run(code, tmp_path) == ["True"]


def test_it_is_of_python_3_8():
    for path in PYTHON.rglob("*.py"):
        ast.parse(path.read_text(), str(path), feature_version=(3, 8))


OLD_PYTHON = pytest.mark.skipif(shutil.which("python3.8") is None, reason="python3.8: not installed")


@OLD_PYTHON
def test_python_3_8_runs_tools(house, tmp_path):
    environ = {"PYENV_VERSION": "3.8", "ASCEND_SIDECAR": house.address("unix")}
    assert run(MCP, tmp_path, "python3.8", **environ)[1] == "fetched"


@OLD_PYTHON
def test_python_3_8_is_halted(house, tmp_path):
    environ = {"PYENV_VERSION": "3.8", "ASCEND_SIDECAR": house.address("unix")}
    house.halt("agent:autonomous-trader")
    try:
        assert run(TRADER, tmp_path, "python3.8", **environ) == ["halted", "KILL_SWITCH_ACTIVE blocked"]
    finally:
        house.release("agent:autonomous-trader")
