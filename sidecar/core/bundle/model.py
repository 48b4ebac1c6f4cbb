"""The values of a bundle: what it was made from, what decides, and what was signed of it."""

from dataclasses import dataclass

from sidecar.core.caller import Agents
from sidecar.core.masking import MaskTable
from sidecar.core.people import People
from sidecar.core.policy import Data, PolicyTable
from sidecar.core.registry import Registry
from sidecar.core.risk import RiskModel


@dataclass(frozen=True, slots=True)
class Signed:
    """What trusted keys vouch for. Times in epoch seconds; `signers` are the ids of the keys, sorted.

    `keys_version` is that of the key set which the signatures were checked by.
    """

    revision: int
    issued_at: float
    expires_at: float
    signers: tuple[str, ...]
    keys_version: int
    allow_rollback_to: int | None = None


@dataclass(frozen=True, slots=True)
class Bundle:
    """Policies and data, compiled, under one revision. Only `load_folder` and `compile_bundle` make one.

    `digest` is in hex: of a signed bundle the SHA-256 of its payload, else over the names and bytes of its files.
    `signed` is None for a trusted folder, whose revision is `unsigned:` and a part of the digest. From `expires_at`
    (epoch seconds) on nothing may be decided by it.
    """

    name: str
    revision: str
    digest: str
    source: str
    policies: PolicyTable
    data: Data
    risk: RiskModel
    masking: MaskTable
    agents: Agents
    people: People
    registry: Registry
    signed: Signed | None = None
    expires_at: float = float("inf")
