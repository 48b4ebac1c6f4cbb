"""Local: policies judged without a daemon. Nothing is halted or recorded: it is advice."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from sidecar.api.answers import told
from sidecar.api.wire import read_request
from sidecar.cli.edge import Edge
from sidecar.cli.exits import UsageError
from sidecar.cli.opening import Folder, Source, open_source
from sidecar.cli.options import TrustWords
from sidecar.cli.trusting import find_trust
from sidecar.core.bundle import Bundle, Trust
from sidecar.core.errors import MalformedBundle, RequestError
from sidecar.core.judge import judge
from sidecar.core.model import Caller, Decision, Object, Request
from sidecar.core.policy import Inputs, RuleFinding
from sidecar.core.policy.suite import SuiteReport, run_suite
from sidecar.core.snapshot import Snapshot
from sidecar.service.asked import Answer

_TESTS: Final = "tests/"


@dataclass(frozen=True, slots=True)
class Local:
    """Policies that could be loaded, and what they were loaded from."""

    source: Source
    bundle: Bundle

    @property
    def folder(self) -> Path:
        """What the places of findings begin with."""
        return self.source.place

    def decide(self, asked: Object) -> Object:
        """The AuthZEN answer that a daemon with these policies and without halts would give now."""
        return _answer(judge(Snapshot(self.bundle, 0.0), _request(asked), _caller(), time.time()))

    def test(self) -> SuiteReport:
        """Run the test cases that come with the policies. Raises MalformedBundle if one of them cannot be read."""
        # A case happens at a time of its own, which says nothing of whether a signed bundle is in force.
        snapshot = Snapshot(replace(self.bundle, expires_at=float("inf")), 0.0)
        documents = self.source.documents(lambda name: name.startswith(_TESTS))
        try:
            return run_suite(documents, partial(judge, snapshot), self.bundle.policies.rule_ids)
        except MalformedBundle as error:
            raise self.source.located(error) from error

    def explain(self, asked: Object) -> tuple[RuleFinding, ...]:
        """What every rule makes of the request."""
        request = _request(asked)
        return self.bundle.policies.explain(
            Inputs(request, self.bundle.risk.assess(request), _caller(), time.time())
        )


def open_place(edge: Edge, place: str, words: TrustWords) -> Local:
    """A folder, the built-in one for `default`, or a signed bundle in a file, by whom the words or the config trust.

    Raises BundleError, ConfigError, UsageError.
    """
    (local,) = open_places(edge, (place,), words)
    return local


def open_places(edge: Edge, places: Sequence[str], words: TrustWords) -> tuple[Local, ...]:
    """Several, one of which must be signed where words of trust were given, so that none is believed to be."""
    opened = tuple(_open(place, partial(find_trust, edge, words)) for place in places)
    if words != TrustWords() and all(isinstance(local.source, Folder) for local in opened):
        told = "is a folder" if len(places) == 1 else "are folders"
        options = "--pub, --threshold, --name and --audience"
        raise UsageError(f"{' and '.join(places)} {told}; {options} are for signed bundles")
    return opened


def advise(edge: Edge, place: str, words: TrustWords, asked: Object) -> Object:
    """The answer of policies without a daemon. Raises as `open_place` does."""
    return open_place(edge, place, words).decide(asked)


def _open(place: str, trust: Callable[[], Trust]) -> Local:
    source = open_source(place, trust)
    return Local(source, source.load())


def _request(asked: Object) -> Request:
    try:
        return read_request(asked)
    except RequestError as error:
        raise UsageError(f"this is not a request: {error}") from error


def _caller() -> Caller:
    """This process, as a daemon would see it on its Unix socket."""
    return Caller(uid=os.getuid(), gid=os.getgid(), pid=os.getpid())


def _answer(decision: Decision) -> Object:
    answer: Object = msgspec.to_builtins(told(Answer(decision)))
    answer["context"]["advisory"] = True
    return answer
