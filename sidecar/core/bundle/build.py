"""Building: the files of a folder become the payload of a signed bundle, once all of it is known to be right.

Mistakes are found in the author's YAML, with line and column, before anything is written.
"""

from collections.abc import Mapping
from typing import Final

from sidecar.core.bundle.assemble import Identity, assemble, decisive_files, parse_files
from sidecar.core.bundle.payload import Header, read_payload, write_payload
from sidecar.core.document import Document
from sidecar.core.policy.cases import parse_cases

TESTS: Final = "tests/"


def build_payload(
    header: Header, files: Mapping[str, bytes], defaults: Mapping[str, bytes], *, tests: bool = True
) -> bytes:
    """The bytes to sign, with the `defaults` data tables that the files do not replace, and their tests if wanted.

    Raises MalformedBundle with every finding.
    """
    decisive = parse_files(decisive_files(files, defaults))
    cases = parse_files({name: raw for name, raw in files.items() if tests and name.startswith(TESTS)})
    parse_cases(document for parsed in cases.values() for document in parsed)
    raw = write_payload(header, {**decisive, **cases})
    _check_compiles(decisive, header)
    read_payload(raw)
    return raw


def _check_compiles(documents: Mapping[str, tuple[Document, ...]], header: Header) -> None:
    assemble(documents, Identity(header.name, str(header.revision), "", ""), ())
