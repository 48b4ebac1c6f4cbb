"""The platform of one daemon, if it has one: which address, whose key."""

import hashlib
from collections.abc import Mapping

from sidecar.config import Config
from sidecar.config.platform import API_VARIABLE, is_ours, read_platform_key, read_signing_secret
from sidecar.core.errors import ConfigError, Diagnostic, Place
from sidecar.service.ports import Clock, Platform


def build_platform(
    config: Config, environ: Mapping[str, str], clock: Clock, identity: str
) -> Platform | None:
    """None where no address is set; an agent's own ASCEND_API_URL counts only if it is not of this machine.

    `identity` tells this daemon from every other one. Raises ConfigError.
    """
    url = config.platform.url or _of_the_agents(environ)
    if url is None:
        return None
    # An HTTP client is megabytes that a daemon without a platform never uses.
    from sidecar.adapters.platform_http import (  # noqa: PLC0415 - optional and heavy
        PlatformHttp,
        PlatformSettings,
    )

    platform = config.platform
    settings = PlatformSettings(
        url=url,
        key=read_platform_key(platform, environ),
        host_id=hashlib.sha256(identity.encode()).hexdigest()[:16],
        environment=platform.environment,
        timeout=float(platform.timeout),
        signing_secret=read_signing_secret(platform, environ),
        ca_file=platform.ca_file,
    )
    try:
        return PlatformHttp(settings, clock)
    except ValueError as error:
        raise ConfigError(Diagnostic(Place("platform.url"), str(error))) from error


def _of_the_agents(environ: Mapping[str, str]) -> str | None:
    url = environ.get(API_VARIABLE)
    return url if url and not is_ours(url) else None
