"""The risk model: one risk table made ready, so that most requests cost two look-ups.

Its memory is of pure functions and bounded, so it shows in nothing but time.
"""

from functools import lru_cache
from typing import Final

from sidecar.core.forwarded import HTTP_PATH
from sidecar.core.model import Request, Risk
from sidecar.core.policy.paths import PathRules
from sidecar.core.risk.cvss import VECTORS, base_score
from sidecar.core.risk.names import Names
from sidecar.core.risk.observe import Observer
from sidecar.core.risk.parse import UNKNOWN
from sidecar.core.risk.score import Scorer
from sidecar.core.risk.table import RiskTable

_NAMES: Final = 2048
_SCORES: Final = 4096
_LONGEST_NAME: Final = 200


class RiskModel:
    """Assesses requests by one risk table."""

    def __init__(self, table: RiskTable) -> None:
        names = Names(table.verbs)
        self.bands = table.bands
        # Whatever a bundle's own table says: the door of forwarded requests relies on it.
        self.paths = PathRules(table.paths.resource_types | {HTTP_PATH}, table.paths.properties)
        self._tools = table.tools
        self._tool_names = sorted(table.tools.properties)
        self._observer = Observer(table)
        self._scorer = Scorer(table, lru_cache(VECTORS)(base_score))
        self._verb = lru_cache(_NAMES)(names.verb)
        self._scored = lru_cache(_SCORES)(self._score)
        self._plain = {name: self._scorer.risk(name, {}) for name in table.verbs}
        self._language = {name: verb.inspect for name, verb in table.verbs.items()}

    def assess(self, request: Request) -> Risk:
        """The risk of this request, from its verb and its facts. Depends on nothing else; never raises."""
        verb = self._verb_of(request)
        facts = self._observer.facts(request, self._language[verb])
        return self._scored(verb, tuple(facts.items())) if facts else self._plain[verb]

    def _verb_of(self, request: Request) -> str:
        name, kind = request.action.name, request.resource.type
        if name in self._tools.actions:
            name, kind = self._tool(request), ""
        if len(name) > _LONGEST_NAME or len(kind) > _LONGEST_NAME:
            return UNKNOWN
        return self._verb(name, kind)

    def _tool(self, request: Request) -> str:
        if request.resource.type in self._tools.resource_types:
            return request.resource.id
        sources = (request.action.properties, request.context)
        said = (source.get(key) for source in sources for key in self._tool_names)
        return next((name for name in said if isinstance(name, str)), UNKNOWN)

    def _score(self, verb: str, facts: tuple[tuple[int, str], ...]) -> Risk:
        return self._scorer.risk(verb, dict(facts))
