"""People: who is behind a uid, who is asked, and that nobody in the file can vote for two."""

import pytest

from sidecar.core.bundle import Bundle
from sidecar.core.errors import MalformedBundle
from sidecar.core.people import People, Person
from sidecar.core.trust import PublicKey
from tests.tools.bundles import bundle
from tests.tools.signing import key

RULES = "rules: [{id: all, effect: allow, reason: x}]\n"
PUBLIC, OTHER = key(1).public, key(2).public


def loaded(text: str) -> Bundle:
    return bundle(RULES, people=text)


def problems(text: str) -> list[str]:
    with pytest.raises(MalformedBundle) as caught:
        loaded(text)
    return [f"{one.place}: {one.message}" for one in caught.value.diagnostics]


def pem(public: PublicKey) -> str:
    """As a block of YAML, indented by four."""
    return "|\n" + "".join(f"    {line}\n" for line in public.pem.decode().splitlines())


def test_a_person_is_found_behind_each_of_their_uids_and_by_name():
    people = loaded("ann: {uids: [1, 11], groups: [ops]}\nbob: {uids: [2]}\n").people
    assert [people.behind(uid).name for uid in (1, 11, 2)] == ["ann", "ann", "bob"]
    assert people.named("bob").person == Person(uids=(2,))
    assert people.named("carol") is None


def test_root_and_whoever_is_not_named_are_nobody():
    people = loaded("ann: {uids: [1]}\n").people
    assert [people.behind(uid) for uid in (0, 2, None)] == [None, None, None]


def test_root_is_somebody_where_it_is_named():
    assert loaded("ann: {uids: [0]}\n").people.behind(0).name == "ann"


def test_nobody_is_behind_a_uid_that_nobody_has_whatever_persons_are_called():
    people = People({"": Person(groups=("ops",)), "None": Person()})
    assert people.behind(7) is None
    assert people.behind(None) is None


def test_a_bundle_without_the_file_has_nobody():
    people = bundle(RULES).people
    assert not people
    assert people.behind(0) is None
    assert loaded("ann: {}\n").people


@pytest.mark.parametrize(
    ("approvers", "who"),
    [
        (("group:ops",), {"ann", "bob"}),
        (("person:ann",), {"ann"}),
        (("group:cfo", "person:carol"), {"bob", "carol"}),
        (("group:ann", "person:ops", "ops", "ann", "team:ops"), set()),
        ((), set()),
    ],
)
def test_approvers_are_persons_and_members_of_groups(approvers, who):
    people = loaded("ann: {groups: [ops]}\nbob: {groups: [ops, cfo]}\ncarol: {}\n").people
    assert people.among(approvers) == who
    assert {name for name in ("ann", "bob", "carol") if people.named(name).is_among(approvers)} == who


def test_all_that_may_be_asked_is_told():
    people = loaded("bob: {groups: [ops]}\nann: {groups: [ops, cfo]}\n").people
    assert people.approvers == ["group:cfo", "group:ops", "person:ann", "person:bob"]


def test_a_key_is_read_from_base64_or_pem():
    people = loaded(f"ann: {{key: {PUBLIC.text}}}\nbob:\n  key: {pem(OTHER)}").people
    assert (people.named("ann").key, people.named("bob").key) == (PUBLIC, OTHER)


def test_who_has_no_key_has_none():
    assert loaded("ann: {uids: [1]}\n").people.named("ann").key is None


def test_two_persons_behind_one_uid_are_refused():
    assert problems("ann: {uids: [1]}\nbob: {uids: [2, 1]}\n") == [
        "data/people.yaml:2:17: uid 1 is that of ann already"
    ]


def test_a_uid_that_one_person_has_twice_is_theirs():
    assert loaded("ann: {uids: [1, 1]}\n").people.behind(1).name == "ann"


def test_two_persons_with_one_key_are_refused_however_it_is_written():
    assert problems(f"ann: {{key: {PUBLIC.text}}}\nbob:\n  key: {pem(PUBLIC)}") == [
        "data/people.yaml:3:8: this key is that of ann already"
    ]


def test_every_person_who_could_vote_for_two_is_told():
    found = problems(f"ann: {{uids: [1], key: {PUBLIC.text}}}\nbob: {{uids: [1], key: {PUBLIC.text}}}\n")
    assert [one.partition(": ")[2] for one in found] == [
        "uid 1 is that of ann already",
        "this key is that of ann already",
    ]


@pytest.mark.parametrize("name", ["", " ann", "a b", "group:ann", "-ann", "ann\\n", "x" * 129, "änn"])
def test_a_name_is_a_word(name):
    for text in (f'"{name}": {{}}\n', f'ann: {{groups: ["{name}"]}}\n'):
        (problem,) = problems(text)
        assert problem.startswith("data/people.yaml:1:")
        assert "'s name of letters, digits, `.`, `_`, `@` and `-`" in problem


@pytest.mark.parametrize("name", ["ann", "ann@bank.example", "0", "A.b_c-d", "x" * 128])
def test_what_people_are_called_elsewhere_is_a_name(name):
    people = loaded(f'"{name}": {{groups: ["{name}"]}}\n').people
    assert people.among((f"group:{name}",)) == {name}


@pytest.mark.parametrize("uid", ["-1", "4294967295", "true", "'1'", "1.5"])
def test_a_uid_is_one_that_a_kernel_gives(uid):
    (problem,) = problems(f"ann: {{uids: [{uid}]}}\n")
    assert problem == "data/people.yaml:1:14: expected a uid, 0 to 4294967294"


def test_what_is_no_key_is_refused_and_not_shown():
    (problem,) = problems("ann: {key: hunter2}\n")
    assert "no public key" in problem
    assert "hunter2" not in problem


def test_a_key_that_people_have_not_is_unknown():
    (problem,) = problems("ann: {uid: [1]}\n")
    assert problem == "data/people.yaml:1:7: unknown key `uid`"
