"""Bundles from an object in S3, or in anything that speaks its protocol."""

from sidecar.adapters.bundle_s3.source import BundleS3

__all__ = ["BundleS3"]
