"""Which verb a name means, by the default table."""

import pytest
from ascend.models import ActionType

from sidecar.core.risk.names import Names
from tests.fakes.default_risk import TABLE, assess

NAMES = Names(TABLE.verbs)


@pytest.mark.parametrize(
    ("action_type", "verb"),
    [
        ("data_access", "db.query"),
        ("data_modification", "db.write"),
        ("transaction", "pay.transfer"),
        ("recommendation", "prompt.get"),
        ("communication", "msg.chat"),
        ("system_operation", "cloud.deploy"),
        ("query", "db.query"),
        ("analysis", "db.query"),
        ("report_generation", "fs.copy"),
        ("api_call", "web.fetch"),
    ],
)
def test_the_ten_action_types_of_the_sdk_are_known(action_type, verb):
    assert NAMES.verb(action_type, "resource") == verb


def test_the_ten_action_types_are_all_that_the_sdk_has():
    known = {alias for verb in TABLE.verbs.values() for alias in verb.aliases}
    assert {word.value for word in ActionType} <= known


@pytest.mark.parametrize(
    ("name", "verb"),
    [
        ("database.read", "db.query"),
        ("database_write", "db.write"),
        ("file.read", "fs.read"),
        ("file.write", "fs.write"),
        ("file.delete", "fs.delete"),
        ("system.subprocess", "shell.exec"),
        ("code.eval", "code.sandbox"),
        ("code.exec", "shell.exec"),
        ("fs.write", "fs.write"),
        ("WRITE_FILE", "fs.write"),
        ("filesystem/write_file", "fs.write"),
        ("mcp__filesystem__list_directory", "fs.list"),
        ("resources/read", "fs.read"),
        ("prompts/get", "prompt.get"),
    ],
)
def test_aliases_are_found_whole_and_behind_a_server_name(name, verb):
    assert NAMES.verb(name, "resource") == verb


@pytest.mark.parametrize(
    ("name", "verb"),
    [
        ("readCustomerProfile", "fs.read"),
        ("read_and_delete_file", "fs.delete"),
        ("get-secret-value", "secret.read"),
        ("s3:DeleteBucket", "cloud.destroy"),
        ("transferFunds", "pay.transfer"),
        ("HTTPPost", "net.post"),
        ("github.create_issue", "issue.comment"),
        ("disable_audit_logging", "ctl.modify"),
        ("list_payments", "fs.list"),
        ("frobnicate", "unknown"),
        ("", "unknown"),
        ("d\u0435lete", "unknown"),
    ],
)
def test_other_names_mean_the_highest_verb_that_their_words_say(name, verb):
    assert NAMES.verb(name, "resource") == verb


@pytest.mark.parametrize(
    ("action", "kind", "verb"),
    [
        ("read", "secret", "secret.read"),
        ("can_delete", "database", "db.drop"),
        ("create", "user", "iam.grant"),
        ("read", "transfer", "fs.read"),
        ("frobnicate", "transfer", "unknown"),
    ],
)
def test_a_resource_type_completes_a_phrase_but_makes_none_alone(action, kind, verb):
    assert NAMES.verb(action, kind) == verb


@pytest.mark.parametrize(
    ("action", "resource", "properties", "verb"),
    [
        ("tools/call", "tool:write_file", {}, "fs.write"),
        ("tools/call", "tool:filesystem/delete_file", {}, "fs.delete"),
        ("tool_call", "resource:crm_system", {"tool_name": "delete_record"}, "db.delete"),
        ("tool_call", "resource:crm_system", {}, "unknown"),
        ("tool_call", "resource:crm_system", {"tool_name": 7}, "unknown"),
        ("tools/call", "tool:ping", {"name": "ping"}, "server.ping"),
    ],
)
def test_a_tool_call_is_judged_as_the_tool(action, resource, properties, verb):
    assert assess(action, resource, properties=properties).verb == verb


def test_a_name_longer_than_names_are_is_unknown():
    assert assess("read_" + "x" * 300).verb == "unknown"
    assert assess("read", "x" * 300 + ":1").verb == "unknown"
