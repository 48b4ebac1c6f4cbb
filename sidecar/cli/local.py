"""Local: a folder of policies judged without a daemon. Nothing is halted or recorded: it is advice."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from sidecar.adapters.policies_dir import PoliciesDir
from sidecar.api.answers import context_of
from sidecar.api.wire import read_request
from sidecar.cli.exits import UsageError
from sidecar.config import DEFAULT_POLICIES, policies_folder
from sidecar.core.bundle import Bundle, load_folder
from sidecar.core.document import Document, DocumentError, parse_documents
from sidecar.core.errors import Diagnostic, MalformedBundle, Place, RequestError
from sidecar.core.judge import judge
from sidecar.core.model import Caller, Decision, Object, Request, Verdict
from sidecar.core.policy import Inputs, RuleFinding
from sidecar.core.policy.suite import SuiteReport, run_suite
from sidecar.core.snapshot import Snapshot
from sidecar.service.decide import Answer

_TESTS: Final = "tests/"
_DEFAULTS: Final = policies_folder(DEFAULT_POLICIES)


@dataclass(frozen=True, slots=True)
class Local:
    """A folder that could be loaded, with its files by name."""

    folder: Path
    files: Mapping[str, bytes]
    bundle: Bundle

    def decide(self, asked: Object) -> Object:
        """The AuthZEN answer that a daemon with this folder and without halts would give now."""
        return _answer(judge(Snapshot(self.bundle, 0.0), _request(asked), _caller(), time.time()))

    def test(self) -> SuiteReport:
        """Run the folder's test cases. Raises MalformedBundle if one of them cannot be read."""
        snapshot = Snapshot(self.bundle, 0.0)
        try:
            documents = [d for name in sorted(self.files) for d in _parsed(name, self.files[name])]
            return run_suite(documents, partial(judge, snapshot), self.bundle.policies.rule_ids)
        except DocumentError as error:
            raise located(MalformedBundle(*error.diagnostics), self.folder, self.files) from error
        except MalformedBundle as error:
            raise located(error, self.folder, self.files) from error

    def explain(self, asked: Object) -> tuple[RuleFinding, ...]:
        """What every rule makes of the request."""
        request = _request(asked)
        return self.bundle.policies.explain(
            Inputs(request, self.bundle.risk.assess(request), _caller(), time.time())
        )


def _parsed(name: str, raw: bytes) -> tuple[Document, ...]:
    return parse_documents(name, raw) if name.startswith(_TESTS) else ()


def open_folder(policies: str) -> Local:
    """The folder's policies, or the built-in ones for `default`. Raises MalformedBundle."""
    folder = policies_folder(policies)
    files = PoliciesDir(folder).load()
    try:
        return Local(folder, files, load_folder(files, PoliciesDir(_DEFAULTS).load(), str(folder)))
    except MalformedBundle as error:
        raise located(error, folder, files) from error


def located(error: MalformedBundle, folder: Path, files: Mapping[str, bytes]) -> MalformedBundle:
    """With places as paths that an editor can open; a table that the folder lacks is that of the package."""
    return MalformedBundle(
        *(_located(one, folder if one.place.path in files else _DEFAULTS) for one in error.diagnostics)
    )


def _located(found: Diagnostic, folder: Path) -> Diagnostic:
    place = Place(str(folder / found.place.path), found.place.line, found.place.column)
    return Diagnostic(place, found.message, found.hint)


def advise(policies: str, asked: Object) -> Object:
    """The answer of a folder. Raises MalformedBundle and UsageError."""
    return open_folder(policies).decide(asked)


def _request(asked: Object) -> Request:
    try:
        return read_request(asked)
    except RequestError as error:
        raise UsageError(f"this is not a request: {error}") from error


def _caller() -> Caller:
    """This process, as a daemon would see it on its Unix socket."""
    return Caller(uid=os.getuid(), gid=os.getgid(), pid=os.getpid())


def _answer(decision: Decision) -> Object:
    context = context_of(Answer(decision)) | {"advisory": True}
    return {"decision": decision.verdict is Verdict.ALLOW, "context": msgspec.to_builtins(context)}
