"""Assembling: the documents of a bundle, from a folder or a signed payload, become what decides.

The files of a bundle are `*.yaml` (policies), `data/*.yaml` (the file's name is the document's name) and
`tests/*_test.yaml`, which are not part of what decides.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sidecar.core.bundle.model import Bundle, Signed
from sidecar.core.bundle.persons import read_people
from sidecar.core.caller import Agent, Agents
from sidecar.core.document import Document, DocumentError, parse_documents, read
from sidecar.core.errors import Diagnostic, MalformedBundle, Place
from sidecar.core.masking import MaskTable
from sidecar.core.people import People
from sidecar.core.policy import Data, Defaults, compile_policies, parse_policies
from sidecar.core.registry import Classification, McpServer, Model, Registry
from sidecar.core.risk import RiskModel, parse_risk, with_own_folders

Documents = Mapping[str, tuple[Document, ...]]


@dataclass(frozen=True, slots=True)
class Identity:
    """What a bundle is called and where it came from; the fields are those of Bundle."""

    name: str
    revision: str
    digest: str
    source: str
    signed: Signed | None = None


def load_folder(
    files: Mapping[str, bytes], defaults: Mapping[str, bytes], source: str, own: Sequence[str] = ()
) -> Bundle:
    """An unsigned bundle from a trusted folder's files; `defaults` fills in data tables that it does not replace.

    `own` are the absolute folders of the daemon itself, which the risk table guards besides those that it names.
    The revision is `unsigned:<digest>`. Raises MalformedBundle with every finding.
    """
    decisive = decisive_files(files, defaults)
    digest = _digest(decisive)
    return assemble(
        parse_files(decisive), Identity("default", f"unsigned:{digest[:12]}", digest, source), own
    )


def folder_digest(files: Mapping[str, bytes], defaults: Mapping[str, bytes]) -> str:
    """The digest of the bundle that `load_folder` would make of these files."""
    return _digest(decisive_files(files, defaults))


def decisive_files(files: Mapping[str, bytes], defaults: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files that decide: without tests, and with the default data tables that the author does not replace."""
    tables = {name: raw for name, raw in defaults.items() if name.startswith("data/")}
    return tables | {name: raw for name, raw in files.items() if not name.startswith("tests/")}


def assemble(documents: Documents, identity: Identity, own: Sequence[str]) -> Bundle:
    """Compile the documents, which are used up by it. Raises MalformedBundle with every finding."""
    policies = parse_policies(
        [document for name, parsed in documents.items() if "/" not in name for document in parsed]
    )
    data = _data(documents)
    try:
        risk = RiskModel(with_own_folders(parse_risk(_table(data, "risk")), own))
        masking = read(_table(data, "masking"), MaskTable)
        agents = read(data["agents"], dict[str, Agent]) if "agents" in data else {}
        people = read_people(data["people"]) if "people" in data else People({})
        registry = _registry(data)
    except DocumentError as error:
        raise MalformedBundle(*error.diagnostics) from error
    _check_stages(data, agents, policies.defaults)
    lookups = Data({name: document.value for name, document in data.items()})
    bundle = Bundle(
        name=identity.name,
        revision=identity.revision,
        digest=identity.digest,
        source=identity.source,
        policies=compile_policies(policies, lookups, risk.paths),
        data=lookups,
        risk=risk,
        masking=masking,
        agents=Agents(agents),
        people=people,
        registry=registry,
        signed=identity.signed,
        expires_at=identity.signed.expires_at if identity.signed else float("inf"),
    )
    for document in (d for name, parsed in documents.items() if "/" not in name for d in parsed):
        document.release()
    return bundle


def read_masking(files: Mapping[str, bytes]) -> MaskTable:
    """The masking table alone, for records that are written before any bundle is active."""
    (document,) = parse_documents("data/masking.yaml", files["data/masking.yaml"])
    return read(document, MaskTable)


def parse_files(files: Mapping[str, bytes]) -> dict[str, tuple[Document, ...]]:
    """The YAML documents of each file. Raises MalformedBundle with every finding."""
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


def _table(data: Mapping[str, Document], name: str) -> Document:
    if name not in data:
        raise MalformedBundle(Diagnostic(Place(f"data/{name}.yaml"), "the bundle lacks this table"))
    return data[name]


def _registry(data: Mapping[str, Document]) -> Registry:
    """Raises DocumentError. A document without entries gates all the same: then nothing is registered."""
    return Registry(
        read(data["mcp_servers"], dict[str, McpServer]) if "mcp_servers" in data else None,
        read(data["models"], dict[str, Model]) if "models" in data else None,
        read(data["classifications"], dict[str, Classification]) if "classifications" in data else None,
    )


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


def _data(documents: Documents) -> dict[str, Document]:
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
