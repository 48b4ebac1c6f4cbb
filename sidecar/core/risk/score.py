"""The score of a request: a verb and facts, several verbs perhaps, one answer that explains itself.

Facts can make another verb of a request: to read a secret file is to read a secret. It then goes by the verb
with the highest base, but scores no less than any of the others.
"""

from collections.abc import Callable, Mapping
from typing import Final

from sidecar.core.model import Attack, Risk
from sidecar.core.risk.account import Account, Ledger, Step, because
from sidecar.core.risk.table import Bands, RiskTable

_NO_ATTACK: Final = Attack("", "")


class Scorer:
    """The composite of one risk table. `base_score` gives the CVSS score of a vector."""

    def __init__(self, table: RiskTable, base_score: Callable[[str], float]) -> None:
        self._table = table
        self._facts = tuple(table.facts.values())
        self._ledger = Ledger(table, base_score)

    def risk(self, verb: str, found: Mapping[int, str]) -> Risk:
        """The assessment of a request that is this verb and has these facts, by number."""
        verbs = self._verbs(verb, found)
        accounts = [self._ledger.account(name, why, found) for name, why in verbs.items()]
        leading = max(accounts, key=lambda account: self._table.verbs[account.verb].base)
        highest = max(accounts, key=lambda account: account.score)
        attack = self._table.verbs[leading.verb].attack
        return Risk(
            score=highest.score,
            level=band(self._table.bands, highest.score),
            verb=leading.verb,
            because=_because(leading, highest),
            cvss=leading.cvss,
            nist=leading.nist,
            attack=Attack(attack.tactic.value, attack.technique) if attack else _NO_ATTACK,
        )

    def _verbs(self, verb: str, found: Mapping[int, str]) -> dict[str, str]:
        """The verb, and every other one that the facts make of it, with the reason."""
        verbs = {verb: ""}
        effect = self._table.verbs[verb].effect
        for number in sorted(found):
            fact = self._facts[number]
            for becomes in fact.becomes:
                if effect in becomes.effects or verb in becomes.verbs:
                    verbs.setdefault(becomes.verb, f": {because(fact, found[number])}")
        return verbs


def _because(leading: Account, highest: Account) -> tuple[str, ...]:
    steps = list(leading.steps)
    if highest.score > leading.score:
        steps.append(Step(f"no less than as {highest.verb}", highest.score - leading.score))
    return (steps[0].line, *(f"{step.line} +{step.points}" for step in steps[1:]))


def band(bands: Bands, score: int) -> str:
    """`low`, `medium`, `high` or `critical`: by default the bands of CVSS times ten."""
    if score >= bands.critical:
        return "critical"
    if score >= bands.high:
        return "high"
    return "medium" if score >= bands.medium else "low"
