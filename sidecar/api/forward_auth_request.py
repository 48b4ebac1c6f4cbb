"""What a gateway asks, read: the request that it holds as subject, action, resource and context.

Envoy (`ext_authz`, HTTP service) repeats method, path, query and Host of that request, with a prefix of its own
before the path. nginx (`auth_request`) asks by GET, and names method and path in headers that its config sets.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sidecar.api.message import Incoming
from sidecar.core.errors import SidecarError
from sidecar.core.forwarded import HTTP_PATH, certificate_uri, host_of, why_hostile
from sidecar.core.model import Action, Caller, Object, Request, Resource, Subject
from sidecar.service.state import State

PREFIX: Final = "/forward-auth/"
ENVOY: Final = "/forward-auth/envoy"
NGINX: Final = "/forward-auth/nginx"
_METHOD: Final = re.compile(r"[A-Z][A-Z-]{0,31}")
_SUBJECT: Final = re.compile(r"[!-+\--~]{1,256}")  # no space and no comma: two headers in one have both
_VALUE_CHARS: Final = 1024
# The headers by which we name who asks, and what was decided: always ours.
OURS: Final = "x-ascend-"
NAMES: Final = frozenset(
    f"{OURS}{name}" for name in ("verdict", "code", "id", "risk", "reason", "subject", "approval")
)
# By these some servers act on another method or path than those of the request line.
_OVERRIDING: Final = frozenset(
    {"x-http-method", "x-http-method-override", "x-method-override", "x-original-url", "x-rewrite-url"}
)


class Reason(StrEnum):
    """Why nothing was decided. Stable, as the codes of decisions are."""

    BAD_REQUEST = "bad_request"
    DEADLINE = "deadline"
    HOSTILE_HEADER = "hostile_header"
    HOSTILE_PATH = "hostile_path"
    INTERNAL_ERROR = "internal_error"
    PARTIAL_BODY = "partial_body"
    UNAUTHENTICATED = "unauthenticated"


class NotAsked(SidecarError):
    """There is no question in what the gateway sent. `why` is for programs; the text is for people."""

    def __init__(self, why: Reason, message: str) -> None:
        super().__init__(message)
        self.why = why


@dataclass(frozen=True, slots=True)
class Reading:
    """How a held request is read, as the operator has it. Header names are in lower case.

    Who asks: `subject`; else whom `subject_header` or the certificate names; else the agent of the token.
    """

    action: str = "http.{method}"
    subject: tuple[str, str] | None = None
    subject_type: str = "agent"
    subject_header: str = ""
    by_certificate: bool = False
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """The request line that the gateway holds."""

    method: str
    target: str


def read_held(incoming: Incoming) -> Held:
    """What the gateway holds, in either way to say it. Raises NotAsked."""
    path, headers = incoming.target, incoming.headers
    if not _OVERRIDING.isdisjoint(headers):
        raise NotAsked(Reason.HOSTILE_HEADER, "A header asks for another method or path.")
    if path.startswith(f"{ENVOY}/"):
        if headers.get("x-envoy-auth-partial-body") == "true":
            raise NotAsked(Reason.PARTIAL_BODY, "Only a part of the body was sent.")
        return Held(_method(incoming.method), path.removeprefix(ENVOY))
    if path == NGINX:
        if any(name.startswith(OURS) and name not in NAMES for name in headers):
            # nginx can replace a header, but not take away one that it does not know by name.
            raise NotAsked(Reason.HOSTILE_HEADER, "A header is named as those of the daemon are.")
        uri = headers.get("x-original-uri", "")
        return Held(_method(headers.get("x-original-method", "")), uri)
    raise NotAsked(Reason.BAD_REQUEST, "No gateway asks here.")


def _method(name: str) -> str:
    if not _METHOD.fullmatch(name):
        raise NotAsked(Reason.BAD_REQUEST, "The gateway names no method.")
    return name


def read_asked(incoming: Incoming, caller: Caller, reading: Reading, state: State) -> Request:
    """The question. Raises NotAsked."""
    held = read_held(incoming)
    path, mark, query = held.target.partition("?")
    if why := why_hostile(path):
        raise NotAsked(Reason.HOSTILE_PATH, f"The path is not taken: {why}.")
    host = host_of(incoming.headers.get("host", ""))
    if host is None:
        raise NotAsked(Reason.BAD_REQUEST, "The host is none.")
    done: Object = {"method": held.method}
    if mark:
        done["query_string"] = query
    if incoming.body:
        done["body_sha256"] = hashlib.sha256(incoming.body).hexdigest()
    name, port = host
    return Request(
        _subject(incoming.headers, caller, reading, state),
        Action(reading.action.replace("{method}", held.method.lower()), done),
        Resource(HTTP_PATH, f"{name}{path}", {"port": port} if port else {}),
        _context(incoming.headers, reading.headers),
    )


def _subject(headers: Mapping[str, str], caller: Caller, reading: Reading, state: State) -> Subject:
    """Raises NotAsked where nobody is named."""
    if reading.subject is not None:
        return Subject(*reading.subject)
    if reading.subject_header or reading.by_certificate:
        name = (
            certificate_uri(headers.get("x-forwarded-client-cert", ""))
            if reading.by_certificate
            else headers.get(reading.subject_header, "")
        )
        if not _SUBJECT.fullmatch(name):
            raise NotAsked(Reason.UNAUTHENTICATED, "The gateway does not say who asks.")
        return Subject(reading.subject_type, name)
    bundle = state.snapshot.bundle
    bound = bundle.agents.of_token(caller.token_id) if bundle and caller.token_id else ""
    if not bound:
        raise NotAsked(Reason.UNAUTHENTICATED, "A bearer token that is bound to one agent is required.")
    kind, _, agent = bound.partition(":")
    return Subject(kind, agent)


def _context(headers: Mapping[str, str], wanted: tuple[str, ...]) -> Object:
    found = {name: headers[name][:_VALUE_CHARS] for name in wanted if name in headers}
    return {"headers": found} if found else {}
