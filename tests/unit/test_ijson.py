import json
import tracemalloc

import pytest

from sidecar.core.errors import RequestError
from sidecar.core.ijson import JsonLimits, parse_object

LIMITS = JsonLimits()


def refusal(raw: bytes) -> RequestError:
    with pytest.raises(RequestError) as caught:
        parse_object(raw, LIMITS)
    return caught.value


def test_an_object_is_read_as_it_stands():
    assert parse_object(b'{"a": [1, 2.5, null, true, {"b": "\xc3\xa9"}]}', LIMITS) == {
        "a": [1, 2.5, None, True, {"b": "é"}]
    }


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b'{"a":1,"a":2}', "a"),
        (b'{"x":{"a":1,"b":2,"a":1}}', "a"),
        (b'{"a":1,"\\u0061":2}', "a"),
        (b'{"a":"\\u003a","a":":"}', "a"),
        (b'{"a":{"b":[]},"a":{}}', "a"),
        (b'{"a":1,"a":{}}', "a"),
    ],
)
def test_a_duplicate_member_is_refused_by_its_name(raw, name):
    error = refusal(raw)
    assert error.field == name
    assert "twice" in str(error)


def test_a_duplicate_among_very_many_members_is_found_in_one_pass():
    # Counted name by name, this body holds the loop for an hour.
    members = ",".join(f'"{number:x}":0' for number in range(300_000))
    assert refusal(f'{{{members},"last":0,"last":1}}'.encode()).field == "last"


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", "empty"),
        (b"   ", "empty"),
        (b"{", "not valid JSON"),
        (b"[]", "must be a JSON object"),
        (b'"x"', "must be a JSON object"),
        (b'{"a":NaN}', "not valid JSON"),
        (b'{"a":"\\ud800"}', "not valid JSON"),
        (b'{"a":"\xed\xa0\x80"}', "not UTF-8"),
        (b'{"a":"\xff"}', "not UTF-8"),
        (b"\xef\xbb\xbf{}", "not valid JSON"),
        (b'{"a":1e400}', "not valid JSON"),
        (b'{"a":' + b"9" * 400 + b"}", "64 bits"),
        (b'{"a":' + b"9" * 5000 + b"}", "not valid JSON"),
        (b'{"a":9223372036854775808}', "64 bits"),
        (b'{"a":-9223372036854775809}', "64 bits"),
        (b'{"a":' + b"[" * 40 + b"]" * 40 + b"}", "deeper"),
        (b'{"a":' + b"[" * 100_000, "deeper"),
        (b'{"a":[' + b"1," * 1000 + b"1]}", "1001 entries"),
    ],
)
def test_what_is_not_i_json_is_refused_with_the_reason(raw, told):
    assert told in str(refusal(raw))


@pytest.mark.parametrize("escape", [b"", b"\\n", b'\\"', b"\\\\", b'\\\\\\"', b'\\"\\\\'])
def test_brackets_in_strings_are_not_counted_and_all_others_are(escape):
    text = escape + b"[{" * 40 + escape
    assert parse_object(b'{"a":"' + text + b'","' + text + b'":[[]]}', LIMITS)
    assert "deeper" in str(refusal(b'{"a":"' + text + b'","b":' + b"[" * 40 + b"]" * 40 + b"}"))


@pytest.mark.parametrize("escape", [b"", b"\\n"])
def test_a_long_string_takes_no_more_room_among_many_brackets(escape):
    """It is looked through for quotes, which must not cost memory for each of its characters."""
    raw = b'{"a":"' + b"x" * 2_000_000 + escape + b'","b":[' + b",".join([b"[]"] * 100) + b"]}"
    tracemalloc.start()
    try:
        parse_object(raw, LIMITS)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5 * len(raw)


def test_the_field_of_a_too_large_integer_is_named():
    assert refusal(b'{"a":{"b":[0,18446744073709551616]}}').field == "a.b[1]"


@pytest.mark.parametrize(
    "value",
    [
        {"a": 2**63 - 1, "b": -(2**63)},
        {"digits": "1" * 400},
        {"quoted": 'a "quote" and a \\ and a line\nbreak'},
        {"brackets": "[" * 100 + "{" * 100},
        {"colons": ":::", "commas": "," * 2000},
        {"deep": [[[[[[[[[[1]]]]]]]]]]},
        {"surrogate pair": "\U0001f600"},
    ],
)
def test_what_only_looks_suspicious_is_taken(value):
    assert parse_object(json.dumps(value).encode(), LIMITS) == value
    assert parse_object(json.dumps(value, ensure_ascii=False).encode(), LIMITS) == value
