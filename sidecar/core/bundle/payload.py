"""The payload of a signed bundle: one canonical JSON object, with a digest of every file in it.

Files keep the names that they have in a folder, and are the JSON values of their YAML, so a bundle holds no comments
and no second way to write the same thing. Findings name a file and a JSON Pointer (RFC 6901) into it.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from sidecar.core import canonical
from sidecar.core.document import Document, JsonDocument
from sidecar.core.errors import Diagnostic, MalformedBundle, Place
from sidecar.core.policy.written import Identifier

BUNDLE_TYPE: Final = "application/vnd.ascend-sidecar.bundle+json"
ANYONE: Final = "*"
# The documents of a file stand in a list.
_DEPTH: Final = canonical.MAX_DEPTH + 1
_File = Annotated[str, Meta(pattern=r"^[^/\x00-\x1f]{1,255}\Z")]
_TestFile = Annotated[str, Meta(pattern=r"^tests/[^/\x00-\x1f]{1,255}\Z")]
Label = Annotated[str, Meta(min_length=1, max_length=128)]
Moment = Annotated[datetime, Meta(tz=True)]
Revision = Annotated[int, Meta(ge=1, le=2**53 - 1, description="a whole number from 1")]
Version = Annotated[
    str, Meta(pattern=r"^[0-9]{1,6}\.[0-9]{1,6}\.[0-9]{1,6}\Z", description="a version such as 1.2.0")
]


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a bundle says of itself. `audience` are labels of the hosts that it is for, `*` is any of them."""

    name: Identifier
    revision: Revision
    issued_at: Moment
    expires_at: Moment
    audience: Annotated[tuple[Label, ...], Meta(min_length=1, max_length=256)] = (ANYONE,)
    min_daemon_version: Version = "0.1.0"
    allow_rollback_to: Revision | None = None


class _Payload(Header, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`policies` and `tests`: documents by file; `data`: one document a name; `digests`: SHA-256 by file, in hex."""

    api_version: Literal["ascend.sidecar/v1"] = msgspec.field(name="apiVersion", default="ascend.sidecar/v1")
    kind: Literal["Bundle"] = "Bundle"
    policies: dict[_File, msgspec.Raw]
    data: dict[_File, msgspec.Raw]
    tests: dict[_TestFile, msgspec.Raw]
    digests: dict[str, str]


class Payload(msgspec.Struct, frozen=True):
    """A payload that was read: its header, the digest of all of it, its documents and those of its tests by file.

    `digests` and `sizes` in bytes are of each file's canonical form.
    """

    header: Header
    digest: str
    documents: Mapping[str, tuple[Document, ...]]
    tests: Mapping[str, tuple[Document, ...]]
    digests: Mapping[str, str]
    sizes: Mapping[str, int]


_decoder: Final = msgspec.json.Decoder(_Payload)


def write_payload(header: Header, files: Mapping[str, tuple[Document, ...]]) -> bytes:
    """The bytes to sign. The same header and files give the same bytes. Raises MalformedBundle."""
    raws = {name: _encoded(name, parsed) for name, parsed in sorted(files.items())}
    payload = _Payload(
        **{name: _utc(getattr(header, name)) for name in header.__struct_fields__},
        policies={name: msgspec.Raw(raw) for name, raw in raws.items() if "/" not in name},
        data={_bare(name): msgspec.Raw(raw) for name, raw in raws.items() if name.startswith("data/")},
        tests={name: msgspec.Raw(raw) for name, raw in raws.items() if name.startswith("tests/")},
        digests={name: hashlib.sha256(raw).hexdigest() for name, raw in raws.items()},
    )
    return _canonical("payload", payload)


def read_payload(raw: bytes) -> Payload:
    """The payload of verified bytes. Raises MalformedBundle."""
    try:
        written: _Payload = canonical.decode_as(raw, _decoder)
    except canonical.NotCanonical as error:
        raise MalformedBundle(Diagnostic(Place("payload"), str(error))) from error
    _check_utc(written)
    data = {f"data/{name}.yaml": part for name, part in written.data.items()}
    raws = {**written.policies, **data, **written.tests}
    _check_digests(raws, written.digests)
    documents = {name: _documents(name, bytes(part)) for name, part in {**written.policies, **data}.items()}
    tests = {name: _documents(name, bytes(part)) for name, part in written.tests.items()}
    header = Header(**{name: getattr(written, name) for name in Header.__struct_fields__})
    sizes = {name: len(bytes(part)) for name, part in raws.items()}
    return Payload(header, hashlib.sha256(raw).hexdigest(), documents, tests, written.digests, sizes)


def _encoded(name: str, parsed: tuple[Document, ...]) -> bytes:
    values = [document.value for document in parsed]
    return _canonical(name, values[0] if name.startswith("data/") and len(values) == 1 else values)


def _canonical(name: str, value: Any) -> bytes:
    try:
        return canonical.encode(value, _DEPTH)
    except canonical.NotCanonical as error:
        raise MalformedBundle(Diagnostic(Place(name), str(error))) from error


def _bare(name: str) -> str:
    return name.removeprefix("data/").removesuffix(".yaml")


def _utc(value: Any) -> Any:
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def _check_utc(header: Header) -> None:
    """Another offset would be a second way to write the same time, and may lie outside of the calendar in UTC."""
    for name in ("issued_at", "expires_at"):
        if getattr(header, name).utcoffset():
            raise MalformedBundle(
                Diagnostic(Place("payload", pointer=f"/{name}"), "a time is written in UTC")
            )


def _check_digests(parts: Mapping[str, msgspec.Raw], digests: Mapping[str, str]) -> None:
    found = {name: hashlib.sha256(part).hexdigest() for name, part in parts.items()}
    if found != digests:
        wrong = sorted(name for name in found.keys() | digests.keys() if found.get(name) != digests.get(name))
        findings = (
            Diagnostic(Place(name), "does not have the digest that the bundle says") for name in wrong[:100]
        )
        raise MalformedBundle(*findings)


def _documents(name: str, raw: bytes) -> tuple[Document, ...]:
    try:
        value = canonical.decode(raw, _DEPTH)
    except canonical.NotCanonical as error:
        raise MalformedBundle(Diagnostic(Place(name), str(error))) from error
    if name.startswith("data/"):
        return (JsonDocument(name, value),)
    if not isinstance(value, list):
        raise MalformedBundle(Diagnostic(Place(name), "a file of policies or tests is a list of documents"))
    return tuple(JsonDocument(name, item, (index,)) for index, item in enumerate(value))
