"""Building: one content has one form, a bundle decides as its folder does, and mistakes have their place."""

from pathlib import Path

import msgspec
import pytest

from sidecar.adapters.bundle_files import BundleDir
from sidecar.core.bundle import Floor, build_payload, compile_bundle, load_folder, read_payload, verify
from sidecar.core.document import parse_documents
from sidecar.core.errors import MalformedBundle
from sidecar.core.judge import judge
from sidecar.core.policy.cases import parse_cases
from sidecar.core.snapshot import Snapshot
from tests.tools.bundles import DEFAULTS, HEAD
from tests.tools.rewriting import rewrite
from tests.tools.signing import NOW, header, sealed, trust

POLICIES = Path(__file__).parents[2] / "policies"
RULE = "rules: [{id: reads, match: {actions: [read]}, effect: allow}]\n"
CASE = """\
apiVersion: ascend.sidecar/v1
kind: PolicyTest
tests: [{name: one, given: {subject: "a:b", action: read, resource: "c:d"}, expect: {verdict: allow}}]
"""


def files(policy=HEAD + RULE, **more):
    """`data__x` is data/x.yaml."""
    others = {f"{name.replace('__', '/')}.yaml": text.encode() for name, text in more.items()}
    return {"policy.yaml": policy.encode(), **others}


def test_the_same_content_gives_the_same_bytes(tmp_path):
    rewrite(POLICIES, tmp_path)
    one, other = BundleDir(POLICIES).load(), BundleDir(tmp_path).load()
    assert list(one.values()) != list(other.values())
    assert build_payload(header(), one, DEFAULTS) == build_payload(header(), other, DEFAULTS)


def test_another_content_gives_other_bytes():
    one = build_payload(header(), files(), DEFAULTS)
    for changed in (
        files(HEAD + RULE.replace("reads", "rites")),
        files(data__x="a: 1\n"),
        files(data__x="a: 1.0\n"),
    ):
        other = build_payload(header(), changed, DEFAULTS)
        assert other != one
        one = other


def test_a_bundle_decides_as_its_folder_does():
    folder = BundleDir(POLICIES).load()
    raw = sealed(build_payload(header(), folder, DEFAULTS))
    verified = verify(raw, trust(), Floor(), NOW)
    carried = [document for parsed in verified.payload.tests.values() for document in parsed]
    written = [
        d for name in sorted(folder) if name.startswith("tests/") for d in parse_documents(name, folder[name])
    ]
    cases = [case for _, case in parse_cases(written)]
    assert [case for _, case in parse_cases(carried)] == cases
    assert len(cases) > 100
    before = Snapshot(load_folder(folder, DEFAULTS, "folder"), 1.0)
    after = Snapshot(compile_bundle(verified, "bundle"), 1.0)
    for case in cases:
        asked, caller, now = case.given.request(), case.given.asker(), case.given.time()
        assert _told(judge(before, asked, caller, now)) == _told(judge(after, asked, caller, now)), case.name


def _told(decision):
    return msgspec.structs.replace(decision, revision="")


def test_the_tables_that_an_author_lacks_come_from_the_package_and_his_own_stay():
    built = read_payload(build_payload(header(), files(), DEFAULTS))
    assert set(built.digests) == {"policy.yaml", "data/masking.yaml", "data/risk.yaml"}
    table = "keys: [my_secret]\npatterns: []\n"
    mine = read_payload(build_payload(header(), files(data__masking=table), DEFAULTS))
    assert mine.documents["data/masking.yaml"][0].at("keys") == ["my_secret"]


def test_tests_come_along_unless_they_are_not_wanted():
    given = files(tests__a_test=CASE)
    assert "tests/a_test.yaml" in read_payload(build_payload(header(), given, DEFAULTS)).tests
    without = build_payload(header(), given, DEFAULTS, tests=False)
    assert not read_payload(without).tests
    assert without == build_payload(header(), files(), DEFAULTS)


@pytest.mark.parametrize(
    ("given", "place"),
    [
        (files(HEAD + RULE.replace("effect", "efect")), "policy.yaml:4:"),
        (files(HEAD + "rules: [\n"), "policy.yaml:5:"),
        (files(HEAD + RULE + "---\n" + HEAD + RULE), "policy.yaml:9:14"),
        (files(data__masking="keyz: []\n"), "data/masking.yaml:1:1"),
        (files(data__users="- a\n"), "data/users.yaml"),
        (files(tests__a_test=CASE.replace("verdict", "verdit")), "tests/a_test.yaml:3:"),
        (files(**{"a\nb": HEAD + "rules: []\n"}), "payload"),
        (files(**{"\udcff": HEAD + "rules: []\n"}), "payload"),
    ],
)
def test_a_mistake_is_found_where_it_was_made(given, place):
    with pytest.raises(MalformedBundle) as caught:
        build_payload(header(), given, DEFAULTS)
    assert str(caught.value.diagnostics[0].place).startswith(place)


def test_sizes_are_of_the_bytes_that_the_digests_are_of():
    built = read_payload(build_payload(header(), files(data__x="a: 1\n"), DEFAULTS))
    assert built.sizes["data/x.yaml"] == len(b'{"a":1}')
    assert built.sizes.keys() == built.digests.keys()
