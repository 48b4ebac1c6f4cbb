"""Sources: which adapter stands behind what the operator wrote as the place of a bundle.

An HTTP client and boto3 are imported only where they are configured: megabytes that most daemons never use.
"""

from pathlib import Path

from sidecar.adapters.bundle_files import BundleDir, BundleFile
from sidecar.config import Config, policies_folder
from sidecar.core.errors import ConfigError, Diagnostic, Place
from sidecar.service.ports import BundleSource


def active_source(config: Config) -> BundleSource:
    """Where the policies in force come from. Raises ConfigError for a place that can never work."""
    if config.bundle.source is not None:
        return _signed("bundle.source", config.bundle.source, config)
    return BundleDir(policies_folder(config.policies or "").absolute())


def candidate_source(config: Config) -> BundleSource | None:
    """Where a candidate comes from, of the same kind as what is in force; None if there is to be none."""
    if config.shadow.source is None:
        return None
    if config.bundle.source is not None:
        return _signed("shadow.source", config.shadow.source, config)
    return BundleDir(policies_folder(config.shadow.source).absolute())


def signed_source(
    place: str,
    *,
    max_download: int,
    max_size: int,
    timeout: float,
    token_file: Path | None,
    ca_file: Path | None,
) -> BundleSource:
    """Where a signed document comes from: a URL, s3://bucket/key, or a file. Raises ValueError for no such place.

    Sizes in bytes, as sent and as unpacked; `timeout` in seconds; the files are for HTTP.
    """
    if place.startswith(("http://", "https://")):
        from sidecar.adapters.bundle_http import BundleHttp  # noqa: PLC0415 - optional and heavy

        return BundleHttp(
            place,
            max_download=max_download,
            max_size=max_size,
            timeout=timeout,
            token_file=token_file,
            ca_file=ca_file,
        )
    if place.startswith("s3://"):
        from sidecar.adapters.bundle_s3 import BundleS3  # noqa: PLC0415 - optional and heavy

        return BundleS3(place, max_download=max_download, max_size=max_size, timeout=timeout)
    return BundleFile(Path(place).absolute(), max_download=max_download, max_size=max_size)


def _signed(key: str, place: str, config: Config) -> BundleSource:
    bundle = config.bundle
    try:
        return signed_source(
            place,
            max_download=int(bundle.max_download),
            max_size=int(bundle.max_size),
            timeout=float(bundle.timeout),
            token_file=bundle.token_file,
            ca_file=bundle.ca_file,
        )
    except ValueError as error:
        raise ConfigError(Diagnostic(Place(key), str(error))) from error
