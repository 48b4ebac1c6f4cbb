"""Conditions at load: every unknown name is found, at its place in the file, with what was meant."""

import pytest

from sidecar.core.errors import MalformedBundle
from tests.fakes.policies import table

DATA = {"users": {"a": {"roles": ["x"]}}, "payees": {"acme": {}}}


def findings(when: str) -> list[str]:
    with pytest.raises(MalformedBundle) as caught:
        table(f"rules:\n  - id: a\n    effect: allow\n    when: |\n      {when}\n", DATA)
    return [str(diagnostic) for diagnostic in caught.value.diagnostics]


@pytest.mark.parametrize(
    "when",
    [
        "action.properties.amount < 10000 && known('payees', resource.id)",
        "lookup('users', subject.id).roles.exists(r, r == 'x')",
        "has(context.ip) && context.ip.startsWith('10.')",
        "risk.score < 50 && risk.cvss.score < 9.0 && risk.attack.tactic != ''",
        "now.getHours() >= 8 && now - timestamp('2026-01-01T00:00:00Z') > duration('1h')",
        "!has(caller.uid) || caller.uid == 0",
        "threats.all(t, t.level != 'high') && has(approval.granted)",
        "type(action.properties.x) == int && size(subject.properties) > 0",
        "context.list.map(x, x * 2).filter(y, y > 2).exists_one(z, z == 4)",
        "action.name in ['read', \"write\", r'a\\b', '''x'''] // with a remark: unknown.name(x)",
        "subject.properties['unknown variable'] == 'nowhere.to(be)'",
        "{'a': 1}.all(k, k == 'a')",
        "resource.id.matches('^a+$') && dyn(1) == 1 && double('1.5') > 1.0",
        "lookup(context.document, 'a') == 1",
    ],
)
def test_what_the_language_has_loads(when: str):
    assert table(f"rules:\n  - id: a\n    effect: allow\n    when: |\n      {when}\n", DATA).rule_ids == (
        "a",
    )


@pytest.mark.parametrize(
    ("when", "column", "message"),
    [
        ("subjekt.id == 'x'", 7, "unknown variable `subjekt` (did you mean `subject`?)"),
        ("true && user == 'x'", 15, "unknown variable `user`"),
        ("'user' == user", 17, "unknown variable `user`"),
        ("subject.name == 'x'", 15, "`subject` has no `name`"),
        ("action.property.x == 1", 14, "`action` has no `property` (did you mean `properties`?)"),
        ("risk.cvss.scor > 1.0", 17, "`risk.cvss` has no `scor` (did you mean `score`?)"),
        ("caller.pid == 1", 14, "`caller` has no `pid`"),
        ("resource.id.startWith('x')", 19, "unknown method `startWith` (did you mean `startsWith`?)"),
        ("knwon('payees', 'x')", 7, "unknown function `knwon` (did you mean `known`?)"),
        ("'x'.lookup('users')", 11, "unknown method `lookup`"),
        ("known('payee', 'x')", 13, "no data document `payee` (did you mean `payees`?)"),
        ('lookup("user", "x").a == 1', 14, "no data document `user` (did you mean `users`?)"),
        ("known('payees')", 7, "`known` takes a document and a key"),
        ("[1].all(x, x > 0) && x > 0", 28, "unknown variable `x`"),
        ("[1].all(action, action > 0)", 15, "`action` is taken"),
        ("[[1]].all(x, x.exists(y, y > 0))", 22, "comprehensions do not nest"),
        ("context.all(k, v, v > 0)", 15, "`all` takes a name and an expression"),
        ("[1].exists()", 11, "`exists` takes a name and an expression"),
        (".subject.id == 'x'", 7, "a name does not begin with a dot"),
        ("Thing{a: 1}.a == 1", 7, "messages such as `Thing{}` do not exist here"),
        ("resource.id.matches('[')", 27, "`matches` can do nothing with '['"),
        ("duration('5q') > duration('1s')", 16, "`duration` can do nothing with '5q'"),
        ("timestamp('monday') < now", 17, "`timestamp` can do nothing with 'monday'"),
        ("action.name ==", 21, "not CEL: mismatched input"),
        ("a b", 9, "not CEL: extraneous input 'b'"),
        ("action.name === 'x'", 21, "not CEL"),
    ],
)
def test_a_wrong_name_is_found_at_its_place(when: str, column: int, message: str):
    first = findings(when)[0]
    assert first.startswith(f"policy.yaml:8:{column}: ")
    assert message in first


def test_every_wrong_name_is_found_not_only_the_first():
    assert [f.split(": ")[0] for f in findings("one == 1 && action.two == 2 && three(3)")] == [
        "policy.yaml:8:7",
        "policy.yaml:8:26",
        "policy.yaml:8:38",
    ]


def test_places_are_right_in_folded_text_too():
    body = "rules:\n  - id: a\n    effect: allow\n    when: >-\n      true &&\n      nothing == 1\n"
    with pytest.raises(MalformedBundle, match=r"policy\.yaml:9:7: unknown variable `nothing`"):
        table(body)


@pytest.mark.parametrize("nesting", ["(" * 2000 + "true" + ")" * 2000, "[" * 2000 + "]" * 2000])
def test_a_condition_is_bounded_in_length(nesting: str):
    with pytest.raises(MalformedBundle):
        table(f"rules: [{{id: a, effect: allow, when: '{nesting}'}}]")


def test_the_deepest_condition_that_fits_is_refused_not_crashed_on():
    with pytest.raises(MalformedBundle, match="not CEL"):
        table(f"rules: [{{id: a, effect: allow, when: '{'(' * 2000}true{')' * 2000}'}}]")
