"""The platform over HTTPS: one deadline, few repeats, a breaker, and a key that may be rotated."""

from sidecar.adapters.platform_http.client import PlatformHttp
from sidecar.adapters.platform_http.settings import PlatformSettings

__all__ = ["PlatformHttp", "PlatformSettings"]
