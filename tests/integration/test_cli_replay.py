"""`policy replay` over the log of a running daemon: what flips, what is undecidable, what is left out."""

import io
import shutil

import pytest

from sidecar.cli.edge import Edge
from sidecar.cli.main import run
from tests.fakes.audit import whole_segment
from tests.fakes.terminal import Watched, type_in
from tests.tools.bundles import HEAD
from tests.tools.daemon import Daemon

RULES = """\
rules:
  - {id: reads, match: {actions: [file.read]}, effect: allow, reason: x}
  - {id: small, match: {actions: [transfer]}, when: action.properties.amount < 10, effect: allow, reason: x}
  - id: asks
    match: {actions: [publish]}
    effect: approve
    reason: x
    approval: {stages: [{approvers: ["group:x"], within: 10m}]}
  - {id: never, match: {actions: [wipe]}, effect: deny, reason: x}
"""
LOOKS = (
    '  - {id: looks, match: {actions: [login]}, when: action.properties.%s == "x", effect: deny, reason: x}\n'
)
DENY_ALL = "rules: [{id: no, effect: deny, reason: x}]\n"
ALLOW_ALL = "rules: [{id: yes, effect: allow, reason: x}]\n"
HOSTILE = "file:/a\n      99  forged\x1b[2J"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A running daemon with ten decisions on record, two of them with masks and one a repeat."""
    folder = tmp_path_factory.mktemp("replay")
    policies = folder_of(folder / "policies", RULES)
    with Daemon(folder, policies) as daemon:
        for action, resource, properties in [
            ("file.read", "file:/srv/a", {}),
            ("file.read", HOSTILE, {}),
            ("transfer", "account:1", {"amount": 5}),
            ("transfer", "account:1", {"amount": 50}),
            ("publish", "page:1", {}),
            ("wipe", "disk:1", {}),
            ("login", "host:1", {"password": "hunter2"}),
            ("login", "host:1", {"text": "x" * 5000}),
        ]:
            assert daemon.evaluate("agent:bot", action, resource, properties=properties).status == 200
        submit = {"agent_id": "bot", "action_type": "wipe", "resource": "disk:1", "agent_name": "bot"}
        for _ in range(2):
            answer = daemon.post("/api/v1/actions/submit", submit, X_Correlation_ID="one")
            assert answer.status == 200, answer.raw
        yield daemon


def copied(live, copy):
    """The log of a daemon that still writes: drafts (`*.tmp`) are renamed away at any moment."""
    shutil.copytree(live, copy, ignore=shutil.ignore_patterns("*.tmp"))


def folder_of(folder, rules):
    folder.mkdir(exist_ok=True)
    (folder / "policy.yaml").write_text(HEAD + rules)
    return folder


def replay(daemon, policies, *arguments):
    return type_in("policy", "replay", "--log", daemon.state, "--bundle", policies, *arguments)


def told(daemon, policies, *arguments):
    return replay(daemon, policies, *arguments, "--json").json


@pytest.fixture
def candidate(tmp_path):
    """Makes a folder of the candidate's rules."""
    return lambda rules: folder_of(tmp_path / "candidate", rules)


def test_under_the_policies_that_made_it_a_log_has_no_flip_and_nothing_undecidable(written):
    ran = replay(written, written.policies)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        "replayed 9: same 9\n"
        "same verdict, other reason 0; undecidable 0\n"
        "skipped 2: 1 record:event, 1 repeat\n"
        "ok 0 newly allowed, at most 0 may be\n"
    )
    answer = told(written, written.policies)
    assert answer["ok"] is True
    assert answer["totals"] == {
        "replayed": 9,
        "same": 9,
        "other_reason": 0,
        "undecidable": 0,
        "skipped": 2,
    }
    assert answer["skipped"] == {"record:event": 1, "repeat": 1}
    assert answer["revision"].startswith("unsigned:")


def test_a_candidate_that_denies_everything_flips_every_allow_and_holds_as_well(written, candidate):
    answer = told(written, candidate(DENY_ALL))
    assert {flip: len(found) for flip, found in answer["flips"].items() if found} == {
        "pending_to_deny": 1,
        "allow_to_deny": 3,
    }
    assert (answer["ok"], answer["allow_flips"], answer["totals"]["undecidable"]) == (True, 0, 0)
    assert replay(written, candidate(DENY_ALL)).code == 0


def test_newly_allowed_requests_are_listed_first_and_are_a_failed_check(written, candidate):
    ran = replay(written, candidate(ALLOW_ALL))
    assert ran.code == 1
    lines = ran.out.splitlines()
    assert lines[0] == "deny -> allow: 5"
    assert lines[1].endswith(
        "  agent:bot  transfer  account:1  deny no_matching_rule  ->  allow allowed [yes]"
    )
    assert lines[1].split()[0] == "4"
    assert lines[6] == "pending -> allow: 1"
    assert "publish  page:1  pending approval_required [asks]  ->  allow allowed [yes]" in lines[7]
    assert lines[-1] == "failed 6 newly allowed, at most 0 may be"
    assert "same verdict, other reason 3; undecidable 0" in lines


@pytest.mark.parametrize(("limit", "code"), [(5, 1), (6, 0)])
def test_so_many_may_newly_be_allowed(limit, code, written, candidate):
    ran = replay(written, candidate(ALLOW_ALL), "--max-allow-flips", limit, "--json")
    assert (ran.code, ran.json["ok"], ran.json["max_allow_flips"]) == (code, not code, limit)


@pytest.mark.parametrize("name", ["password", "text"])
def test_what_a_mask_hides_from_a_rule_is_listed_as_undecidable(name, written, candidate):
    folder = candidate(RULES + LOOKS % name)
    answer = told(written, folder)
    assert [one["unseen"] for one in answer["undecidable"]] == [
        [{"rule": "looks", "path": f"action.properties.{name}"}]
    ]
    # The other login has no such field: its condition errs, which in a deny rule counts as matched.
    assert answer["totals"] == {"replayed": 8, "same": 7, "other_reason": 1, "undecidable": 1, "skipped": 2}
    ran = replay(written, folder)
    assert ran.code == 0
    assert f"rule looks could look at action.properties.{name}, which is masked" in ran.out


def test_another_reason_for_the_same_verdict_is_counted_and_listed_only_if_wanted(written, candidate):
    folder = candidate(RULES.replace("reads", "reading"))
    ran, whole = replay(written, folder), replay(written, folder, "--all")
    assert "same verdict, other reason 2; undecidable 0" in ran.out
    assert "[reading]" not in ran.out
    assert whole.out.startswith("same verdict, other reason: 2\n")
    assert "allow allowed [reads]  ->  allow allowed [reading]" in whole.out
    assert told(written, folder)["other_reasons"] == []
    assert [one["after"]["rules"] for one in told(written, folder, "--all")["other_reasons"]] == [
        ["reading"]
    ] * 2


def test_only_the_last_decisions_are_replayed(written, candidate):
    answer = told(written, candidate(DENY_ALL), "--last", "3")
    assert (answer["totals"]["replayed"], answer["skipped"]) == (2, {"repeat": 1})


def test_what_an_agent_wrote_forges_no_line_and_does_not_reach_the_terminal(written, candidate):
    out = replay(written, candidate(DENY_ALL)).out
    assert "\x1b" not in out
    assert not any(line.split()[:1] == ["99"] for line in out.splitlines())


def test_nothing_is_written_and_the_daemon_goes_on(written, candidate):
    before = {path: path.stat().st_size for path in written.state.rglob("*.jsonl")}
    replay(written, candidate(DENY_ALL))
    assert {path: path.stat().st_size for path in written.state.rglob("*.jsonl")} == before
    assert written.get("/readyz", "ops").status == 200


def test_who_watches_sees_how_far_it_is(written):
    edge = Edge({}, io.BytesIO(), io.StringIO(), Watched())
    words = ["policy", "replay", "--log", str(written.state), "--bundle", str(written.policies)]
    assert run(words, edge) == 0
    assert "replaying" in edge.stderr.getvalue()
    assert "100%" in edge.stderr.getvalue()


def test_the_log_is_that_of_the_daemon_here(written, candidate):
    environ = {"ASCEND_SIDECAR_STATE_DIR": str(written.state)}
    ran = type_in("policy", "replay", "--bundle", candidate(DENY_ALL), "--json", environ=environ)
    assert ran.json["totals"]["replayed"] == 9


def test_a_bundle_that_cannot_be_read_is_78(written, candidate, tmp_path):
    for folder in (tmp_path / "none", candidate("rules: [{id: x}]\n")):
        ran = replay(written, folder)
        assert (ran.code, ran.out) == (78, "")
        assert str(folder) in ran.err


def test_a_folder_without_a_log_is_78(candidate, tmp_path):
    ran = type_in("policy", "replay", "--log", tmp_path, "--bundle", candidate(DENY_ALL))
    assert (ran.code, ran.out) == (78, "")
    assert "is this a state folder?" in ran.err


def test_a_damaged_log_is_78_and_nothing_of_it_is_used(written, candidate, tmp_path):
    copied(written.state / "audit", tmp_path / "state" / "audit")
    segment = whole_segment(tmp_path / "state")
    segment.write_bytes(segment.read_bytes().replace(b'"verdict":"deny"', b'"verdict":"allow"', 1))
    ran = type_in("policy", "replay", "--log", tmp_path / "state", "--bundle", candidate(ALLOW_ALL))
    assert (ran.code, ran.out) == (78, "")
    assert "does not continue the chain" in ran.err


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--bundle",),
        ("--bundle", "default", "extra"),
        ("--bundle", "default", "--last", "0"),
        ("--bundle", "default", "--last", "1000001"),
        ("--bundle", "default", "--max-allow-flips", "-1"),
        ("--bundle", "default", "--last", "many"),
    ],
)
def test_a_usage_error_is_64(arguments):
    ran = type_in("policy", "replay", *arguments)
    assert (ran.code, ran.out) == (64, "")


def test_the_help_says_what_proves_the_log(capsys):
    assert type_in("policy", "replay", "--help").code == 0
    assert "`audit verify` proves the log" in capsys.readouterr().out
