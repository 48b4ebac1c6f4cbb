"""Supply: the parts that bring policies into force, from the source to the swap, and the candidate beside them."""

import random
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from sidecar.adapters.bundle_store import StoredBundle
from sidecar.config import Config, policies_folder
from sidecar.config.trust import read_trust
from sidecar.core.bundle import Trust
from sidecar.daemon.sources import active_source, candidate_source
from sidecar.service.activation import Activator
from sidecar.service.candidates import Candidates
from sidecar.service.loading import Loader
from sidecar.service.lookout import Lookout
from sidecar.service.pace import Pace
from sidecar.service.ports import BundleStore, Clock, DecisionLog, Metrics
from sidecar.service.refresh import Refresher
from sidecar.service.shadow import Shadow
from sidecar.service.state import State


@dataclass(frozen=True, slots=True)
class Supply:
    """`candidates` and `shadow` are there together, where a candidate is configured."""

    refresher: Refresher
    candidates: Candidates | None
    shadow: Shadow | None
    must_have_bundle: bool

    async def start(self) -> None:
        """Put the first bundle into force, as `Refresher.start` does, and raise what it raises."""
        await self.refresher.start(require=self.must_have_bundle)

    def forever(self) -> tuple[Coroutine[Any, Any, None], ...]:
        """What runs until it is cancelled."""
        candidate = (self.candidates.run(), self.shadow.run()) if self.candidates and self.shadow else ()
        return (self.refresher.run(), *candidate)

    async def close(self) -> None:
        await self.refresher.close()
        if self.candidates is not None:
            await self.candidates.close()


def build_supply(
    config: Config,
    state: State,
    log: DecisionLog,
    clock: Clock,
    metrics: Metrics,
    masking_key: bytes,
    defaults: Mapping[str, bytes],
) -> Supply:
    """Raises ConfigError for keys or a source that cannot be used."""
    trust, within = read_trust(config), float(config.audit.deadline)
    store = StoredBundle(config.state_dir)
    loader = Loader(trust, defaults, _own_folders(config))
    lookout = Lookout(active_source(config), loader, store, clock)
    activator = Activator(state, store, log, clock, metrics, masking_key)
    refresher = Refresher(lookout, loader, activator, store, state, clock, metrics, _pace(config))
    candidates = _candidates(config, loader, store, clock, refresher)
    shadow = Shadow(candidates, log, clock, metrics, within) if candidates else None
    return Supply(refresher, candidates, shadow, _must_have_bundle(config, trust))


def _must_have_bundle(config: Config, trust: Trust | None) -> bool:
    """A folder is at hand: one that cannot be loaded at the start is a mistake to be told at once."""
    return config.bundle.require or trust is None


def _pace(config: Config) -> Pace:
    return Pace(float(config.bundle.poll), float(config.bundle.long_poll), random.random)


def _candidates(
    config: Config, loader: Loader, store: BundleStore, clock: Clock, refresher: Refresher
) -> Candidates | None:
    source = candidate_source(config)
    if source is None:
        return None
    return Candidates(Lookout(source, loader, store, clock), refresher, clock, _pace(config))


def _own_folders(config: Config) -> tuple[str, ...]:
    """What no agent may touch, wherever it is: state, sockets, and policies that are a folder."""
    own = (str(config.state_dir), str(config.run_dir))
    return own if config.policies is None else (*own, str(policies_folder(config.policies).absolute()))
