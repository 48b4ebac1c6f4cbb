"""`audit` on real logs: what is shown, what is found broken, and a proof that stands without the log."""

import asyncio
import base64
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import threading

import msgspec
import pytest

from sidecar.adapters.audit_files.log import open_log
from sidecar.adapters.audit_files.settings import AuditSettings
from sidecar.adapters.clock import SystemClock
from sidecar.adapters.state_dir import hold_state
from sidecar.cli.edge import Edge
from sidecar.cli.main import run
from sidecar.core.model import Action, Caller, Code, Decision, Door, Request, Resource, Subject, Verdict
from sidecar.core.record import DecisionRecord, EventRecord, OutcomeRecord
from tests.fakes.terminal import Watched, type_in


def decided(verdict, code, subject="agent:bot", action="file.read"):
    kind, _, name = subject.partition(":")
    request = Request(Subject(kind, name), Action(action), Resource("file", "/srv/a"))
    return DecisionRecord(
        Door.AUTHZEN, Caller(uid=1), request, Decision(Verdict(verdict), Code(code), "Because.", 0.0)
    )


RECORDS = (
    EventRecord("started", 0.0, {"revision": "r1"}),
    decided("allow", "allowed"),
    decided("deny", "policy_denied", action="file.delete"),
    decided("pending", "approval_required", subject="agent:payments-1", action="transaction"),
    OutcomeRecord(1, "completed", Caller(uid=1), 0.0),
    {"type": "void", "voids": [2]},
    decided("allow", "allowed", subject="user:\x1b[2Jeve"),
)


async def write_log(state, records):
    lock = hold_state(state)
    log = open_log(state, lock_fd=lock, clock=SystemClock(), settings=AuditSettings())
    await log.start()
    try:
        for record in records:
            await log.append(msgspec.json.encode(record), 5.0)
    finally:
        await log.close()
        os.close(lock)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    state = tmp_path_factory.mktemp("log") / "state"
    asyncio.run(write_log(state, RECORDS))
    return state


@pytest.fixture
def state(written, tmp_path):
    """A log of one's own to damage."""
    return shutil.copytree(written, tmp_path / "state")


def show(state, *arguments):
    return type_in("audit", "show", "--state-dir", state, *arguments)


def shown(state, *arguments):
    """The numbers of the records shown."""
    ran = show(state, *arguments, "--json")
    assert (ran.code, ran.err) == (0, "")
    return [json.loads(line)["seq"] for line in ran.out.splitlines()]


def segment(state):
    return next((state / "audit").glob("*.jsonl"))


def test_records_are_shown_oldest_first_a_line_each(written):
    lines = show(written).out.splitlines()
    assert [line.split()[0] for line in lines] == [str(number) for number in range(len(RECORDS))]
    assert lines[0].endswith('started  {"details":{"revision":"r1"}}')
    assert "deny     policy_denied" in lines[2]
    assert "agent:bot  file.delete  file:/srv/a" in lines[2]
    assert "completed of 1" in lines[4]
    assert "void     [2]" in lines[5]


def test_what_an_agent_wrote_does_not_reach_the_terminal(written):
    assert "\x1b" not in show(written).out


@pytest.mark.parametrize(
    ("filters", "numbers"),
    [
        (("--verdict", "allow"), [1, 6]),
        (("--code", "policy_denied"), [2]),
        (("--subject", "agent:bot"), [1, 2]),
        (("--subject", "agent:*"), [1, 2, 3]),
        (("--action", "file.*", "--verdict", "deny"), [2]),
        (("--action", "file"), []),
        (("--since", "1h"), [0, 1, 2, 3, 4, 5, 6]),
        (("--since", "2999-01-01T00:00:00Z"), []),
        (("--since", "1h", "--verdict", "pending"), [3]),
        (("--limit", "2"), [5, 6]),
        (("--limit", "1", "--verdict", "allow"), [6]),
        (("--limit", "0"), [0, 1, 2, 3, 4, 5, 6]),
        (("--seq", "3"), [3]),
    ],
)
def test_only_what_is_wanted_is_shown(filters, numbers, written):
    assert shown(written, *filters) == numbers


def test_one_record_is_shown_whole_with_its_hash(written):
    ran = show(written, "--seq", "2")
    assert '"code": "policy_denied"' in ran.out
    line = show(written, "--seq", "2", "--json").out
    assert ran.out.endswith(f"sha256 {hashlib.sha256(line.rstrip().encode()).hexdigest()}\n")


def test_json_is_the_log_byte_for_byte(written):
    assert show(written, "--json").out.encode() == segment(written).read_bytes().rstrip(b"\0")


def test_a_record_that_is_not_there_is_a_failed_check(written):
    ran = show(written, "--seq", "99")
    assert (ran.code, ran.out) == (1, "")
    assert "there is no record 99" in ran.err


def test_new_records_follow(state):
    command = [sys.executable, "-m", "sidecar", "audit", "show", "--follow", "--json", "--verdict", "deny"]
    with subprocess.Popen([*command, "--state-dir", state], stdout=subprocess.PIPE, text=True) as following:
        deadline = threading.Timer(20.0, following.kill)
        deadline.start()
        try:
            assert json.loads(following.stdout.readline())["seq"] == 2
            asyncio.run(write_log(state, [decided("allow", "allowed"), decided("deny", "policy_denied")]))
            assert json.loads(following.stdout.readline())["seq"] == 8
        finally:
            deadline.cancel()
            following.terminate()


def test_a_whole_log_verifies(written):
    ran = type_in("audit", "verify", "--state-dir", written)
    assert (ran.code, ran.out, ran.err) == (0, "ok 7 records, 7 of them under a signed checkpoint\n", "")


def test_a_whole_log_verifies_as_json(written):
    told = type_in("audit", "verify", "--state-dir", written, "--json").json
    assert told == {"ok": True, "first": 0, "size": 7, "signed": 7, "findings": []}


def test_a_changed_record_is_found_by_number(state):
    file = segment(state)
    file.write_bytes(file.read_bytes().replace(b"policy_denied", b"policy_allowd"))
    ran = type_in("audit", "verify", "--state-dir", state)
    assert ran.code == 1
    assert ran.out.startswith(f"FAILED {file.name}: record 2")
    told = type_in("audit", "verify", "--state-dir", state, "--json")
    assert (told.code, told.json["ok"], told.json["findings"][0]["seq"]) == (1, False, 2)


def test_a_cut_tail_is_found_against_a_checkpoint_kept_elsewhere(state, tmp_path):
    early = shutil.copytree(state, tmp_path / "early")
    asyncio.run(write_log(state, RECORDS))
    witness = state / "audit/checkpoint"
    assert type_in("audit", "verify", "--state-dir", state, "--against", witness).code == 0
    assert type_in("audit", "verify", "--state-dir", early).code == 0
    ran = type_in("audit", "verify", "--state-dir", early, "--against", witness)
    assert ran.code == 1
    assert "FAILED the witness's checkpoint" in ran.out


def test_who_watches_sees_how_far_it_is(written):
    terminal = Watched()
    edge = Edge({}, io.BytesIO(), io.StringIO(), terminal)
    assert run(["audit", "verify", "--state-dir", str(written)], edge) == 0
    assert "verifying" in terminal.getvalue()
    assert "ok 7 records" in edge.stdout.getvalue()


@pytest.fixture
def proof(written, tmp_path):
    """The files that prove record 2, and the key's text."""
    (tmp_path / "2.proof").write_text(type_in("audit", "prove", 2, "--state-dir", written).out)
    (tmp_path / "2.jsonl").write_text(show(written, "--seq", "2", "--json").out)
    return tmp_path / "2.proof", tmp_path / "2.jsonl", (written / "audit/vkey").read_text().strip()


def check(proof, record, vkey, *arguments):
    return type_in("audit", "verify", "--proof", proof, "--record", record, "--vkey", vkey, *arguments)


def test_a_proof_stands_without_the_log(proof):
    ran = check(*proof)
    assert ran.code == 0
    assert "which then had 7 records" in ran.out
    assert check(*proof, "--json").json["ok"] is True


def test_the_key_may_be_a_file(proof, written):
    assert check(*proof[:2], written / "audit/vkey").code == 0


def test_another_record_is_not_proven(proof):
    proof[1].write_text(proof[1].read_text().replace("policy_denied", "allowed"))
    ran = check(*proof)
    assert ran.code == 1
    assert ran.out.startswith("FAILED this is not record 2 of the log")
    assert check(*proof, "--json").json["ok"] is False


def test_another_key_proves_nothing(proof, tmp_path):
    asyncio.run(write_log(tmp_path / "other", RECORDS[:1]))
    assert check(*proof[:2], tmp_path / "other/audit/vkey").code == 1


def test_what_is_no_proof_proves_nothing(proof):
    proof[0].write_bytes(b"\xff")
    assert check(*proof).code == 1


def test_a_proof_as_json_has_its_hashes_in_base64(written):
    told = type_in("audit", "prove", "2", "--state-dir", written, "--json").json
    assert told["index"] == 2
    assert all(len(base64.b64decode(one)) == 32 for one in told["hashes"])
    assert told["checkpoint"].count("\n\n") == 1


def test_what_is_not_in_the_log_cannot_be_proven(written):
    ran = type_in("audit", "prove", "7", "--state-dir", written)
    assert (ran.code, ran.out) == (1, "")
    assert "the newest speaks of 7 records" in ran.err


@pytest.mark.parametrize("verb", [("verify",), ("show",), ("prove", "0")])
def test_a_folder_without_a_log_is_78(verb, tmp_path):
    ran = type_in("audit", *verb, "--state-dir", tmp_path)
    assert (ran.code, ran.out) == (78, "")
    assert "is this a state folder?" in ran.err


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("verify", "extra"),
        ("verify", "--proof", "p"),
        ("verify", "--proof", "p", "--record", "r"),
        ("verify", "--proof", "/none", "--record", "/none", "--vkey", "nonsense"),
        ("verify", "--against", "/nowhere"),
        ("verify", "--vkey", "nonsense"),
        ("show", "--verdict", "maybe"),
        ("show", "--code", "maybe"),
        ("show", "--since", "yesterday"),
        ("show", "--since", "2026-01-01T00:00:00"),
        ("show", "--limit", "-1"),
        ("show", "--seq", "x"),
        ("prove",),
        ("prove", "-1"),
        ("prove", "one"),
    ],
)
def test_a_usage_error_is_64(arguments):
    ran = type_in("audit", *arguments)
    assert (ran.code, ran.out) == (64, "")


@pytest.mark.parametrize("verb", [("verify",), ("show",), ("prove", "0")])
def test_a_bad_config_is_78(verb):
    ran = type_in("audit", *verb, environ={"ASCEND_SIDECAR_AUDIT_FSYNK": "never"})
    assert ran.code == 78
    assert "did you mean `ASCEND_SIDECAR_AUDIT_FSYNC`?" in ran.err
