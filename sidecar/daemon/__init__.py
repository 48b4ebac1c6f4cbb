"""The composition root: Config -> build -> run. The only place that names adapters."""

from sidecar.daemon.run import serve

__all__ = ["serve"]
