"""Which chains become variables of their own, and what the condition is then."""

import pytest

from sidecar.core.policy.flat import flatten
from sidecar.core.policy.reading import read_condition
from sidecar.core.policy.tokens import tokens


def flat(source: str) -> str:
    return flatten(source, read_condition(tokens(source)))[0]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("action.properties.amount < 10", "flat__action__properties__amount < 10"),
        ("action . properties\n.amount<10", "flat__action__properties__amount<10"),
        ("subject.id == resource.id", "flat__subject__id == flat__resource__id"),
        ("action.name.startsWith('x')", "flat__action__name.startsWith('x')"),
        ("context.list[0].x == 1", "flat__context__list[0].x == 1"),
        ("has(action.properties.amount)", "has(action.properties.amount)"),
        ("has((action.properties.amount))", "has((action.properties.amount))"),
        ("has(context.n) && context.n > 1", "has(context.n) && flat__context__n > 1"),
        ("'n' in context", "'n' in context"),
        ("[1].all(i, i < context.n)", "[1].all(i, i < flat__context__n)"),
        ("[subject].all(context, context.id == 'a')", "[subject].all(context, context.id == 'a')"),
        (
            "[1].all(flat__action__name, action.name == 'x')",
            "[1].all(flat__action__name, action.name == 'x')",
        ),
        ("lookup('users', subject.id).roles == []", "lookup('users', flat__subject__id).roles == []"),
        (
            "context.text == 'action.name' // action.name",
            "flat__context__text == 'action.name' // action.name",
        ),
    ],
)
def test_a_chain_becomes_a_variable_unless_it_is_asked_for(source, expected):
    assert flat(source) == expected
