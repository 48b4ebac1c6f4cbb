"""Requests read back from the log, where a name can be masked: one that is could be any, so every halt may hit it."""

from typing import Final

import msgspec

from sidecar.core.delegation import SESSION
from sidecar.core.killswitch.target import NO_TEXT, SERVER_KEYS
from sidecar.core.masks import RESOURCE_ID, is_masked, masked_paths
from sidecar.core.model import Object, Request
from sidecar.core.registry import TOOL_KEYS

_NAMES: Final = (*SERVER_KEYS, *TOOL_KEYS)


def recalled(request: Request) -> Request:
    """The request with what is hidden in it standing for everything that it could be."""
    paths = masked_paths(request)
    if not paths:
        return request
    replace = msgspec.structs.replace
    action, resource = request.action, request.resource
    return replace(
        request,
        action=replace(action, properties=_shown(action.properties, ("action", "properties") in paths)),
        resource=replace(resource, id=NO_TEXT) if RESOURCE_ID in paths else resource,
        context=_shown(request.context, ("context",) in paths, SESSION),
    )


def _shown(part: Object, is_cut: bool, *more: str) -> Object:
    """`is_cut`: the part as a whole was left out, with whatever names were in it."""
    if is_cut:
        return dict.fromkeys((*_NAMES, *more), NO_TEXT)
    return {name: NO_TEXT if is_masked(value) else value for name, value in part.items()}
