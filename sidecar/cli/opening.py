"""Opening: where policies lie, as a folder or as a signed bundle in a file, and what they are made of."""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from sidecar.adapters.bundle_files import BundleDir
from sidecar.cli.inputs import read_input
from sidecar.config import DEFAULT_POLICIES, policies_folder
from sidecar.core.bundle import Bundle, Floor, Trust, Verified, compile_bundle, load_folder, verify
from sidecar.core.bundle.assemble import parse_files
from sidecar.core.document import Document
from sidecar.core.errors import BundleError, Diagnostic, MalformedBundle
from sidecar.core.inflate import Inflater

MAX_BUNDLE: Final = 64 * 1024 * 1024
_DEFAULTS: Final = policies_folder(DEFAULT_POLICIES)


class Source(Protocol):
    """What policies come from. `place` begins the places of findings."""

    @property
    def place(self) -> Path: ...

    def names(self) -> Collection[str]:
        """The names of its files. Raises as `load` does."""
        ...

    def load(self) -> Bundle:
        """Raises BundleError, with places that a person finds."""
        ...

    def documents(self, wanted: Callable[[str], bool]) -> list[Document]:
        """Those of the files that are wanted by their names, read anew. Raises as `load` does."""
        ...

    def located(self, error: MalformedBundle) -> MalformedBundle:
        """The error with the places that a person finds."""
        ...


@dataclass(frozen=True, slots=True)
class Folder:
    """A Source: a trusted folder, read once."""

    place: Path
    files: Mapping[str, bytes]

    def names(self) -> Collection[str]:
        return self.files

    def load(self) -> Bundle:
        try:
            return load_folder(self.files, default_files(), str(self.place))
        except MalformedBundle as error:
            raise self.located(error) from error

    def documents(self, wanted: Callable[[str], bool]) -> list[Document]:
        try:
            parsed = parse_files({name: raw for name, raw in self.files.items() if wanted(name)})
        except MalformedBundle as error:
            raise self.located(error) from error
        return [document for documents in parsed.values() for document in documents]

    def located(self, error: MalformedBundle) -> MalformedBundle:
        return located(error, self.place, self.files)


@dataclass(frozen=True, slots=True)
class SignedFile:
    """A Source: the bytes of a signed bundle, verified each time that they are looked into."""

    place: Path
    raw: bytes
    trust: Trust
    now: float

    def names(self) -> Collection[str]:
        return self.verified().payload.digests

    def load(self) -> Bundle:
        verified = self.verified()
        try:
            return compile_bundle(verified, str(self.place))
        except MalformedBundle as error:
            raise self.located(error) from error

    def documents(self, wanted: Callable[[str], bool]) -> list[Document]:
        payload = self.verified().payload
        parsed = {**payload.documents, **payload.tests}
        return [document for name in sorted(parsed) if wanted(name) for document in parsed[name]]

    def verified(self) -> Verified:
        """Raises BundleError, which names the file."""
        try:
            return verify(self.raw, self.trust, Floor(), self.now)
        except MalformedBundle as error:
            raise self.located(error) from error
        except BundleError as error:
            raise type(error)(f"{self.place}: {error}") from error

    def located(self, error: MalformedBundle) -> MalformedBundle:
        return MalformedBundle(*(_placed(one, self.place) for one in error.diagnostics))


def open_source(place: str, trust: Callable[[], Trust]) -> Source:
    """A folder, `default`, or a file; only for a file is it asked whom to trust. Raises MalformedBundle."""
    if place != DEFAULT_POLICIES and Path(place).is_file():
        return SignedFile(Path(place), read_bundle("FILE", place), trust(), time.time())
    return read_folder(place)


def read_folder(place: str) -> Folder:
    """A folder, or the one in the package for `default`. Raises MalformedBundle."""
    folder = policies_folder(place)
    return Folder(folder, BundleDir(folder).load())


def read_bundle(option: str, file: str, stdin: BinaryIO | None = None) -> bytes:
    """The bytes of an envelope, out of a gzip if they are in one. Raises UsageError, BundleError."""
    return inflate(file, read_input(option, file, MAX_BUNDLE, stdin))


def inflate(name: str, raw: bytes) -> bytes:
    """The bytes of an envelope; `name` is that of their place. Raises BundleError."""
    inflater = Inflater(name, MAX_BUNDLE, MAX_BUNDLE)
    inflater.take(raw)
    return inflater.finish()


def default_files() -> Mapping[str, bytes]:
    """The files of the package's own policies, whose data tables stand in for those that an author lacks."""
    return BundleDir(_DEFAULTS).load()


def located(error: MalformedBundle, folder: Path, files: Mapping[str, bytes]) -> MalformedBundle:
    """With places as paths that an editor can open; a table that the folder lacks is that of the package."""
    return MalformedBundle(
        *(_placed(one, _DEFAULTS if _is_lent(one.place.path, files) else folder) for one in error.diagnostics)
    )


def _is_lent(path: str, files: Mapping[str, bytes]) -> bool:
    return path.startswith("data/") and path not in files


def _placed(found: Diagnostic, folder: Path) -> Diagnostic:
    return replace(found, place=replace(found.place, path=str(folder / found.place.path)))
