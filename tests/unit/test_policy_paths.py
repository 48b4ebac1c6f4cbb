"""Path rules: a deny sees every way of writing a path, an allow must agree with all of them."""

import pytest

from sidecar.core.model import Verdict
from sidecar.core.policy import Part
from tests.fakes.policies import PATHS, inputs, request, table

ALLOW_DATA = "rules: [{id: allow-data, effect: allow, match: {resources: ['file:/data/*']}}]"
DENY_ETC = (
    "rules: [{id: all, effect: allow}, {id: no-etc, effect: deny, match: {resources: ['file:/etc/*']}}]"
)
ASK_ETC = """\
rules:
  - {id: data, effect: allow, match: {resources: ["file:/data/*"]}}
  - {id: etc, effect: approve, match: {resources: ["file:/etc/*"]}}
defaults: {approval: {stages: [{approvers: ["group:on-call"]}]}}
"""


def verdict(body: str, **parts: object) -> Verdict:
    return table(body, paths=PATHS).evaluate(inputs(request(**parts))).verdict


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "/tmp/../etc/passwd", "//etc/passwd", "/%65tc/passwd", "/etc/../x"]
)
def test_a_deny_matches_if_either_form_does(path: str):
    assert verdict(DENY_ETC, resource=f"file:{path}") is Verdict.DENY


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/data/a", Verdict.ALLOW),
        ("/data/./a", Verdict.ALLOW),
        ("/data/../etc/passwd", Verdict.DENY),
        ("/tmp/../data/a", Verdict.DENY),
    ],
)
def test_an_allow_matches_only_if_both_forms_do(path: str, expected: Verdict):
    assert verdict(ALLOW_DATA, resource=f"file:{path}") is expected


def test_an_approve_matches_only_if_both_forms_do():
    assert verdict(ASK_ETC, resource="file:/etc/hosts") is Verdict.PENDING
    assert verdict(ASK_ETC, resource="file:/data/../etc/hosts") is Verdict.DENY


def test_an_id_of_another_type_is_no_path():
    body = "rules: [{id: a, effect: allow, match: {resources: ['url:a/../b']}}]"
    assert verdict(body, resource="url:a/../b") is Verdict.ALLOW


@pytest.mark.parametrize(
    "where",
    [
        {"did": {"path": "/data/../etc/passwd"}},
        {"on": {"path": "/data/../etc/passwd"}},
        {"of": {"path": "/data/../etc/passwd"}},
        {"context": {"path": "/data/../etc/passwd"}},
    ],
)
def test_named_properties_are_paths_in_conditions_wherever_they_stand(where: dict):
    part = {"did": "action.properties", "on": "resource.properties", "of": "subject.properties"}
    name = part.get(next(iter(where)), "context")
    deny = f"rules: [{{id: a, effect: allow}}, {{id: b, effect: deny, when: {name}.path.startsWith('/etc')}}]"
    allow = f"rules: [{{id: a, effect: allow, when: {name}.path.startsWith('/data')}}]"
    assert verdict(deny, **where) is Verdict.DENY
    assert verdict(allow, **where) is Verdict.DENY
    assert verdict(allow, **{key: {"path": "/data/x"} for key in where}) is Verdict.ALLOW


@pytest.mark.parametrize(
    ("properties", "read"),
    [
        ({"arguments": {"path": "/a/../etc"}}, "action.properties.arguments.path"),
        ({"path": ["/x", "/a/../etc"]}, "action.properties.path[1]"),
        ({"files": [{"path": "/a/../etc"}]}, "action.properties.files[0].path"),
        ({"path": {"path": "/a/../etc"}}, "action.properties.path.path"),
    ],
)
def test_paths_are_found_in_lists_and_nested_maps(properties: dict, read: str):
    body = f"rules: [{{id: all, effect: allow}}, {{id: no, effect: deny, when: \"{read} == '/etc'\"}}]"
    assert verdict(body, did=properties) is Verdict.DENY


def test_other_properties_are_taken_as_they_are():
    body = "rules: [{id: a, effect: allow, when: \"action.properties.note == 'a//b'\"}]"
    assert verdict(body, did={"note": "a//b", "path": "/x/../y"}) is Verdict.ALLOW


def test_a_condition_is_judged_with_the_normal_resource_id_too():
    body = "rules: [{id: all, effect: allow}, {id: no, effect: deny, when: \"resource.id == '/etc'\"}]"
    assert verdict(body, resource="file:/x/../etc") is Verdict.DENY


def test_a_request_without_odd_paths_has_no_twin():
    plain = request(resource="file:/etc", did={"path": ["/a", {"b": ["/c"]}], "other": [{"path": 5}]})
    assert PATHS.twin(plain) is plain


def test_errors_of_both_readings_are_reported_once():
    body = "rules: [{id: r, effect: deny, when: context.absent == 1}]"
    assert table(body, paths=PATHS).evaluate(inputs(request(resource="file:/a//b"))).errors == (
        "r: `context.absent` is absent",
    )


def test_explaining_says_which_form_matched():
    asked = inputs(request(resource="file:/data/../etc/passwd"))
    (allow,) = table(ALLOW_DATA, paths=PATHS).explain(asked)
    _, deny = table(DENY_ETC, paths=PATHS).explain(asked)
    assert (allow.matched, allow.part) == (False, Part.PATH)
    assert "`file:/etc/passwd` matches none of `file:/data/*`" in allow.why
    assert (deny.matched, deny.part) == (True, Part.PATH)
    assert "normalised" in deny.why
