"""The risk table: `data/risk.yaml` as values. All that is judgement stands there, all that is method in code.

A fact is anything about a request, besides its verb, that can raise its risk. Its row says how it is
recognised and what it adds; nothing in a table can lower a score, because no amount here may be negative.
"""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from sidecar.core.risk.cvss import Metrics
from sidecar.core.risk.nist import Level

Score = Annotated[int, Meta(ge=0, le=99)]
Percent = Annotated[int, Meta(ge=0, le=100)]
Text = Annotated[str, Meta(min_length=1, max_length=200)]
Technique = Annotated[str, Meta(pattern=r"^T[0-9]{4}(\.[0-9]{3})?$")]
Words = tuple[Text, ...]


class Effect(StrEnum):
    """How an action can be undone (the four classes of OWASP AISVS 9.2.3)."""

    READ_ONLY = "read_only"
    REVERSIBLE = "reversible"
    EXTERNAL = "externally_reversible"
    IRREVERSIBLE = "irreversible"


class Language(StrEnum):
    """What the argument of a verb is written in, so that it can be looked into."""

    COMMAND = "command"
    STATEMENT = "statement"


class Tactic(StrEnum):
    """The tactics of MITRE ATT&CK for Enterprise, v15 to v18."""

    RECONNAISSANCE = "reconnaissance"
    RESOURCE_DEVELOPMENT = "resource-development"
    INITIAL_ACCESS = "initial-access"
    EXECUTION = "execution"
    PERSISTENCE = "persistence"
    PRIVILEGE_ESCALATION = "privilege-escalation"
    DEFENSE_EVASION = "defense-evasion"
    CREDENTIAL_ACCESS = "credential-access"
    DISCOVERY = "discovery"
    LATERAL_MOVEMENT = "lateral-movement"
    COLLECTION = "collection"
    COMMAND_AND_CONTROL = "command-and-control"
    EXFILTRATION = "exfiltration"
    IMPACT = "impact"


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of every part of the table: frozen, and strict about its keys."""


class Fields(Row, frozen=True, forbid_unknown_fields=True):
    """Which resource types, and which properties of action, resource and context, hold something."""

    resource_types: frozenset[str] = frozenset()
    properties: frozenset[str] = frozenset()


class Tools(Fields, frozen=True, forbid_unknown_fields=True):
    """Actions that only carry another: the tool called is the resource, or named by one of the properties."""

    actions: frozenset[str] = frozenset()


class AttackRow(Row, frozen=True, forbid_unknown_fields=True):
    """MITRE ATT&CK tactic and technique."""

    tactic: Tactic
    technique: Technique


class VerbRow(Row, frozen=True, forbid_unknown_fields=True):
    """A kind of action. `aliases` are whole names; `words` are phrases that a name has, in any order.

    `get|read secret` is a phrase of two words, the first of them either one.
    """

    base: Score
    cvss: Text
    effect: Effect
    likelihood: Level
    impact: Level
    attack: AttackRow | None = None
    aliases: Words = ()
    words: Words = ()
    implies: Words = ()
    inspect: Language | None = None


class PathSigns(Row, frozen=True, forbid_unknown_fields=True):
    """Paths that a fact is about, without regard to case.

    `under` are absolute directories, `within` the names of directories or files anywhere in the path, `names`
    those of its last part (`*` at one end), `fragments` several parts in a row, anywhere, and `contains` any
    text.
    """

    under: Words = ()
    within: Words = ()
    names: Words = ()
    fragments: Words = ()
    contains: Words = ()


class CountSign(Row, frozen=True, forbid_unknown_fields=True):
    """A number, or the length of a list, in one of the properties that is at least this."""

    properties: Words
    at_least: Annotated[int, Meta(ge=1)]


class CommandSign(Row, frozen=True, forbid_unknown_fields=True):
    """A command line that has one of each list: program, flag and word; an empty list asks for nothing."""

    programs: frozenset[str] = frozenset()
    flags: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()


class Becomes(Row, frozen=True, forbid_unknown_fields=True):
    """The verb that a request with this fact also is, if its own has one of the effects or is one of `verbs`."""

    verb: str
    effects: frozenset[Effect] = frozenset(Effect)
    verbs: frozenset[str] = frozenset()


class FactRow(Row, frozen=True, forbid_unknown_fields=True):
    """What a fact is called, what it adds, and how it is recognised.

    `because` may have a `{}` for what was recognised. `floor` is the least score of a request with this fact;
    verbs whose effect is among `spares` are not concerned by it at all.
    """

    because: Text
    add: Score = 0
    group: str = ""
    floor: Score = 0
    cvss: Metrics | None = None
    likelihood: Level | None = None
    impact: Level | None = None
    spares: frozenset[Effect] = frozenset()
    becomes: tuple[Becomes, ...] = ()
    paths: PathSigns | None = None
    flags: Words = ()
    labels: Words = ()
    counts: tuple[CountSign, ...] = ()
    hosts: Words = ()
    resource_words: Words = ()
    commands: tuple[CommandSign, ...] = ()
    statements: Words = ()
    excess: bool = False


class Weights(Row, frozen=True, forbid_unknown_fields=True):
    """Per cent of what is left up to 100 that the widest rise takes: of CVSS by 10.0, of NIST by 4 levels."""

    cvss: Percent
    nist: Percent


class Bands(Row, frozen=True, forbid_unknown_fields=True):
    """The scores from which on a risk is called medium, high and critical."""

    medium: Score
    high: Score
    critical: Score


class RiskTable(Row, frozen=True, forbid_unknown_fields=True):
    """`data/risk.yaml`. `groups` limit what the facts of a group add together."""

    bands: Bands
    weights: Weights
    paths: Fields
    urls: Fields
    tools: Tools
    labels: frozenset[str]
    commands: frozenset[str]
    statements: frozenset[str]
    groups: dict[str, Score]
    verbs: dict[str, VerbRow]
    facts: dict[str, FactRow]
