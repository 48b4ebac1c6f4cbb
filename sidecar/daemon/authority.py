"""The authority on what is halted, as the operator names it: a signed document, or the platform's API."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sidecar.config import Config
from sidecar.config.killswitch import PLATFORM
from sidecar.config.trust import read_halts_trust
from sidecar.core.errors import ConfigError, Diagnostic, Place
from sidecar.core.killswitch.document_form import MOST_BYTES
from sidecar.daemon.sources import signed_source
from sidecar.service.killswitch.authority import Authority
from sidecar.service.killswitch.platform_authority import PlatformState
from sidecar.service.killswitch.roster import Roster
from sidecar.service.killswitch.sight import Sight
from sidecar.service.killswitch.signed_state import SignedState
from sidecar.service.killswitch.switch import KillSwitch
from sidecar.service.killswitch.unending import Loop
from sidecar.service.ports import BundleSource, Clock, Metrics, Platform, StateSource
from sidecar.service.state import State

_KEY: Final = "killswitch.state"
_LONGEST: Final = 5.0


@dataclass(frozen=True, slots=True)
class Overseeing:
    """`authority` is None where none is configured, `roster` where agents need not be asked for one by one."""

    sight: Sight
    authority: Authority | None = None
    roster: Roster | None = None

    def forever(self) -> tuple[Loop, ...]:
        """The loops that `run` keeps going, come what may."""
        return (self.sight.run, *((self.authority.run,) if self.authority else ()))

    async def close(self) -> None:
        if self.authority is not None:
            await self.authority.close()


def build_overseeing(
    config: Config,
    state: State,
    switch: KillSwitch,
    clock: Clock,
    metrics: Metrics,
    platform: Platform | None,
) -> Overseeing:
    """Raises ConfigError for an authority that can never be read."""
    place = config.killswitch.state
    if place is None and config.killswitch.queue_url is not None and platform is not None:
        place = PLATFORM
    sight = Sight(
        clock.monotonic,
        clock.now,
        has_queue=config.killswitch.queue_url is not None,
        has_state=place is not None,
        blind_after=float(config.killswitch.blind_after),
        skew=float(config.trust.clock_skew),
        beacon_gap=float(config.killswitch.beacon_gap),
    )
    if place is None:
        return Overseeing(sight)
    roster = _roster(config, state, switch, clock, metrics, platform) if place == PLATFORM else None
    source: StateSource
    if roster is not None and platform is not None:
        source = PlatformState(platform, roster, switch, clock, _timeout(config))
    else:
        source = signed_state(config, place, clock, lambda: state.keys_version)
    poll = float(config.killswitch.poll)
    return Overseeing(sight, Authority(source, switch, sight, clock, poll, random.random, metrics), roster)


def _roster(
    config: Config,
    state: State,
    switch: KillSwitch,
    clock: Clock,
    metrics: Metrics,
    platform: Platform | None,
) -> Roster:
    if platform is None:
        hint = "set platform.url, or the place of a signed state document"
        raise ConfigError(Diagnostic(Place(_KEY), "the platform's API without a platform", hint))
    return Roster(
        platform,
        switch,
        state,
        clock,
        poll=float(config.killswitch.poll),
        blind_after=float(config.killswitch.blind_after),
        timeout=_timeout(config),
        metrics=metrics,
    )


def _timeout(config: Config) -> float:
    """Two reads can fail before nobody sees any more."""
    return min(_LONGEST, float(config.killswitch.blind_after) / 2)


def signed_state(config: Config, place: str, clock: Clock, keys_version: Callable[[], int]) -> SignedState:
    """The document at that place. Raises ConfigError for one that could never be read or verified."""
    trust = read_halts_trust(config)
    if trust is None:
        hint = "set killswitch.keys or trust.keys to the public keys that sign it"
        raise ConfigError(Diagnostic(Place(_KEY), "a state document that nothing could verify", hint))
    try:
        # Keys of their own are another set, of which the bundle says nothing.
        version = (lambda: 0) if config.killswitch.keys else keys_version
        return SignedState(_source(config, place), trust, clock, version)
    except ValueError as error:
        raise ConfigError(Diagnostic(Place(_KEY), str(error).replace("the bundle", "the state"))) from error


def _source(config: Config, place: str) -> BundleSource:
    switch = config.killswitch
    return signed_source(
        place,
        max_download=MOST_BYTES,
        max_size=MOST_BYTES,
        timeout=_timeout(config),
        token_file=switch.token_file,
        ca_file=switch.ca_file,
    )
