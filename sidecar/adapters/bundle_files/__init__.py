"""Bundles from local files: a trusted folder of policies, or one file that holds a signed bundle."""

from sidecar.adapters.bundle_files.file import BundleFile
from sidecar.adapters.bundle_files.folder import BundleDir

__all__ = ["BundleDir", "BundleFile"]
