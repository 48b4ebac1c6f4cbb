"""ascend-sidecar: a local, fail-closed authorization daemon for AI agents."""

__version__ = "0.1.0"
