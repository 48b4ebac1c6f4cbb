"""The account of one verb: from its base and the facts of a request to 0-99, each step with its line.

1. Start from the verb's base.
2. Add what each fact adds, no more for a group than its limit, and no more than 99 in all.
3. CVSS: where facts raise the verb's vector, the rise takes its share of what is left up to 100.
4. NIST: likewise where facts raise likelihood or impact by SP 800-30.
5. A floor that a fact sets holds.

A fact that the verb implies, or whose row spares the verb's effect, does nothing. Every step is monotone in
the facts; in steps 3 and 4 because with integers a share falls by at most 1 when the total rises by 1.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from sidecar.core.model import Cvss, Nist
from sidecar.core.risk.cvss import difference, raised
from sidecar.core.risk.nist import Level, at_least, percent, risk_level
from sidecar.core.risk.table import FactRow, RiskTable, VerbRow

TOP: Final = 99


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the explanation and the points that it adds."""

    line: str
    points: int


@dataclass(frozen=True, slots=True)
class Account:
    """How one verb scores: the steps, which sum to the score, and the measures behind them."""

    verb: str
    steps: tuple[Step, ...]
    cvss: Cvss
    nist: Nist

    @property
    def score(self) -> int:
        return sum(step.points for step in self.steps)


class Ledger:
    """Accounts by one risk table. `base_score` gives the CVSS score of a vector."""

    def __init__(self, table: RiskTable, base_score: Callable[[str], float]) -> None:
        self._table = table
        self._base_score = base_score
        self._concerning = {name: _concerning(table, row) for name, row in table.verbs.items()}

    def account(self, name: str, why: str, found: Mapping[int, str]) -> Account:
        """How this verb scores with these facts; `why` says what made it this verb, if not its name."""
        row = self._table.verbs[name]
        facts = [(fact, found[number]) for number, fact in self._concerning[name] if number in found]
        return self._sum(name, Step(f"base {row.base} ({name}{why})", row.base), facts)

    def _sum(self, name: str, base: Step, facts: list[tuple[FactRow, str]]) -> Account:
        row = self._table.verbs[name]
        steps = [base, *self._additions(row.base, facts)]
        cvss = self._cvss(row, facts)
        steps += self._cvss_step(_total(steps), row, cvss)
        nist = _nist(row, facts)
        steps += self._nist_step(_total(steps), row, nist)
        steps += _floor(_total(steps), facts)
        return Account(name, tuple(steps), cvss, nist)

    def _additions(self, base: int, facts: list[tuple[FactRow, str]]) -> Iterator[Step]:
        room = TOP - base
        left = dict(self._table.groups)
        for fact, detail in facts:
            if not fact.add:
                continue
            points = min(fact.add, room, left.get(fact.group, TOP))
            if fact.group:
                left[fact.group] -= points
            room -= points
            yield Step(because(fact, detail), points)

    def _cvss(self, row: VerbRow, facts: list[tuple[FactRow, str]]) -> Cvss:
        vector = raised(row.cvss, [fact.cvss for fact, _ in facts if fact.cvss])
        return Cvss(f"CVSS:3.1/{vector}", self._base_score(vector))

    def _cvss_step(self, total: int, row: VerbRow, cvss: Cvss) -> Iterator[Step]:
        rise = round((cvss.score - self._base_score(row.cvss)) * 10)
        points = share(total, self._table.weights.cvss, rise)
        if points > 0:
            yield Step(f"CVSS {difference(row.cvss, cvss.vector.partition('/')[2])}", points)

    def _nist_step(self, total: int, row: VerbRow, nist: Nist) -> Iterator[Step]:
        before = risk_level(row.likelihood, row.impact)
        rise = percent(Level(nist.level)) - percent(before)
        points = share(total, self._table.weights.nist, rise)
        if points > 0:
            yield Step(f"NIST risk {before} to {nist.level}", points)


def _concerning(table: RiskTable, row: VerbRow) -> tuple[tuple[int, FactRow], ...]:
    facts = enumerate(table.facts.items())
    return tuple(
        (number, fact)
        for number, (name, fact) in facts
        if name not in row.implies and row.effect not in fact.spares
    )


def share(total: int, weight: int, rise: int) -> int:
    """The points that a rise (0-100) takes of what is left above `total`, at a weight of so many per cent."""
    return (100 - total) * weight * rise // 10_000


def _total(steps: list[Step]) -> int:
    return sum(step.points for step in steps)


def _nist(row: VerbRow, facts: list[tuple[FactRow, str]]) -> Nist:
    likelihood, impact = row.likelihood, row.impact
    for fact, _ in facts:
        likelihood, impact = at_least(likelihood, fact.likelihood), at_least(impact, fact.impact)
    return Nist(likelihood.value, impact.value, risk_level(likelihood, impact).value)


def _floor(total: int, facts: list[tuple[FactRow, str]]) -> Iterator[Step]:
    if not facts:
        return
    fact, detail = max(facts, key=lambda item: item[0].floor)
    if fact.floor > total:
        yield Step(f"floor {fact.floor}: {because(fact, detail)}", fact.floor - total)


def because(fact: FactRow, detail: str) -> str:
    """What the fact is called here."""
    return fact.because.replace("{}", detail)
