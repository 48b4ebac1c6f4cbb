"""A bundle: policies and data, parsed strictly and compiled, under one revision.

The files of a bundle are `*.yaml` (policies), `data/*.yaml` (the file's name is the document's name) and
`tests/*_test.yaml`, which are not part of what decides.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sidecar.core.caller import Agent, Agents
from sidecar.core.document import Document, DocumentError, parse_documents, read
from sidecar.core.errors import Diagnostic, MalformedBundle, Place
from sidecar.core.masking import MaskTable
from sidecar.core.policy import Data, Defaults, PolicyTable, compile_policies, parse_policies
from sidecar.core.risk import RiskModel, parse_risk, with_own_folders


@dataclass(frozen=True, slots=True)
class Bundle:
    """Only `load_bundle` makes one. `digest` is the hex SHA-256 over the names and bytes of its files."""

    name: str
    revision: str
    digest: str
    source: str
    policies: PolicyTable
    data: Data
    risk: RiskModel
    masking: MaskTable
    agents: Agents


def load_bundle(
    files: Mapping[str, bytes], defaults: Mapping[str, bytes], source: str, own: Sequence[str] = ()
) -> Bundle:
    """An unsigned bundle from a trusted folder's files; `defaults` fills in data tables that it does not replace.

    `own` are the absolute folders of the daemon itself, which the risk table guards besides those that it names.
    The revision is `unsigned:<digest>`. Raises MalformedBundle with every finding.
    """
    tables = {name: raw for name, raw in defaults.items() if name.startswith("data/")}
    decisive = tables | {name: raw for name, raw in files.items() if not name.startswith("tests/")}
    documents = _parse(decisive)
    policies = parse_policies([d for name, parsed in documents.items() if "/" not in name for d in parsed])
    data = _data(documents)
    try:
        risk = RiskModel(with_own_folders(parse_risk(data["risk"]), own))
        masking = read(data["masking"], MaskTable)
        agents = read(data["agents"], dict[str, Agent]) if "agents" in data else {}
    except DocumentError as error:
        raise MalformedBundle(*error.diagnostics) from error
    _check_stages(data, agents, policies.defaults)
    lookups = Data({name: document.value for name, document in data.items()})
    digest = _digest(decisive)
    bundle = Bundle(
        name="default",
        revision=f"unsigned:{digest[:12]}",
        digest=digest,
        source=source,
        policies=compile_policies(policies, lookups, risk.paths),
        data=lookups,
        risk=risk,
        masking=masking,
        agents=Agents(agents),
    )
    for document in (d for name, parsed in documents.items() if "/" not in name for d in parsed):
        document.release()
    return bundle


def _check_stages(data: Mapping[str, Document], agents: Mapping[str, Agent], defaults: Defaults) -> None:
    """An agent's limit from which on people must approve needs people to ask."""
    if defaults.stages:
        return
    hint = "add defaults.approval to a policy"
    findings = [
        Diagnostic(
            data["agents"].place(name, "thresholds", "approve"), "there is nobody to ask for approval", hint
        )
        for name, agent in agents.items()
        if agent.thresholds and agent.thresholds.approve is not None
    ]
    if findings:
        raise MalformedBundle(*findings)


def read_masking(files: Mapping[str, bytes]) -> MaskTable:
    """The masking table alone, for records that are written before any bundle is active."""
    (document,) = parse_documents("data/masking.yaml", files["data/masking.yaml"])
    return read(document, MaskTable)


def _parse(files: Mapping[str, bytes]) -> dict[str, tuple[Document, ...]]:
    documents: dict[str, tuple[Document, ...]] = {}
    findings: list[Diagnostic] = []
    for name, raw in sorted(files.items()):
        try:
            documents[name] = parse_documents(name, raw)
        except DocumentError as error:
            findings += error.diagnostics
    if findings:
        raise MalformedBundle(*findings)
    return documents


def _data(documents: Mapping[str, tuple[Document, ...]]) -> dict[str, Document]:
    data: dict[str, Document] = {}
    findings: list[Diagnostic] = []
    for name, parsed in documents.items():
        if not name.startswith("data/"):
            continue
        if len(parsed) == 1 and isinstance(parsed[0].value, dict):
            data[name.removeprefix("data/").removesuffix(".yaml")] = parsed[0]
        else:
            hint = "look-ups find entries by key"
            findings.append(Diagnostic(Place(name), "a data document is one mapping from key to entry", hint))
    if findings:
        raise MalformedBundle(*findings)
    return data


def _digest(files: Mapping[str, bytes]) -> str:
    """Over names and bytes, each name's digest before its bytes' digest, so that no two sets of files collide."""
    total = hashlib.sha256()
    for name, raw in sorted(files.items()):
        total.update(hashlib.sha256(name.encode()).digest())
        total.update(hashlib.sha256(raw).digest())
    return total.hexdigest()
