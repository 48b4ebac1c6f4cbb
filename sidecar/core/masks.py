"""Masks as they stand in the log: which parts of a recorded request are not what was sent.

What only looks like a mask, because an agent sent it so, counts as one.
"""

from typing import Final

from sidecar.core.masking import DIGEST, MASK
from sidecar.core.model import JSON, Request

Path = tuple[str, ...]
RESOURCE_ID: Final[Path] = ("resource", "id")
_MARK: Final = MASK + DIGEST
_LONG: Final = {"size", "digest"}
_OMITTED: Final = {"bytes", "digest"}


def masked_paths(request: Request) -> tuple[Path, ...]:
    """The paths, such as `("context", "user", "password")`, of all that is masked, shortened or left out.

    A list with a mask in it is one as a whole.
    """
    subject, action, resource = request.subject, request.action, request.resource
    found: list[Path] = []
    _search(subject.properties, ("subject", "properties"), found)
    _search(action.properties, ("action", "properties"), found)
    _search(resource.id, RESOURCE_ID, found)
    _search(resource.properties, ("resource", "properties"), found)
    _search(request.context, ("context",), found)
    return tuple(found)


def is_masked(value: JSON) -> bool:
    """Whether anything in it is masked, shortened or left out."""
    found: list[Path] = []
    _search(value, (), found)
    return bool(found)


def _search(value: JSON, path: Path, found: list[Path]) -> None:
    if isinstance(value, str):
        if _MARK in value:
            found.append(path)
    elif isinstance(value, dict):
        if _stands_for_more(value):
            found.append(path)
        else:
            for name, item in value.items():
                _search(item, (*path, name), found)
    elif isinstance(value, list):
        within: list[Path] = []
        for item in value:
            _search(item, path, within)
        if within:
            found.append(path)


def _stands_for_more(value: dict[str, JSON]) -> bool:
    """Whether this is what a very long text, or a part of a very long record, became."""
    omitted = value.get("omitted")
    if isinstance(omitted, dict) and len(value) == 1:
        return omitted.keys() == _OMITTED
    return value.keys() == _LONG and str(value["digest"]).startswith(DIGEST)
