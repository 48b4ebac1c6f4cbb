"""Question: words become a request, and what cannot be one is refused before anybody is asked."""

import io

import pytest

from sidecar.cli.exits import UsageError
from sidecar.cli.question import Words, question


def ask(subject=None, action=None, resource=None, properties=(), context=None, file=None, stdin=b""):
    return question(Words(subject, action, resource, tuple(properties), context, file), io.BytesIO(stdin))


def test_three_words_are_a_request():
    assert ask("agent:bot", "file.read", "file:/srv/a:b") == {
        "subject": {"type": "agent", "id": "bot"},
        "action": {"name": "file.read"},
        "resource": {"type": "file", "id": "/srv/a:b"},
    }


def test_properties_are_the_actions_unless_they_say_whose():
    asked = ask(
        "a:b", "c", "d:e", ["amount=500", "subject.team=red", "resource.size=1", "action.x.y=[1]", "u.v=z"]
    )
    assert asked["action"]["properties"] == {"amount": 500, "x.y": [1], "u.v": "z"}
    assert asked["subject"]["properties"] == {"team": "red"}
    assert asked["resource"]["properties"] == {"size": 1}


@pytest.mark.parametrize(
    ("text", "value"),
    [("k=", ""), ("k=a=b", "a=b"), ("k=true", True), ('k="5"', "5"), ("k={", "{"), ("k=5x", "5x")],
)
def test_a_property_is_json_where_it_is_json_and_else_text(text, value):
    assert ask("a:b", "c", "d:e", [text])["action"]["properties"] == {"k": value}


def test_a_file_is_the_whole_request(tmp_path):
    (tmp_path / "r.json").write_text('{"anything": 1}')
    assert ask(file=str(tmp_path / "r.json")) == {"anything": 1}


def test_a_dash_reads_standard_input():
    assert ask(file="-", stdin=b'{"anything": 1}') == {"anything": 1}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({}, "SUBJECT, ACTION and RESOURCE are needed"),
        ({"subject": "a:b", "action": "c"}, "SUBJECT, ACTION and RESOURCE are needed"),
        ({"subject": "bot", "action": "c", "resource": "d:e"}, "SUBJECT `bot` is not of the form type:id"),
        ({"subject": "a:b", "action": "c", "resource": ":e"}, "RESOURCE `:e` is not of the form type:id"),
        (
            {"subject": "a:b", "action": "c", "resource": "d:e", "properties": ["k"]},
            "`k` is not of the form KEY=VALUE",
        ),
        (
            {"subject": "a:b", "action": "c", "resource": "d:e", "properties": ["=v"]},
            "is not of the form KEY=VALUE",
        ),
        (
            {"subject": "a:b", "action": "c", "resource": "d:e", "context": "[]"},
            "--context: the body must be a JSON object",
        ),
        ({"subject": "a:b", "action": "c", "resource": "d:e", "context": '{"a":1,"a":2}'}, "occurs twice"),
        ({"subject": "a:b", "file": "-"}, "leave the other words out"),
        ({"file": "-", "stdin": b"{"}, "--request: the body is not valid JSON"),
        ({"file": "-", "stdin": b" " * (256 * 1024 + 1)}, "larger than 262144 bytes"),
        ({"file": "/nowhere/at/all"}, "No such file"),
    ],
)
def test_what_is_no_request_is_refused(words, message):
    with pytest.raises(UsageError, match=message):
        ask(**words)
