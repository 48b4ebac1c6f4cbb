"""A bundle: policies and data, parsed strictly, verified where they are signed, compiled under one revision."""

from sidecar.core.bundle.assemble import folder_digest, load_folder, read_masking
from sidecar.core.bundle.build import build_payload
from sidecar.core.bundle.model import Bundle, Signed
from sidecar.core.bundle.payload import BUNDLE_TYPE, Header, Payload, read_payload
from sidecar.core.bundle.verify import Floor, Trust, Verified, compile_bundle, floor_under, verify

__all__ = [
    "BUNDLE_TYPE",
    "Bundle",
    "Floor",
    "Header",
    "Payload",
    "Signed",
    "Trust",
    "Verified",
    "build_payload",
    "compile_bundle",
    "floor_under",
    "folder_digest",
    "load_folder",
    "read_masking",
    "read_payload",
    "verify",
]
