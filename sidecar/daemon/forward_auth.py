"""Forward auth, wired: what the operator decided of it, as its door takes it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from sidecar.api.forward_auth import ForwardAuth
from sidecar.api.forward_auth_request import Reading
from sidecar.api.guards import CallerGuard
from sidecar.config import Config, SubjectFrom
from sidecar.config import ForwardAuth as Settings
from sidecar.core.errors import ConfigError, Diagnostic, Place
from sidecar.service.decide import Decider
from sidecar.service.ports import Metrics
from sidecar.service.state import State

if TYPE_CHECKING:
    from sidecar.api.forward_auth_grpc import ForwardAuthGrpc


def build_forward_auth(
    settings: Settings, decider: Decider, state: State, callers: CallerGuard, metrics: Metrics
) -> ForwardAuth | None:
    """None where it is not enabled: there is then nothing under its paths."""
    if not settings.enabled:
        return None
    return ForwardAuth(decider, state, callers, reading_of(settings), float(settings.timeout), metrics)


def reading_of(settings: Settings) -> Reading:
    kind, _, name = (settings.subject or "").partition(":")
    by_header = settings.subject_from is SubjectFrom.HEADER
    return Reading(
        action=settings.action,
        subject=(kind, name) if settings.subject_from is SubjectFrom.FIXED else None,
        subject_type=settings.subject_type,
        subject_header=settings.subject_header.lower() if by_header else "",
        by_certificate=settings.subject_from is SubjectFrom.CERTIFICATE,
        headers=tuple(header.lower() for header in settings.headers),
    )


def build_forward_auth_grpc(
    config: Config, forward: ForwardAuth | None, on_request: Callable[[], None]
) -> "ForwardAuthGrpc | None":
    """None where it is not enabled. Raises ConfigError without the extra that it needs."""
    if forward is None or not config.forward_auth.grpc:
        return None
    try:
        from sidecar.api.forward_auth_grpc import ForwardAuthGrpc  # noqa: PLC0415 - grpcio is an extra
    except ImportError as error:
        hint = "pip install 'ascend-sidecar[grpc]'"
        place = Place("forward_auth.grpc")
        raise ConfigError(Diagnostic(place, f"{error.name} is not installed", hint)) from error
    socket, body = config.socket, int(config.limits.body)
    return ForwardAuthGrpc(forward, config.forward_auth_socket, socket.mode, socket.group, body, on_request)
