"""Forward auth, as the operator decides it: how a request that a gateway holds becomes a question."""

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Final

from msgspec import Meta

from sidecar.config.section import Name, Section, unit
from sidecar.config.units import Seconds

METHOD: Final = "{method}"
_HEADER: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
_SECRET: Final = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key"})


class SubjectFrom(StrEnum):
    """What says who asks. `header` and `certificate` believe the gateway, which must set or remove the header."""

    TOKEN = "token"  # noqa: S105 - a word of the config
    HEADER = "header"
    CERTIFICATE = "certificate"
    FIXED = "fixed"


class ForwardAuth(Section, frozen=True):
    """Envoy ext_authz and nginx auth_request, under /forward-auth/ on the decision doors."""

    enabled: Annotated[bool, Meta(description="Answer gateways under /forward-auth/.")] = False
    grpc: Annotated[
        bool, Meta(description="Also answer Envoy's gRPC ext_authz, at <run_dir>/forward-auth.sock.")
    ] = False
    subject_from: Annotated[
        SubjectFrom,
        Meta(
            description="Who asks: the agent that the bearer token is bound to, a header, the client's "
            "certificate (URI in X-Forwarded-Client-Cert), or always the same."
        ),
    ] = SubjectFrom.TOKEN
    subject_header: Annotated[
        Name, Meta(description="Header that names the subject; the gateway must never let a client set it.")
    ] = "x-agent-id"
    subject_type: Annotated[Name, Meta(description="Type of a subject named by header or certificate.")] = (
        "agent"
    )
    subject: Annotated[Name | None, Meta(description="The one subject, type:id, with `fixed`.")] = None
    action: Annotated[Name, Meta(description="Name of the action; {method} is the method in lower case.")] = (
        f"http.{METHOD}"
    )
    headers: Annotated[
        tuple[str, ...], Meta(description="Headers that go into context.headers, for policies to read.")
    ] = ()
    timeout: Annotated[
        Seconds, Meta(description="Longest time to answer; the gateway should wait for clearly longer.")
    ] = unit(Seconds, "180ms")


def findings_of(forward: ForwardAuth) -> Iterator[tuple[str, str, str]]:
    """What no key can know alone: the key, what is wrong with it, and what would be right."""
    yield from _of_subject(forward)
    if forward.grpc and not forward.enabled:
        yield "grpc", "another way into a door that is closed", "set forward_auth.enabled too"
    if {"{", "}"} & set(forward.action.replace(METHOD, "")):
        yield "action", f"`{forward.action[:64]}` holds another brace than those of {METHOD}", ""
    for key, names in (("subject_header", (forward.subject_header,)), ("headers", forward.headers)):
        for name in names:
            if not _HEADER.fullmatch(name):
                yield key, f"`{name[:64]}` is not the name of a header", "letters, digits and hyphens"
            elif name.lower() in _SECRET:
                yield key, f"{name} holds what opens doors, and would be put on record", "leave it out"


def _of_subject(forward: ForwardAuth) -> Iterator[tuple[str, str, str]]:
    is_fixed = forward.subject_from is SubjectFrom.FIXED
    kind, _, name = (forward.subject or "").partition(":")
    if is_fixed and not (kind and name):
        yield "subject", "no subject to ask for", "type:id, such as agent:checkout"
    if not is_fixed and forward.subject is not None:
        yield (
            "subject",
            f"never used: the {forward.subject_from} says who asks",
            "set forward_auth.subject_from to fixed",
        )
    if ":" in forward.subject_type:
        yield "subject_type", f"`{forward.subject_type[:64]}` has a colon", "a type such as agent"
