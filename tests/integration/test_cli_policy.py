"""`policy` and `check --local` on real folders: findings with places, tests with coverage, reasons."""

import pytest

from tests.fakes.terminal import type_in

RULES = """\
apiVersion: ascend.sidecar/v1
kind: Policy
metadata: {name: files}
rules:
  - id: reads
    match: {actions: ["file.read"]}
    effect: allow
    reason: Reading is free.
  - id: large
    match: {actions: ["transaction"]}
    when: action.properties.amount > 100
    effect: approve
    approval: {stages: [{approvers: ["group:treasury"], within: 10m}]}
    reason: Large payments need treasury.
  - id: never
    match: {actions: ["wipe"]}
    effect: deny
    reason: Never.
"""
TESTS = """\
apiVersion: ascend.sidecar/v1
kind: PolicyTest
tests:
  - name: reading is allowed
    given: {subject: "agent:x", action: file.read, resource: "file:/srv/a"}
    expect: {verdict: allow, rules: [reads]}
"""
WRONG = """\
  - name: wiping is allowed
    given: {subject: "agent:x", action: wipe, resource: "file:/srv/a"}
    expect: {verdict: allow}
"""
READ = ("agent:x", "file.read", "file:/srv/a")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "files.yaml").write_text(RULES)
    (tmp_path / "tests/files_test.yaml").write_text(TESTS)
    return tmp_path


def test_a_folder_without_mistakes_is_ok(folder):
    ran = type_in("policy", "lint", folder)
    assert (ran.code, ran.out, ran.err) == (0, "ok 3 rules\n", "")


def test_every_mistake_is_found_with_file_line_and_column(folder):
    (folder / "files.yaml").write_text(
        RULES.replace("effect: allow", "efect: allow").replace("amount >", "amount >>")
    )
    ran = type_in("policy", "lint", folder)
    assert ran.code == 1
    assert (
        f"{folder}/files.yaml:7:5: error: unknown key `efect` (did you mean `effect`?) [does-not-load]"
        in ran.out
    )


def test_a_mistake_in_a_test_is_found_too(folder):
    (folder / "tests/files_test.yaml").write_text(TESTS.replace("verdict", "verdit"))
    ran = type_in("policy", "lint", folder, "--json")
    assert ran.code == 1
    where = {"path": f"{folder}/tests/files_test.yaml", "line": 6}
    assert (where | {"severity": "error", "check": "does-not-load"}).items() <= ran.json[0].items()


def test_a_table_of_the_package_is_not_taken_for_one_of_the_folder(folder):
    (folder / "data").mkdir()
    (folder / "data/masking.yaml").write_text("nonsense: 1\n")
    ran = type_in("policy", "lint", folder)
    assert ran.code == 1
    assert f"{folder}/data/masking.yaml:1:1: error: unknown key `nonsense`" in ran.out


def test_passing_tests_are_counted_and_rules_without_a_test_named(folder):
    ran = type_in("policy", "test", folder)
    assert ran.code == 0
    assert "no test reaches rule `large`" in ran.out
    assert ran.out.endswith("passed 1 of 1 tests; 1 of 3 rules covered\n")


def test_a_failing_test_says_where_and_what(folder):
    (folder / "tests/files_test.yaml").write_text(TESTS + WRONG)
    ran = type_in("policy", "test", folder)
    assert ran.code == 1
    assert f"FAILED wiping is allowed ({folder}/tests/files_test.yaml:7:5)" in ran.out
    assert "verdict: expected allow, got deny (Never.)" in ran.out


def test_test_results_as_json(folder):
    told = type_in("policy", "test", folder, "--json").json
    assert (told["passed"], told["failed"]) == (1, 0)
    assert told["rules"] == {"covered": ["reads"], "uncovered": ["large", "never"]}
    assert told["results"][0]["rules"] == ["reads"]


def test_a_folder_without_tests_has_proven_nothing(folder):
    (folder / "tests/files_test.yaml").unlink()
    assert type_in("policy", "test", folder).code == 1


def test_every_rule_is_explained(folder):
    ran = type_in("policy", "explain", folder, "agent:x", "transaction", "pay:1", "--property", "amount=500")
    assert ran.code == 0
    rows = [line.split()[:3] for line in ran.out.splitlines()[1:4]]
    assert rows == [["reads", "allow", "no"], ["large", "approve", "yes"], ["never", "deny", "no"]]
    assert "the action `transaction` matches none of `file.read`" in ran.out
    assert "PENDING approval_required" in ran.out
    assert "advice, not recorded" in ran.out


def test_an_explanation_as_json_can_be_limited_to_what_matched(folder):
    told = type_in("policy", "explain", folder, *READ, "--matched", "--json").json
    assert [rule["rule"] for rule in told["rules"]] == ["reads"]
    assert told["context"]["advisory"] is True


@pytest.mark.parametrize(
    ("words", "code", "word"),
    [
        (READ, 0, "ALLOW"),
        (("agent:x", "wipe", "disk:1"), 1, "DENY"),
        (("agent:x", "unheard.of", "disk:1"), 1, "DENY"),
        (("agent:x", "transaction", "pay:1", "--property", "amount=500"), 2, "PENDING"),
    ],
)
def test_a_folder_is_judged_without_a_daemon_and_says_that_this_is_advice(words, code, word, folder):
    ran = type_in("check", "--local", folder, *words)
    assert ran.code == code
    assert ran.out.startswith(word)
    assert "advice, not recorded" in ran.out
    assert type_in("check", "--local", folder, *words, "--json").json["context"]["advisory"] is True


def test_judging_a_folder_opens_no_state(folder, tmp_path):
    environ = {"ASCEND_SIDECAR_STATE_DIR": str(tmp_path / "state")}
    type_in("check", "--local", folder, *READ, environ=environ)
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("verb", [("check", "--local"), ("policy", "explain")])
def test_a_request_without_a_part_names_it(verb, folder):
    ran = type_in(*verb, folder, "--request", "-", stdin=b'{"subject": {"type": "a"}}')
    assert ran.code == 64
    assert "subject.id: is required" in ran.err


@pytest.mark.parametrize("verb", [("check", "--local"), ("policy", "explain")])
def test_a_broken_folder_decides_nothing(verb, folder):
    (folder / "files.yaml").write_text(RULES.replace("effect: allow", "effect: alow"))
    ran = type_in(*verb, folder, *READ)
    assert (ran.code, ran.out) == (78, "")
    assert (
        f"{folder}/files.yaml:7:13: `alow` is not one of allow, approve, deny (did you mean `allow`?)"
        in ran.err
    )


@pytest.mark.parametrize("verb", ["lint", "test"])
def test_a_folder_that_is_not_there_is_named(verb, tmp_path):
    ran = type_in("policy", verb, tmp_path / "none")
    assert ran.code == {"lint": 1, "test": 78}[verb]
    assert "there is no such folder of policies" in ran.out + ran.err


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("lint",),
        ("test",),
        ("explain",),
        ("diff",),
        ("diff", "a"),
        ("diff", "a", "b", "c"),
        ("schema", "a"),
        ("lint", "a", "b"),
        ("test", "a", "--x"),
        ("explain", "a", "b"),
        ("x",),
    ],
)
def test_a_usage_error_is_64(arguments):
    ran = type_in("policy", *arguments)
    assert (ran.code, ran.out) == (64, "")
    assert "Try 'ascend-sidecar policy --help'" in ran.err


def test_the_builtin_policies_pass_their_tests():
    ran = type_in("policy", "test", "default")
    assert (ran.code, ran.err) == (0, "")
