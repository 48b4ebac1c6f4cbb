"""The case: one request with all that the controls look at, found out once for all of them."""

from typing import Final

import msgspec

from sidecar.core.caller import Agent
from sidecar.core.delegation import Kin, Lineage
from sidecar.core.model import Caller, Request, Risk
from sidecar.core.policy import Inputs, PolicyResult
from sidecar.core.scoring import Facts, raised
from sidecar.core.snapshot import Snapshot

NOTHING_GRANTED: Final[frozenset[str]] = frozenset()


class Case(msgspec.Struct, frozen=True, gc=False):
    """What the controls look at. `risk` and `policy` are None where they could not be found out.

    `above` is the same of each agent that this is done for, nearest first.
    """

    snapshot: Snapshot
    request: Request
    caller: Caller
    now: float
    agent: Agent | None
    risk: Risk | None
    policy: PolicyResult | None
    failures: tuple[str, ...] = ()
    granted: frozenset[str] = NOTHING_GRANTED
    facts: Facts = None
    kin: Kin = None
    above: tuple["Case", ...] = ()

    @property
    def groups(self) -> tuple[str, ...]:
        """Those of the agent, and of every agent that this is done for."""
        own = self.agent.groups if self.agent is not None else ()
        if not self.above:
            return own
        return own + tuple(group for one in self.above if one.agent for group in one.agent.groups)


def examine(
    snapshot: Snapshot,
    request: Request,
    caller: Caller,
    now: float,
    risk: Risk | None,
    granted: frozenset[str],
    facts: Facts,
) -> Case:
    """The case of one request, without the agents above; the arguments are those of the judgement. Never raises."""
    bundle = snapshot.bundle
    if bundle is None:
        return Case(snapshot, request, caller, now, None, None, None)
    subject = request.subject
    agent = bundle.agents.find(f"{subject.type}:{subject.id}") if bundle.agents else None
    try:
        if risk is None:
            risk = bundle.risk.assess(request)
        if facts is not None:
            risk = raised(risk, facts, bundle.risk.bands)
        policy = bundle.policies.evaluate(Inputs(request, risk, caller, now, granted=granted))
    except Exception as error:  # noqa: BLE001 - what failed is lacking, and the control that needs it denies
        return Case(snapshot, request, caller, now, agent, risk, None, (type(error).__name__,), facts=facts)
    return Case(snapshot, request, caller, now, agent, risk, policy, granted=granted, facts=facts)


def with_kin(case: Case, kin: Kin) -> Case:
    """The case with those of the agents above: the same request, as if each of them had made it.

    The risk is that of what is done, whoever does it. What people approved, they approved of this agent.
    """
    if not isinstance(kin, Lineage):
        return case if kin is None else msgspec.structs.replace(case, kin=kin)
    above = tuple(
        examine(
            case.snapshot,
            msgspec.structs.replace(case.request, subject=subject),
            case.caller,
            case.now,
            case.risk,
            NOTHING_GRANTED,
            case.facts,
        )
        for subject in kin.ancestors
    )
    return msgspec.structs.replace(case, kin=kin, above=above)
