"""AuthZEN 1.0 over real sockets: shapes, statuses, batch semantics, search, metadata."""

import pytest

from tests.tools.daemon import evaluation

READ = evaluation("agent:a1", "database.read", "resource:customer_profiles")
SHELL = evaluation("agent:a1", "shell.exec", "resource:host")
SECRET = evaluation("agent:a1", "file.read", "file:/home/me/.ssh/id_ed25519")


def test_an_allow_carries_all_that_explains_it(daemon):
    answer = daemon.post("/access/v1/evaluation", READ, X_Request_ID="r-1")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Request-ID"] == "r-1"
    assert answer.body["decision"] is True
    context = answer.body["context"]
    assert context["verdict"] == "allow"
    assert context["code"] == "allowed"
    assert context["reason"]
    assert 0 <= context["risk"]["score"] <= 100
    assert context["policy"]["rules"]
    assert context["policy"]["revision"].startswith("unsigned:")
    assert context["id"] == str(context["audit"]["seq"])
    assert len(context["audit"]["hash"]) == 64
    assert context["expires_at"].endswith("Z")
    assert answer.headers["X-Ascend-Verdict"] == "allow"
    assert answer.headers["X-Ascend-Id"] == context["id"]
    assert answer.headers["X-Ascend-Risk"] == str(context["risk"]["score"])
    assert int(answer.headers["Content-Length"]) == len(answer.raw)


def test_a_hold_is_false_and_names_its_approval(daemon):
    body = daemon.post("/access/v1/evaluation", SHELL).body
    assert body["decision"] is False
    assert body["context"]["verdict"] == "pending"
    assert body["context"]["approval"]["id"].startswith("apr_")
    assert body["context"]["approval"]["href"] == f"/v1/decisions/{body['context']['id']}"


def test_a_deny_is_200_and_false(daemon):
    answer = daemon.post("/access/v1/evaluation", SECRET)
    assert answer.status == 200
    assert answer.body["decision"] is False
    assert answer.body["context"]["verdict"] == "deny"


def test_unknown_fields_are_ignored(daemon):
    body = READ | {"extra": {"deep": [1]}, "subject": READ["subject"] | {"nickname": "x"}}
    assert daemon.post("/access/v1/evaluation", body).body["decision"] is True


def test_context_and_properties_are_optional(daemon):
    body = {name: READ[name] for name in ("subject", "resource")} | {"action": {"name": "database.read"}}
    assert daemon.post("/access/v1/evaluation", body).body["decision"] is True


def without(body: dict, *path: str) -> dict:
    if len(path) == 1:
        return {name: value for name, value in body.items() if name != path[0]}
    return body | {path[0]: without(body[path[0]], *path[1:])}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (without(READ, "subject"), "subject"),
        (without(READ, "action"), "action"),
        (without(READ, "resource"), "resource"),
        (without(READ, "subject", "type"), "subject.type"),
        (without(READ, "subject", "id"), "subject.id"),
        (without(READ, "action", "name"), "action.name"),
        (without(READ, "resource", "id"), "resource.id"),
        (READ | {"subject": "alice"}, "subject"),
        (READ | {"action": {"name": 123}}, "action.name"),
        (READ | {"context": []}, "context"),
        (READ | {"action": {"name": "x" * 2000}}, ""),
    ],
)
def test_a_wrong_request_is_400_and_names_the_field(daemon, body, field):
    answer = daemon.post("/access/v1/evaluation", body, X_Request_ID="r-2")
    assert answer.status == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Request-ID"] == "r-2"
    assert answer.body.get("field", "") == field
    assert answer.body["detail"]


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"a":1,"a":2}', b'{"a":"\\ud800"}', b"\xff"])
def test_what_is_not_i_json_is_400(daemon, raw):
    assert daemon.post("/access/v1/evaluation", raw).status == 400


def test_a_wrong_content_type_is_400_and_a_charset_is_taken(daemon):
    raw = b"{}"
    assert (
        daemon.ask("POST", "/access/v1/evaluation", raw, Content_Type="text/plain").body["field"]
        == "Content-Type"
    )
    typed = daemon.ask("POST", "/access/v1/evaluation", READ, Content_Type="application/json; charset=utf-8")
    assert typed.body["decision"] is True


def test_a_bogus_authorization_header_is_no_reason_to_refuse_where_no_tokens_are_set(daemon):
    assert daemon.post("/access/v1/evaluation", READ, Authorization="undefined").body["decision"] is True


def test_batch_items_carry_no_context_unless_asked(daemon):
    body = {"evaluations": [READ, SHELL, SECRET]}
    plain = daemon.post("/access/v1/evaluations", body)
    assert plain.status == 200
    assert plain.body == {"evaluations": [{"decision": True}, {"decision": False}, {"decision": False}]}
    told = daemon.post("/access/v1/evaluations", body | {"options": {"context": True}}).body["evaluations"]
    assert [item["context"]["verdict"] for item in told] == ["allow", "pending", "deny"]


def test_an_item_key_replaces_the_whole_default_and_an_empty_item_inherits_all(daemon):
    defaults = READ | {"resource": {}}
    items = [{"resource": READ["resource"]}, {"resource": READ["resource"], "action": SHELL["action"]}]
    body = daemon.post("/access/v1/evaluations", defaults | {"evaluations": items}).body
    assert [item["decision"] for item in body["evaluations"]] == [True, False]
    assert daemon.post("/access/v1/evaluations", READ | {"evaluations": [{}]}).body == {
        "evaluations": [{"decision": True}]
    }


@pytest.mark.parametrize("more", [{}, {"evaluations": []}])
def test_without_items_a_batch_is_a_single_evaluation(daemon, more):
    assert daemon.post("/access/v1/evaluations", READ | more).body["decision"] is True


@pytest.mark.parametrize(
    ("semantic", "decisions"),
    [
        ("execute_all", [True, False, True, False]),
        ("deny_on_first_deny", [True, False]),
        ("permit_on_first_permit", [True]),
    ],
)
def test_short_circuits_end_the_array_at_the_deciding_item(daemon, semantic, decisions):
    body = {"evaluations": [READ, SECRET, READ, SHELL], "options": {"evaluations_semantic": semantic}}
    answer = daemon.post("/access/v1/evaluations", body).body
    assert [item["decision"] for item in answer["evaluations"]] == decisions


def test_an_item_that_is_no_request_is_an_error_of_its_own(daemon):
    items = [READ, without(READ, "subject"), 7, READ]
    told = daemon.post("/access/v1/evaluations", {"evaluations": items}).body["evaluations"]
    assert [item["decision"] for item in told] == [True, False, False, True]
    assert told[1]["context"]["error"]["status"] == 400
    assert "subject" in told[1]["context"]["error"]["message"]
    stopped = daemon.post(
        "/access/v1/evaluations",
        {"evaluations": items, "options": {"evaluations_semantic": "deny_on_first_deny"}},
    ).body["evaluations"]
    assert [item["decision"] for item in stopped] == [True, False]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"evaluations": {}}, "evaluations"),
        ({"evaluations": [READ] * 101}, "evaluations"),
        ({"evaluations": [READ], "options": []}, "options"),
        ({"evaluations": [READ], "options": {"evaluations_semantic": "x"}}, "options.evaluations_semantic"),
    ],
)
def test_a_wrong_batch_is_400_as_a_whole(daemon, body, field):
    answer = daemon.post("/access/v1/evaluations", body)
    assert (answer.status, answer.body["field"]) == (400, field)


def test_action_search_lists_only_what_would_be_allowed(daemon):
    body = {"subject": READ["subject"], "resource": READ["resource"]}
    results = daemon.post("/access/v1/search/action", body).body["results"]
    names = [result["name"] for result in results]
    assert "database.read" in names
    for name in names:
        asked = body | {"action": {"name": name}}
        assert daemon.post("/access/v1/evaluation", asked).body["decision"] is True, name


def test_metadata_names_only_endpoints_that_answer(daemon):
    metadata = daemon.get("/.well-known/authzen-configuration").body
    base = metadata.pop("policy_decision_point")
    assert base == daemon.listen["decision"]
    assert len(metadata) == 3
    for url in metadata.values():
        assert url.startswith(base)
        assert daemon.post(url.removeprefix(base), READ).status == 200
