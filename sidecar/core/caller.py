"""Caller identity: which subject ids are bound to which peers, and whether this caller may use one.

`data/agents.yaml` maps a subject (`type:id`) to the uids and bearer tokens that may speak for it. A subject that it
binds can be claimed by nobody else; one that it does not bind can be claimed by any caller.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from sidecar.core.model import Caller, Object, Subject, Thresholds


class Agent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of `data/agents.yaml`. `tokens` are hex SHA-256 digests of bearer tokens, never the tokens.

    `groups` are what halts can name many agents by.
    """

    description: str = ""
    uids: tuple[int, ...] = ()
    tokens: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    thresholds: Thresholds | None = None
    properties: Object = {}

    @property
    def is_bound(self) -> bool:
        return bool(self.uids or self.tokens)

    def admits(self, caller: Caller) -> bool:
        """Whether the kernel's uid or the presented token is one that this subject is bound to."""
        return caller.uid in self.uids or caller.token_id in self.tokens


class Agents:
    """The agents that the bundle knows, by `type:id`.

    `tokens` is every token digest that some agent is bound to, so that a door knows which tokens to look for.
    """

    __slots__ = ("_agents", "_of_token", "tokens")

    def __init__(self, agents: Mapping[str, Agent]) -> None:
        self._agents = agents
        bound = [(token, name) for name, agent in agents.items() for token in agent.tokens]
        self.tokens = frozenset(token for token, _ in bound)
        counts = Counter(token for token, _ in set(bound))
        self._of_token = {token: name for token, name in bound if counts[token] == 1}

    def find(self, subject: str) -> Agent | None:
        return self._agents.get(subject)

    def groups_of(self, subjects: Iterable[Subject]) -> tuple[str, ...]:
        """The groups that any of them is in."""
        found = (self.find(f"{subject.type}:{subject.id}") for subject in subjects)
        return tuple(group for agent in found if agent is not None for group in agent.groups)

    def of_token(self, token_id: str) -> str:
        """The one subject that this token is bound to, as `type:id`; "" where it is none, or could be several."""
        return self._of_token.get(token_id, "")

    def __bool__(self) -> bool:
        return bool(self._agents)
