"""Forward auth, wired: what the operator decided of it, as its door takes it."""

from sidecar.api.forward_auth import ForwardAuth
from sidecar.api.forward_auth_request import Reading
from sidecar.api.guards import CallerGuard
from sidecar.config import ForwardAuth as Settings
from sidecar.config import SubjectFrom
from sidecar.service.decide import Decider
from sidecar.service.state import State


def build_forward_auth(
    settings: Settings, decider: Decider, state: State, callers: CallerGuard
) -> ForwardAuth | None:
    """None where it is not enabled: there is then nothing under its paths."""
    if not settings.enabled:
        return None
    return ForwardAuth(decider, state, callers, reading_of(settings), float(settings.timeout))


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
