"""The rule set, written down in the language of each engine."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from bench.rules import PAYEES, REQUEST, SCORED_ACTION, SCORED_RESOURCE, Rule

RULES_A_FILE: Final = 50
_REGO_HEAD: Final = """package ascend

default decision := false

decision if {
\tallow
\tnot approve
\tnot deny
}
"""
_STAGE: Final = {"approvers": ["group:on-call"], "quorum": 1, "within": "30m"}
_PAYEES_TABLE: Final = {payee: {"since": 2021} for payee in PAYEES}


def write_ours(folder: Path, rules: Sequence[Rule]) -> None:
    """Our policy folder: documents of 50 rules, one table of data, one document of defaults."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    (folder / "data" / "payees.yaml").write_text(_yaml(_PAYEES_TABLE))
    (folder / "defaults.yaml").write_text(_yaml(_our_defaults()))
    for number, part in enumerate(_batches(rules)):
        name = f"rules-{number:04}"
        document = {
            "apiVersion": "ascend.sidecar/v1",
            "kind": "Policy",
            "metadata": {"name": name, "description": f"Rules of part {number}."},
            "rules": [_our_rule(rule) for rule in part],
        }
        (folder / f"{name}.yaml").write_text(_yaml(document))


def write_scored(folder: Path) -> None:
    """One more policy in our folder: what it allows, the platform is to score first."""
    rule = {
        "id": "scored-exports",
        "match": {"actions": [SCORED_ACTION], "resources": [f"{SCORED_RESOURCE}:*"]},
        "effect": "allow",
        "score": "platform",
        "thresholds": {"approve": 95},
    }
    document = {
        "apiVersion": "ascend.sidecar/v1",
        "kind": "Policy",
        "metadata": {"name": "scored", "description": "What the platform scores."},
        "rules": [rule],
    }
    (folder / "scored.yaml").write_text(_yaml(document))


def write_cerbos(folder: Path, rules: Sequence[Rule]) -> None:
    """Cerbos' policy folder: one resource policy for each resource type. A hold is a deny there."""
    folder.mkdir(parents=True, exist_ok=True)
    by_resource: dict[str, list[Rule]] = defaultdict(list)
    for rule in rules:
        by_resource[rule.resource].append(rule)
    for resource, its in by_resource.items():
        policy = {
            "resource": resource,
            "version": "default",
            "constants": {"local": {"payees": list(PAYEES)}},
            "rules": [_cerbos_rule(rule) for rule in its],
        }
        document = {"apiVersion": "api.cerbos.dev/v1", "resourcePolicy": policy}
        (folder / f"{resource}.yaml").write_text(_yaml(document))


def write_rego(folder: Path, rules: Sequence[Rule]) -> None:
    """OPA's policy and data. Equality on the input comes first, where its rule index finds it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "policy.rego").write_text(_REGO_HEAD + "".join(_rego_rule(rule) for rule in rules))
    (folder / "data.json").write_bytes(msgspec.json.encode({"payees": _PAYEES_TABLE}))


def opa_request() -> str:
    """The measured request as OPA's data API takes it."""
    return '{"input":' + REQUEST + "}"


def _our_defaults() -> dict[str, Any]:
    return {
        "apiVersion": "ascend.sidecar/v1",
        "kind": "Policy",
        "metadata": {"name": "defaults", "description": "What holds where a rule says nothing."},
        "defaults": {"thresholds": {"approve": 60, "deny": 98}, "approval": {"stages": [_STAGE]}},
    }


def _our_rule(rule: Rule) -> dict[str, Any]:
    match: dict[str, Any] = {"resources": [f"{rule.resource}:*"]}
    if rule.action:
        match["actions"] = [rule.action]
    if rule.agents:
        match["subjects"] = [f"agent:{rule.agents}*"]
    out: dict[str, Any] = {"id": rule.id, "match": match, "effect": rule.effect}
    if rule.condition:
        out["when"] = rule.condition.ours
    if rule.effect == "allow":
        out |= {"thresholds": {"approve": 95}, "valid_for": "30s"}
    if rule.effect == "approve":
        out["approval"] = {"stages": [_STAGE]}
    return out | {"reason": f"{rule.resource} is governed by {rule.id}."}


def _cerbos_rule(rule: Rule) -> dict[str, Any]:
    parts = [f'P.id.startsWith("{rule.agents}")'] if rule.agents else []
    parts += [rule.condition.cerbos] if rule.condition else []
    out: dict[str, Any] = {
        "name": rule.id,
        "actions": [rule.action or "*"],
        "roles": ["agent"],
        "effect": "EFFECT_ALLOW" if rule.effect == "allow" else "EFFECT_DENY",
    }
    if parts:
        out["condition"] = {"match": {"expr": " && ".join(parts)}}
    return out


def _rego_rule(rule: Rule) -> str:
    lines = [
        f'input.resource.type == "{rule.resource}"',
        *_rego_action(rule.action),
        'input.subject.type == "agent"',
    ]
    lines += [f'startswith(input.subject.id, "{rule.agents}")'] if rule.agents else []
    lines += [rule.condition.rego] if rule.condition else []
    return f"\n{rule.effect} if {{\n\t" + "\n\t".join(lines) + "\n}\n"


def _rego_action(action: str | None) -> list[str]:
    if action is None:
        return []
    if "*" in action:
        return [f'glob.match("{action}", null, input.action.name)']
    return [f'input.action.name == "{action}"']


def _batches(rules: Iterable[Rule]) -> Iterable[tuple[Rule, ...]]:
    rest = iter(rules)
    while part := tuple(islice(rest, RULES_A_FILE)):
        yield part


class _Dumper(yaml.CSafeDumper):
    """Strict policy languages refuse anchors."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the name is PyYAML's
        return True


def _yaml(value: object) -> str:
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False)
