"""One set of rules, as values: what every policy engine of a run is given, each in its own language.

A few rules are candidates for the measured request, however many there are; all others belong to other
actions, other resource types, or both. 10 % name their action by a glob, 1 % name no action at all.
"""

from dataclasses import dataclass
from typing import Any, Final

import msgspec

REQUEST: Final = (
    '{"subject":{"type":"agent","id":"payment-7"},'
    '"action":{"name":"payments.transfer","properties":{"amount":1200}},'
    '"resource":{"type":"payment_gateway","id":"stripe","properties":{"currency":"EUR"}},'
    '"context":{"session":"s-4711","environment":"staging"}}'
)
"""The AuthZEN evaluation that every figure is about: 251 bytes."""

SCORED_ACTION: Final = "ledgers.export"
SCORED_RESOURCE: Final = "ledger"
"""What only a rule speaks of that leaves the score to the platform."""

PAYEES: Final = ("stripe", *(f"payee-{number}" for number in range(99)))
"""The stored data that the matching rule looks its resource up in."""

GATEWAY: Final = "payment_gateway"
SYSTEMS: Final = (
    "orders",
    "invoices",
    "payroll",
    "customers",
    "files",
    "mail",
    "tickets",
    "repos",
    "payments",
    "paydays",
)
VERBS: Final = ("read", "write", "delete", "export", "share", "list", "restore")
EFFECTS: Final = ("allow", "allow", "approve", "allow", "deny", "allow", "allow")


@dataclass(frozen=True, slots=True)
class Condition:
    """The same question in three languages: CEL over our variables, CEL over Cerbos', and Rego."""

    ours: str
    cerbos: str
    rego: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `agents` is a prefix of the subject's id; `action` may hold `*`; None matches everything."""

    id: str
    effect: str
    resource: str
    action: str | None = None
    agents: str | None = None
    condition: Condition | None = None


_CANDIDATES: Final = (
    Rule(
        "small-payments",
        "allow",
        GATEWAY,
        "payments.transfer",
        "payment-",
        # Cerbos hands a policy no action properties of an AuthZEN request, hence the currency.
        Condition(
            'action.properties.amount < 10000 && known("payees", resource.id)',
            'R.attr.currency == "EUR" && R.id in C.payees',
            "input.action.properties.amount < 10000\n\tdata.payees[input.resource.id]",
        ),
    ),
    Rule(
        "large-payments",
        "approve",
        GATEWAY,
        "payments.*",
        "payment-",
        Condition(
            "action.properties.amount >= 10000",
            'R.attr.currency == "XXX"',
            "input.action.properties.amount >= 10000",
        ),
    ),
    Rule("suspended-agents", "deny", GATEWAY, "payments.transfer", "suspended-"),
)


def rule_set(count: int) -> tuple[Rule, ...]:
    """`count` rules, the same ones in every run."""
    return (*_CANDIDATES, *(_filler(number) for number in range(len(_CANDIDATES), count)))


def scored_request(number: int) -> dict[str, Any]:
    """An AuthZEN evaluation of about the same size that the platform is to score; each number is another action."""
    return {
        "subject": {"type": "agent", "id": "payment-7"},
        "action": {"name": SCORED_ACTION, "properties": {"amount": number}},
        "resource": {"type": SCORED_RESOURCE, "id": "stripe", "properties": {"currency": "EUR"}},
        "context": {"session": "s-4711", "environment": "staging"},
    }


def held_request(number: int) -> dict[str, Any]:
    """The measured request over another amount, which people must approve; each number is another action."""
    request: dict[str, Any] = msgspec.json.decode(REQUEST)
    request["action"]["properties"]["amount"] = 10_000 + number
    return request


def _filler(number: int) -> Rule:
    system = SYSTEMS[number % len(SYSTEMS)]
    store = f"{system}_store_{number // len(SYSTEMS) % 5}"
    word = f"{VERBS[number % len(VERBS)]}-{number}"
    agents = f"{system}-" if number % 2 else None
    if number % 100 == 50:
        return Rule(f"retired-{number}", "deny", store, None, "retired-")
    if number % 100 == 95:
        return Rule(f"any-{number}", "approve", store, f"*.{word}", agents)
    if number % 10 == 5:
        return Rule(f"glob-{number}", _effect(number), store, f"{system}.{word}*", agents, _condition(number))
    resource = GATEWAY if number % 50 == 8 else store
    return Rule(f"rule-{number}", _effect(number), resource, f"{system}.{word}", agents, _condition(number))


def _effect(number: int) -> str:
    return EFFECTS[number % len(EFFECTS)]


def _condition(number: int) -> Condition | None:
    if number % 3:
        return None
    return Condition(
        f"action.properties.amount < {number}",
        f"R.attr.amount < {number}",
        f"input.action.properties.amount < {number}",
    )
