"""`policy lint`, `diff` and `schema` on real folders: what authors are told before a daemon gets their policies."""

import json
import shutil

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.fakes.terminal import type_in

RULES = """\
apiVersion: ascend.sidecar/v1
kind: Policy
metadata: {name: files}
rules:
  - id: reads
    match: {actions: ["file.read"]}
    when: known("users", subject.id)
    effect: allow
  - id: wipes
    match: {actions: ["wipe*"]}
    effect: deny
    reason: Never.
"""
SUSPECT = """\
  - id: wipes-a-little
    match: {actions: [wipe.some, "wipe.a?"]}
    effect: approve
    approval: {stages: [{approvers: ["group:on-call"]}]}
  - id: odd
    match: {actions: [odd]}
    when: context.on && now > context.since
    effect: allow
"""
TESTS = """\
apiVersion: ascend.sidecar/v1
kind: PolicyTest
tests:
  - name: nobody wipes
    given: {subject: "agent:x", action: wipe, resource: "disk:1"}
    expect: {verdict: deny}
"""


def write(folder, rules=RULES, **data):
    (folder / "data").mkdir(parents=True, exist_ok=True)
    (folder / "files.yaml").write_text(rules)
    for name, text in data.items():
        (folder / f"data/{name}.yaml").write_text(text)
    return folder


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "here", users="x: {}\n")


def test_what_loads_but_was_not_meant_is_a_warning_with_file_line_and_column(folder):
    write(folder, RULES + SUSPECT, payees="p: {}\n")
    ran = type_in("policy", "lint", folder)
    assert (ran.code, ran.err) == (1, "")
    assert ran.out.replace(f"{folder}/", "") == (
        "data/payees.yaml:1:1: warning: no condition reads `payees` "
        '(use it as in lookup("payees", subject.id), or delete it) [unused-data]\n'
        "files.yaml:13:5: warning: rule `wipes-a-little` has no `reason` for whoever it stops "
        "(say in a sentence why, and what to do instead) [missing-reason]\n"
        "files.yaml:13:5: warning: rule `wipes-a-little` never takes effect: `wipes` denies all that it matches "
        "(see files.yaml:9:5; any deny wins) [unreachable-rule]\n"
        "files.yaml:19:25: warning: this part errs whatever a request holds: the types of the operands do not fit "
        "(it cannot help the rule to allow anything) [condition-always-errs]\n"
        "failed 4 findings\n"
    )


def test_who_could_not_approve_is_told_of_folders_that_name_people(folder):
    holding = SUSPECT.replace("effect: approve", "effect: approve\n    reason: Ask.")
    write(folder, RULES + holding, people="ann: {groups: [on-cal]}\n")
    assert (
        "files.yaml:17:38: warning: nobody in data/people.yaml is `group:on-call` "
        "(did you mean `on-cal`?) [nobody-to-approve]"
    ) in type_in("policy", "lint", folder).out.replace(f"{folder}/", "")
    (folder / "data/people.yaml").unlink()
    assert "nobody-to-approve" not in type_in("policy", "lint", folder).out


def test_errors_in_tests_do_not_hide_warnings_about_policies(folder):
    write(folder, RULES + SUSPECT)
    (folder / "tests").mkdir()
    (folder / "tests/files_test.yaml").write_text(TESTS.replace("expect", "expects"))
    told = type_in("policy", "lint", folder, "--json").json
    assert [(one["severity"], one["check"]) for one in told] == [
        ("error", "does-not-load"),
        ("error", "does-not-load"),
        ("warning", "missing-reason"),
        ("warning", "unreachable-rule"),
        ("warning", "condition-always-errs"),
    ]
    keys = {"path", "line", "column", "pointer", "severity", "check", "message", "hint"}
    assert all(set(one) == keys for one in told)


def test_tables_of_the_package_are_not_called_unused(folder):
    assert (type_in("policy", "lint", folder).out, type_in("policy", "lint", "default").code) == (
        "ok 2 rules\n",
        0,
    )


def test_an_equal_folder_is_no_difference(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "there")
    (tmp_path / "there/files.yaml").rename(tmp_path / "there/renamed.yaml")
    ran = type_in("policy", "diff", folder, tmp_path / "there")
    assert (ran.code, ran.out, ran.err) == (0, "ok no difference\n", "")
    assert type_in("policy", "diff", folder, tmp_path / "there", "--json").json == {
        "equal": True,
        "changes": [],
    }


def test_differences_are_told_in_words_what_loosens_first(folder, tmp_path):
    rules = RULES.replace('"wipe*"', '"wipe.all"').replace(
        "effect: allow", "effect: allow\n    valid_for: 30s"
    )
    more = SUSPECT.replace("effect: allow", "effect: deny").partition("  - id: odd")
    other = write(tmp_path / "there", rules + more[1] + more[2], users="x: {level: 3}\n")
    ran = type_in("policy", "diff", folder, other)
    assert (ran.code, ran.err) == (1, "")
    assert ran.out == (
        "can only loosen:\n"
        "  rule `wipes` changed (files.yaml:10:5)\n"
        "    actions: added wipe.all; removed wipe*\n"
        "can loosen or tighten:\n"
        "  data `users` changed\n"
        "    x.level: none -> 3\n"
        "can only tighten:\n"
        "  rule `reads` changed (files.yaml:5:5)\n"
        "    valid_for: 1m -> 30s\n"
        "  rule `odd` added (files.yaml:14:5)\n"
        "    effect: deny\n"
        "    actions: odd\n"
        "    when: context.on && now > context.since\n"
        "differ 4 changes, 2 of which can loosen a decision\n"
    )


def test_differences_as_json(folder, tmp_path):
    other = write(tmp_path / "there", RULES.replace("effect: deny", "effect: allow"), users="x: {}\n")
    ran = type_in("policy", "diff", folder, other, "--json")
    assert (ran.code, ran.json["equal"]) == (1, False)
    (change,) = ran.json["changes"]
    assert (change["what"], change["kind"], change["name"]) == ("rule", "changed", "wipes")
    assert (change["direction"], change["place"]) == ("loosens", "files.yaml:9:5")
    assert change["details"][0] == {"field": "effect", "old": "deny", "new": "allow"}


def test_many_differences_of_a_document_are_shortened_for_people_only(folder, tmp_path):
    other = write(tmp_path / "there", users="".join(f"u{n}: {{}}\n" for n in range(30)))
    assert "    and 11 more (--json has all)\n" in type_in("policy", "diff", folder, other).out
    (change,) = type_in("policy", "diff", folder, other, "--json").json["changes"]
    assert len(change["details"]) == 31


@pytest.mark.parametrize("order", [1, -1])
def test_a_folder_that_does_not_load_is_not_compared(order, folder, tmp_path):
    broken = write(tmp_path / "there", RULES.replace("effect: deny", "effect: refuse"))
    ran = type_in("policy", "diff", *[folder, broken][::order])
    assert (ran.code, ran.out) == (78, "")
    assert f"{broken}/files.yaml:11:13: `refuse` is not one of allow, approve, deny" in ran.err


@pytest.mark.parametrize(("flags", "text", "other"), [((), RULES, TESTS), (("--tests",), TESTS, RULES)])
def test_the_schema_is_that_of_one_kind_of_document(flags, text, other):
    ran = type_in("policy", "schema", *flags)
    assert (ran.code, ran.err) == (0, "")
    assert ran.json["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    validator = Draft202012Validator(json.loads(ran.out))
    assert validator.is_valid(yaml.safe_load(text))
    assert not validator.is_valid(yaml.safe_load(other))
