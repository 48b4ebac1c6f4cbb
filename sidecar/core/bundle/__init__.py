"""A bundle: policies and data, parsed strictly, verified where they are signed, compiled under one revision."""

from sidecar.core.bundle.assemble import folder_digest, load_folder, read_masking
from sidecar.core.bundle.model import Bundle, Signed
from sidecar.core.bundle.verify import Floor, Trust, Verified, compile_bundle, verify

__all__ = [
    "Bundle",
    "Floor",
    "Signed",
    "Trust",
    "Verified",
    "compile_bundle",
    "folder_digest",
    "load_folder",
    "read_masking",
    "verify",
]
