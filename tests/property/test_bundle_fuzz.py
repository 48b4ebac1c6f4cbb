"""Whatever comes as a bundle, signed or not, is taken or refused by a BundleError; and no changed byte is taken."""

import copy
from hashlib import sha256
from textwrap import indent

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sidecar.core import canonical
from sidecar.core.bundle import Floor, compile_bundle, verify
from sidecar.core.errors import BundleError
from sidecar.core.trust.rotation import state_keys
from tests.tools.signing import KEY, NOW, key, key_set, payload, sealed, trust

# What Python says of some regular expressions is meant for their authors, and no refusal.
pytestmark = pytest.mark.filterwarnings("ignore:Possible:FutureWarning")

RICH = """rules:
  - id: reads
    match: {subjects: ["agent:*"], actions: [read, "db.*"], resources: ["db:*"]}
    when: action.properties.amount < 10 && known("people", subject.id)
    effect: allow
    thresholds: {approve: 60, deny: 90}
    valid_for: 30s
    obligations: [{id: receipt, type: note, properties: {topic: x, n: 1}}]
    score: local
    on_platform_unavailable: deny
    reason: Reading is free.
  - id: writes
    match: {actions: [write]}
    effect: approve
    approval: {stages: [{approvers: ["group:a"], quorum: 2, within: 15m, escalate: ["group:b"]}]}
defaults:
  thresholds: {approve: 60, deny: 98}
  approval: {stages: [{approvers: ["group:on-call"]}]}
  volatile: [trace_id]
"""
VERB = """base: 50
cvss: AV:L/AC:L/PR:L/UI:N/S:U/C:L/I:N/A:N
effect: irreversible
likelihood: low
impact: low
attack: {tactic: impact, technique: T1485}
aliases: [gone]
words: [delete file]
implies: [known]
inspect: command
"""
FACT = """because: known {}
add: 5
group: all
floor: 60
cvss: {AV: N, AC: L, PR: N, UI: N, S: C, C: H, I: H, A: H}
likelihood: high
impact: high
spares: [read_only]
becomes: [{verb: unknown, effects: [reversible], verbs: [unknown]}]
paths: {under: [/etc], within: [.ssh], names: ["*.key"], fragments: [a/b], contains: [x]}
flags: [bulk]
labels: [pii]
counts: [{properties: [rows], at_least: 10}]
hosts: [a.example]
resource_words: [secret]
commands: [{programs: [rm], flags: [r], words: [all]}]
statements: [drop]
excess: true
"""
RISK = f"""bands: {{medium: 40, high: 60, critical: 80}}
weights: {{cvss: 40, nist: 20}}
paths: {{resource_types: [file], properties: [path]}}
urls: {{resource_types: [url], properties: [url]}}
tools: {{resource_types: [tool], properties: [tool], actions: [call]}}
labels: [labels]
commands: [command]
statements: [query]
groups: {{all: 20}}
verbs:
  unknown:
{indent(VERB, "    ")}facts:
  known:
{indent(FACT, "    ")}"""
MASKING = {
    "keys": ["password"],
    "patterns": [{"name": "x", "regex": "x+", "hints": ["x"], "luhn": False}],
    "exempt": [],
    "longest": 64,
}
FILES = {
    "data/masking.yaml": msgspec.json.encode(MASKING).decode(),
    "data/risk.yaml": RISK,
    "data/agents.yaml": "'agent:a': {uids: [1000], tokens: [ci], thresholds: {approve: 5, deny: 9}}",
    "data/people.yaml": "ann: {groups: [a], uids: [7]}",
    "tests/a_test.yaml": "{apiVersion: ascend.sidecar/v1, kind: PolicyTest, tests: []}",
}
BODY = payload(RICH, files=FILES)
STEPS = (state_keys("default", key_set(KEY, version=1), (key(2),)),)
RAW = sealed(BODY, steps=STEPS)
TRUST = trust(key(2))
OF_FILES = ("policies", "data", "tests")
MEMBERS = canonical.decode(BODY)
DEFAULTS = canonical.decode(payload())


def outcome(raw, trusted=TRUST):
    """The digest of the verified payload, and whether it compiles; "" for what is refused. All else is raised."""
    try:
        verified = verify(raw, trusted, Floor(), NOW)
    except BundleError:
        return "", False
    try:
        compile_bundle(verified, "x")
    except BundleError:
        return verified.payload.digest, False
    return verified.payload.digest, True


def outcome_of_signed(body):
    return outcome(sealed(body), trust())


REFUSED = ("", False)
TAKEN = (sha256(BODY).hexdigest(), True)


def test_what_is_changed_here_is_good_before():
    assert outcome(RAW) == outcome_of_signed(BODY) == outcome_of_signed(resealed(MEMBERS)) == TAKEN


@given(st.binary() | st.text().map(str.encode) | st.binary().map(lambda body: sealed(body, key(9))))
def test_arbitrary_bytes_are_refused(raw):
    assert outcome(raw) == REFUSED


MARKS = [b" ", b"\\", b'"', b",", b"[", b"{", b"=", b"\x00"]
PLACES = st.integers(0, len(RAW) - 1) | st.integers(0, 400) | st.integers(len(RAW) - 400, len(RAW) - 1)


@st.composite
def mutated(draw, raw, places):
    """The bytes with a few changes: a bit flipped, a stretch cut out, doubled or moved, bytes put in."""
    for _ in range(draw(st.integers(1, 3))):
        at, length = draw(places), draw(st.integers(0, 40))
        before, part, after = raw[:at], raw[at : at + length], raw[at + length :]
        raw = draw(
            st.sampled_from(
                [
                    before + bytes([(part or b"x")[0] ^ 1 << draw(st.integers(0, 7))]) + part[1:] + after,
                    before + after,
                    before,
                    before + part + part + after,
                    after + part + before,
                    before + draw(st.binary(max_size=8)) + part + after,
                    before + draw(st.sampled_from(MARKS)) + part + after,
                ]
            )
        )
    return raw


@given(mutated(RAW, PLACES))
def test_of_a_changed_envelope_nothing_but_the_signed_payload_is_taken(raw):
    assert outcome(raw) in (TAKEN, REFUSED)


ENVELOPE = msgspec.json.decode(RAW)
TEXTS = [ENVELOPE["payload"], ENVELOPE["signatures"][0]["sig"], ENVELOPE["keys"][0]["payload"], ""]
PARTS = st.sampled_from(
    [*TEXTS, ENVELOPE["signatures"], ENVELOPE["keys"], ENVELOPE["keys"][0], None, 1, [], {}]
)


@st.composite
def rearranged(draw):
    """The envelope with parts of it in each other's place, doubled members included."""
    envelope = copy.deepcopy(ENVELOPE)
    places = [envelope, envelope["signatures"][0], envelope["keys"][0], envelope["keys"][0]["signatures"][0]]
    for _ in range(draw(st.integers(1, 2))):
        place = draw(st.sampled_from(places))
        place[draw(st.sampled_from([*place, "x"]))] = draw(PARTS)
    raw = msgspec.json.encode(envelope)
    name = draw(st.sampled_from(["payload", "payloadType", "signatures", "sig", "keys", "x"]))
    if draw(st.booleans()):
        raw = raw.replace(b"{", b'{"%s":%s,' % (name.encode(), msgspec.json.encode(draw(PARTS))), 1)
    return raw


@given(rearranged())
def test_of_a_rearranged_envelope_nothing_but_the_signed_payload_is_taken(raw):
    assert outcome(raw) in (TAKEN, REFUSED)


WORDS_OF_JSON = rb"""
null true 0 -1 1.5 9007199254740992 9223372036854775808 1e400
"" "x" "*:*" "1+1" "\u0000" "\ud800" [] {} [[]] [null] [""] [1,2] {"":{}} {"a":1,"a":1} {"x":[{"y":0}]}
"0001-01-01T00:00:00Z" "9999-12-31T23:59:59.999999Z" "9999-12-31T23:59:59-23:59" "2026-01-01"
"""
LARGE_AND_DEEP = [
    b"9" * 5000,
    b'"' + b"x" * 70_000 + b'"',
    b"[" + b"0," * 9000 + b"0]",
    b"[" * 40 + b"]" * 40,
    b"[" * 50_000 + b"]" * 50_000,
    b'{"a":' * 2000 + b"1" + b"}" * 2000,
]
WILD = [*WORDS_OF_JSON.split(), *LARGE_AND_DEEP, b'"\xff"']
RAWS = [msgspec.Raw(raw) for raw in WILD]


def paths(value, path=()):
    """The key path of every value in it, of lists and maps too."""
    yield path
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for name, item in items:
            yield from paths(item, (*path, name))


def placed(path, item, members=MEMBERS):
    """The members with another item at this path; `...` takes out what is there."""
    changed = copy.deepcopy(members)
    holder = changed
    for name in path[:-1]:
        holder = holder[name]
    if item is ...:
        del holder[path[-1]]
    else:
        holder[path[-1]] = item
    return changed


def resealed(members):
    """The payload of these members, as they are, but with the right digest of every file."""
    parts = {
        f"data/{name}.yaml" if member == "data" else name: msgspec.json.encode(content, order="sorted")
        for member in OF_FILES
        if isinstance(members.get(member), dict)
        for name, content in members[member].items()
    }
    digests = {name: sha256(raw).hexdigest() for name, raw in parts.items()}
    return msgspec.json.encode({**members, "digests": digests}, order="sorted")


FIELDS = [path for path in paths(MEMBERS) if path and path[0] != "digests"]
TABLES = [path for path in paths(DEFAULTS) if path[:1] == ("data",)]


@pytest.mark.parametrize("path", FIELDS, ids=lambda path: "/".join(map(str, path)))
def test_anything_in_any_field_of_a_signed_payload_is_taken_or_refused(path):
    for item in (*RAWS, ...):
        outcome_of_signed(resealed(placed(path, item)))


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(st.characters(codec="utf-8"))
)
JSON_VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=10,
)
ITEMS = st.sampled_from(RAWS) | JSON_VALUES | st.just(...)


@given(st.sampled_from(FIELDS), ITEMS, st.sampled_from(FIELDS), ITEMS)
def test_anything_in_two_fields_of_a_signed_payload_is_taken_or_refused(path, item, other, another):
    changed = placed(path, item)
    if other in paths(changed):
        changed = placed(other, another, changed)
    outcome_of_signed(resealed(changed))


@given(st.sampled_from(TABLES), ITEMS)
def test_anything_in_the_tables_of_a_signed_payload_is_taken_or_refused(path, item):
    outcome_of_signed(resealed(placed(path, item, DEFAULTS)))


@given(st.binary() | JSON_VALUES.map(lambda value: repr(value).encode()) | st.sampled_from(WILD))
def test_arbitrary_signed_bytes_are_refused(body):
    assert outcome_of_signed(body) == REFUSED


@given(
    mutated(
        BODY,
        st.integers(0, len(BODY) - 1) | st.integers(0, 300) | st.integers(len(BODY) - 4000, len(BODY) - 1),
    )
)
def test_changed_bytes_that_are_signed_are_taken_or_refused(body):
    outcome_of_signed(body)


WORDS_OF_CEL = r"""
action resource subject context risk now .properties .id .x [0] ['a'] ( ) lookup known "people" has matches .all(x,x)
1 1.0 '' r'\d' b'' {} {'a':1} && || ! - == ? : , // \ duration('1s') é
"""
WORDS = [*WORDS_OF_CEL.split(), " ", " in ", "\n", "\x00"]
CONDITIONS = st.lists(st.sampled_from(WORDS), max_size=12).map("".join) | st.text(
    st.characters(codec="utf-8")
)


REGEXES = [
    "(",
    "a{99999999999}",
    "(" * 5000 + ")" * 5000,
    "(?P<x",
    "(?P=x)",
    "[[a]",
    "x*",
    "\\",
    "(?i",
    "a{2,1}",
    "(?<=a+)b",
]


@pytest.mark.parametrize("regex", REGEXES, ids=range(len(REGEXES)))
def test_any_regular_expression_in_a_signed_payload_is_taken_or_refused(regex):
    outcome_of_signed(resealed(placed(("data", "masking", "patterns", 0, "regex"), regex)))


@given(CONDITIONS)
@example("(" * 2000 + "1" + ")" * 2000)
@example("!" * 4000)
@example("[" * 4096)
@example("a." * 2000 + "a")
@example("1" + "+1" * 2000)
@settings(max_examples=200)
def test_any_condition_in_a_signed_payload_is_taken_or_refused(text):
    path = next(path for path in FIELDS if path[-1] == "when")
    outcome_of_signed(resealed(placed(path, text)))
