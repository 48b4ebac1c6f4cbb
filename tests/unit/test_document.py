"""Strict YAML: JSON types only, every refusal with its place, every value findable again in the file."""

import pytest

from sidecar.core.document import MAX_BYTES, Document, DocumentError, parse_documents
from sidecar.core.strict_yaml import MAX_DEPTH, MAX_FINDINGS


def parse(text: str) -> Document:
    (document,) = parse_documents("a.yaml", text.encode())
    return document


def refusal(text: str | bytes) -> list[str]:
    raw = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(DocumentError) as caught:
        parse_documents("a.yaml", raw)
    return [str(diagnostic) for diagnostic in caught.value.diagnostics]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("17", 17),
        ("-0", 0),
        ("1.5e3", 1500.0),
        ("9223372036854775807", 9223372036854775807),
        ("'17'", "17"),
        ("yes", "yes"),
        ("off", "off"),
        ("True", "True"),
        ("0644", "0644"),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        (".inf", ".inf"),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
    ],
)
def test_a_scalar_is_what_json_would_make_of_it_else_a_string(written: str, value: object):
    read = parse(f"a: {written}").value["a"]
    assert read == value
    assert type(read) is type(value)


def test_keys_are_strings_whatever_they_look_like():
    assert parse("{on: 1, 2: 3, true: 4}").value == {"on": 1, "2": 3, "true": 4}


def test_a_file_may_hold_several_documents_or_none():
    assert [d.value for d in parse_documents("a.yaml", b"a: 1\n---\nb: 2\n")] == [{"a": 1}, {"b": 2}]
    assert parse_documents("a.yaml", b"# nothing\n") == ()


def test_canonical_json_is_yaml_too():
    assert parse('{"a":[1,"\\u00e9",{"b":null}]}').value == {"a": [1, "é", {"b": None}]}


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("a: 1\nb: 2\na: 3\n", "a.yaml:3:1: duplicate key `a` (keep one of them)"),
        ("a: &x 1\n", "a.yaml:1:4: anchors are not allowed (write the value out)"),
        ("&x a: 1\n", "a.yaml:1:1: anchors are not allowed (write the value out)"),
        ("a:\n  <<: 1\n", "a.yaml:2:3: merge keys are not allowed (write the keys out)"),
        (
            "a: !!str 3\n",
            "a.yaml:1:4: tags such as `tag:yaml.org,2002:str` are not allowed (leave the tag out)",
        ),
        ("a: !thing {}\n", "a.yaml:1:4: tags such as `!thing` are not allowed (leave the tag out)"),
        ("? [a]\n: 1\n", "a.yaml:1:3: not YAML: a key must be a string"),
        ("a: 1e999\n", "a.yaml:1:4: number does not fit in 64 bits (quote it if it is a name)"),
        (f"a: {'9' * 400}\n", "a.yaml:1:4: number does not fit in 64 bits (quote it if it is a name)"),
        ("a: 9223372036854775808", "a.yaml:1:4: number does not fit in 64 bits (quote it if it is a name)"),
        ("a: [1,\n", "a.yaml:2:1: not YAML: did not find expected node content"),
        ("a: x\x07\n", "a.yaml:1:5: not YAML: character U+0007 is not allowed"),
        (b"a: 1\nb: \xff\n", "a.yaml:2: not UTF-8"),
    ],
)
def test_what_two_readers_may_read_differently_is_refused_with_its_place(text: str | bytes, finding: str):
    assert refusal(text) == [finding]


def test_an_alias_is_refused_beside_its_anchor():
    assert refusal("a: &x 1\nb: *x\n") == [
        "a.yaml:1:4: anchors are not allowed (write the value out)",
        "a.yaml:2:4: aliases are not allowed (write the value out)",
    ]


def test_a_quoted_merge_sign_is_an_ordinary_key():
    assert parse("'<<': 1").value == {"<<": 1}


def test_depth_is_bounded_before_anything_recurses():
    assert parse("[" * MAX_DEPTH + "]" * MAX_DEPTH).value
    assert "nested deeper than 32" in refusal("[" * 100_000)[0]


def test_size_is_bounded():
    assert refusal(b" " * (MAX_BYTES + 1)) == [f"a.yaml: larger than {MAX_BYTES} bytes"]


def test_findings_are_bounded():
    assert len(refusal("a: 1\n" * 1000)) == MAX_FINDINGS


def test_places_name_line_and_column_of_values_and_keys():
    document = parse("# top\nrules:\n  - id: a\n    match: {actions: [x, y]}\n")
    assert str(document.place("rules", 0, "match", "actions", 1)) == "a.yaml:4:26"
    assert str(document.key_place("rules", 0, "match", "actions")) == "a.yaml:4:13"
    assert str(document.key_place("rules", 0)) == "a.yaml:3:5"
    assert str(document.place()) == "a.yaml:2:1"


def test_a_path_that_is_not_there_has_the_place_of_its_nearest_ancestor():
    document = parse("a:\n  b: 1\n")
    assert str(document.place("a", "c", "d")) == "a.yaml:2:3"
    assert str(document.key_place("a", "c")) == "a.yaml:2:3"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: one two HERE\n", "a.yaml:1:12"),
        ("a: 'it''s HERE'\n", "a.yaml:1:11"),
        ('a: "x\\ty\\u0041\\"\\n HERE"\n', "a.yaml:1:20"),
        ("a: |\n  one\n\n    two HERE\n", "a.yaml:4:9"),
        ("a: >-\n  one\n  two HERE\n", "a.yaml:3:7"),
        ("a: one\n  two\n  HERE three\n", "a.yaml:3:3"),
        ("é: ü HERE\n", "a.yaml:1:6"),
    ],
)
def test_a_spot_inside_a_string_is_found_in_every_style(text: str, place: str):
    document = parse(text)
    key = next(iter(document.value))
    assert str(document.inside(key, offset=document.value[key].index("HERE"))) == place


def test_a_byte_order_mark_moves_no_column():
    (document,) = parse_documents("a.yaml", "\ufeffa: b\n".encode())
    assert str(document.place("a")) == "a.yaml:1:4"
