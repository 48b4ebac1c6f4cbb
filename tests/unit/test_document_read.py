"""Reading a document into a type: every finding at once, each with its place and what would be right."""

from enum import StrEnum
from typing import Annotated, Literal

import msgspec
import pytest

from sidecar.core.document import DocumentError, parse_documents, read


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


class Leaf(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    size: int | None = None
    colour: Colour = Colour.RED
    kind: Literal["a", "b"] = "a"
    level: Annotated[int, msgspec.Meta(ge=0, description="a level from 0 up")] | None = None

    def __post_init__(self) -> None:
        if self.name == "nobody":
            raise ValueError("`name` must be somebody")


class Tree(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    leaves: tuple[Leaf, ...]
    by_name: dict[str, Leaf] = {}
    by_word: dict[Annotated[str, msgspec.Meta(pattern=r"^[a-z]+\Z", description="a word")], Leaf] = {}
    either: str | Leaf | None = None


def read_tree(text: str) -> Tree:
    (document,) = parse_documents("t.yaml", text.encode())
    return read(document, Tree)


def findings(text: str) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        read_tree(text)
    return [str(diagnostic) for diagnostic in caught.value.diagnostics]


def test_a_document_of_the_right_shape_becomes_a_value():
    tree = read_tree("leaves: [{name: x, size: 3, colour: green}]\nby_name: {y: {name: y}}\neither: z\n")
    assert tree == Tree((Leaf("x", 3, Colour.GREEN),), {"y": Leaf("y")}, either="z")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "leaves: [{nam: x}]",
            ["t.yaml:1:10: missing key `name`", "t.yaml:1:11: unknown key `nam` (did you mean `name`?)"],
        ),
        (
            "leaves: []\nby_word: {a: {name: x}, A1: {nam: x}}",
            [
                "t.yaml:2:25: expected a word",
                "t.yaml:2:29: missing key `name`",
                "t.yaml:2:30: unknown key `nam` (did you mean `name`?)",
            ],
        ),
        (
            "leaves: [{name: x, kind: {a: 1}}]",
            ["t.yaml:1:26: expected a string, got a mapping"],
        ),
        (
            "leafs: []",
            ["t.yaml:1:1: unknown key `leafs` (did you mean `leaves`?)", "t.yaml:1:1: missing key `leaves`"],
        ),
        ("leaves: [{name: 5}]", ["t.yaml:1:17: expected a string, got an integer"]),
        (
            "leaves: [{name: x, size: true}]",
            ["t.yaml:1:26: expected an integer or nothing, got true or false"],
        ),
        (
            "leaves: [{name: x, colour: gren}]",
            ["t.yaml:1:28: `gren` is not one of red, green (did you mean `green`?)"],
        ),
        ("leaves: [{name: x, kind: z}]", ["t.yaml:1:26: `z` is not one of a, b"]),
        ("leaves: [{name: x, level: -1}]", ["t.yaml:1:27: expected a level from 0 up"]),
        ("leaves: [{name: nobody}]", ["t.yaml:1:10: `name` must be somebody"]),
        ("leaves: [x]", ["t.yaml:1:10: expected a mapping, got a string"]),
        ("leaves: []\nby_name:\n  a: {name: 1}\n", ["t.yaml:3:13: expected a string, got an integer"]),
        (
            "leaves: []\neither: {nme: x}\n",
            ["t.yaml:2:9: missing key `name`", "t.yaml:2:10: unknown key `nme` (did you mean `name`?)"],
        ),
        ("- 1", ["t.yaml:1:1: expected a mapping, got a list"]),
    ],
)
def test_a_wrong_shape_is_named_with_its_place_and_what_would_be_right(text: str, expected: list[str]):
    assert findings(text) == expected


def test_every_finding_is_reported_not_only_the_first():
    text = "leaves:\n  - name: 1\n  - {name: x, size: y}\n  - {name: z, wings: 2}\n"
    assert [line.split(": ")[0] for line in findings(text)] == ["t.yaml:2:11", "t.yaml:3:21", "t.yaml:4:15"]


def test_a_part_of_a_document_can_be_read_alone_and_keeps_its_places():
    (document,) = parse_documents("t.yaml", b"a:\n  b: {name: 3}\n")
    with pytest.raises(DocumentError, match=r"t\.yaml:2:13: expected a string"):
        read(document, Leaf, "a", "b")


def test_findings_are_bounded():
    items = ", ".join("{}" for _ in range(500))
    assert len(findings(f"leaves: [{items}]")) == 100
