"""Bundles over HTTP: conditional requests, long polls, and a bearer token that may be rotated."""

from sidecar.adapters.bundle_http.source import BundleHttp

__all__ = ["BundleHttp"]
