"""Daemon: what it is asked, and what it says. Allowed is only what a whole answer of it says is allowed."""

import json
from time import monotonic, sleep
from typing import Final, NamedTuple

from sidecar.cli.hosts.calls import CannotTell, Object, Question, TooLate
from sidecar.cli.hosts.wire import Answer, exchange

_LONGEST_WAIT: Final = 55
_TOO_SHORT: Final = 1.5
_PAUSE: Final = 1.0
"""Seconds from question to question: a daemon that does not wait is not asked all the time."""
_OK: Final = 200
_ALLOW: Final = "allow"


class Asker(NamedTuple):
    """Who asks, and where. `address` is `unix:/PATH` or `http://HOST:PORT`; `trace` are the host's own ids."""

    address: str
    subject: Object
    token: str = ""
    trace: tuple[str, str] = ("", "")


class Told(NamedTuple):
    """A decision. `approval` and `until` tell what a pending one waits for; both are empty otherwise."""

    obliges: bool
    verdict: str
    code: str
    reason: str
    id: str
    approval: str
    until: str

    @property
    def is_allowed(self) -> bool:
        return self.verdict == _ALLOW and not self.obliges

    @property
    def is_pending(self) -> bool:
        return self.verdict == "pending"


def ask(asker: Asker, question: Question, end: float) -> Told:
    """The decision, by `end` of the monotonic clock. Raises CannotTell; nothing is ever asked twice."""
    body = {
        "subject": asker.subject,
        "action": {"name": question.action, "properties": question.properties},
        "resource": {"type": question.kind, "id": question.name},
        "context": question.context,
    }
    fields = _fields(asker, max(1, int(end - monotonic())))
    answer = exchange(asker.address, "POST /access/v1/evaluation", fields, json.dumps(body).encode(), end)
    return _told(answer)


def settle(asker: Asker, told: Told, end: float) -> Told:
    """What has become of a pending decision by `end`: allowed, denied, or pending still. Raises CannotTell."""
    while told.is_pending and (left := end - monotonic()) >= _TOO_SHORT:
        again = monotonic() + _PAUSE
        fields = _fields(asker, min(_LONGEST_WAIT, int(left - 0.5)))
        try:
            news = _told(exchange(asker.address, f"GET /v1/decisions/{told.id}", fields, b"", end))
        except TooLate:
            break
        if news.id != told.id:
            raise CannotTell("the daemon answers for another decision")
        told = news
        if told.is_pending:
            sleep(max(0.0, again - monotonic()))
    return told


def _fields(asker: Asker, wait: int) -> list[str]:
    """`Prefer` (RFC 7240 4.3) is how long this caller waits. The host's ids stand in the record, by these names."""
    said = [("X-Request-ID", asker.trace[0]), ("X-Correlation-ID", asker.trace[1])]
    if asker.token:
        said += [("Authorization", f"Bearer {asker.token}")]
    return [f"Prefer: wait={wait}"] + [
        f"{name}: {value}" for name, value in said if value and value.isascii() and value.isprintable()
    ]


def _told(answer: Answer) -> Told:
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise CannotTell(f"the daemon's answer, of status {answer.status}, is not JSON") from error
    if not isinstance(value, dict):
        raise CannotTell("the daemon's answer is not a decision")
    if answer.status != _OK:
        why = value.get("detail", "no reason given")
        raise CannotTell(f"the daemon refused to decide, status {answer.status}: {why}")
    told = _decision(value)
    said = (answer.fields.get("x-ascend-verdict"), value["decision"])
    if said != (told.verdict, told.verdict == _ALLOW):
        raise CannotTell("the daemon's answer contradicts itself")
    return told


def _decision(value: Object) -> Told:
    context = value.get("context")
    if not isinstance(value.get("decision"), bool) or not isinstance(context, dict):
        raise CannotTell("the daemon's answer is not a decision")
    approval = context.get("approval", {})
    parts = [context.get(name) for name in ("verdict", "code", "reason")]
    parts += [context.get("id", "")]
    parts += [approval.get(name, "") if isinstance(approval, dict) else None for name in ("id", "expires_at")]
    said = [part for part in parts if isinstance(part, str)]
    if len(said) != len(parts) or not said[0]:
        raise CannotTell("the daemon's answer is not a decision")
    return Told(context.get("obligations") != [], *said)
