"""Answering: one call of a hook, from its standard input to its exit status.

Whatever goes wrong here is a deny, in the form that the host takes for one: no daemon, a slow one, one that talks
nonsense, an input that cannot be read, a signal, an error of ours. A host that is told nothing goes on, so there is a
clock for all of it, which ends before the host's own.
"""

from collections.abc import Mapping, Sequence
from os.path import realpath
from typing import BinaryIO, Final, NamedTuple

from sidecar.cli.hosts.calls import CannotTell, Object, Refused, Spoken
from sidecar.cli.hosts.clock import ignore_endings, start_clock
from sidecar.cli.hosts.daemon import Asker, Told, ask, settle
from sidecar.cli.hosts.dialects import BLOCKED, HOSTS, Host
from sidecar.cli.hosts.payloads import payload_of
from sidecar.cli.hosts.questions import questions
from sidecar.cli.hosts.words import DEFAULT_TIMEOUT, FOR_PEOPLE, Words, read_words

_MOST_INPUT: Final = 16 << 20
_MOST_REASON: Final = 2000
_FOR_THE_ANSWER: Final = 1.0
"""Seconds that are kept back of the time, to say what came out."""


class Streams(NamedTuple):
    """Unbuffered, so that nothing is left to be written after the status was chosen."""

    stdin: BinaryIO
    stdout: BinaryIO
    stderr: BinaryIO


def run(arguments: Sequence[str], environ: Mapping[str, str], streams: Streams) -> int | None:
    """The exit status; None for what typer is to show to people. The first of `arguments` is the host."""
    if FOR_PEOPLE.intersection(arguments):
        return None
    host = HOSTS.get(arguments[0]) if arguments else None
    payload: Object = {}
    try:
        try:
            spoken = _attempt(host, arguments, environ, streams.stdin, payload)
        finally:
            ignore_endings()
    except Refused as refused:
        spoken = _no(host, payload, str(refused))
    except CannotTell as why:
        spoken = _no(host, payload, f"not decided, so not allowed: {why}.")
    except Exception as error:  # noqa: BLE001 - the last line of defence; its words may be the call's arguments
        spoken = _no(host, payload, f"not decided, so not allowed: internal error, {type(error).__name__}.")
    return _speak(spoken, streams)


def _attempt(
    host: Host | None,
    arguments: Sequence[str],
    environ: Mapping[str, str],
    stdin: BinaryIO,
    payload: Object,
) -> Spoken:
    """What to say if it is allowed; `payload` is filled as soon as it is known. Raises CannotTell, Refused."""
    start_clock(DEFAULT_TIMEOUT)
    try:
        words = read_words(arguments[1:], environ, host.name if host else "")
    except CannotTell:
        _input(stdin)
        raise
    started = start_clock(words.timeout)
    raw = _input(stdin)
    if host is None:
        raise CannotTell(f"the host is none of {', '.join(HOSTS)}")
    payload.update(payload_of(raw))
    _decide(host, words, payload, started)
    return host.go_on(payload)


def _decide(host: Host, words: Words, payload: Object, started: float) -> None:
    """Returns if all that the call does is allowed. Raises CannotTell, Refused."""
    call = host.read(payload)
    kind, _, name = words.agent.partition(":")
    asker = Asker(words.address, {"type": kind, "id": name}, words.token, (call.use, call.session))
    end = started + words.timeout - min(_FOR_THE_ANSWER, words.timeout / 5)
    waits = []
    for question in questions(host.name, call, host.table, realpath):
        told = ask(asker, question, end)
        if told.is_pending:
            waits.append(told)
        elif not told.is_allowed:
            raise Refused(_why(told))
    settled = [settle(asker, told, min(end, started + words.wait)) for told in waits]
    if refusals := [_why(told) for told in settled if not told.is_allowed]:
        raise Refused(" ".join(refusals))


def _why(told: Told) -> str:
    """Shown to the model: what was said, and what there is to do."""
    if told.is_pending:
        return (
            f"held until a person approves ({told.approval}, open until {told.until}): {told.reason} "
            f"Tell your user to run `ascend-sidecar approvals approve {told.approval}`; after that make exactly "
            "the same call again, within ten minutes."
        )
    if told.verdict == "allow":
        return f"allowed only with obligations, which a hook does not do (decision {told.id})."
    return (
        f"denied, {told.code}: {told.reason} (decision {told.id}) "
        "Do not reach for the same by other means; tell your user."
    )


def _no(host: Host | None, payload: Object, reason: str) -> Spoken:
    """A deny in the host's form; what is not printable could steer the terminal that shows it."""
    plain = "".join(character if character.isprintable() else " " for character in reason[:_MOST_REASON])
    if host is None:
        return Spoken("", f"ascend-sidecar: {plain}", BLOCKED)
    return host.deny(payload, f"ascend-sidecar: {plain}")


def _input(stdin: BinaryIO) -> bytes:
    """All of it. It is read to its end even where it is too long: Codex goes on if it cannot write all of it."""
    if stdin.isatty():
        raise CannotTell("a host writes the tool call to standard input, and this is a terminal")
    kept = bytearray()
    while piece := stdin.read(1 << 16):
        if len(kept) <= _MOST_INPUT:
            kept += piece
    if len(kept) > _MOST_INPUT:
        raise CannotTell(f"the input of the hook is larger than {_MOST_INPUT} bytes")
    return bytes(kept)


def _speak(spoken: Spoken, streams: Streams) -> int:
    """Raises OSError where nobody listens; whoever started us ends with BLOCKED then."""
    _write(streams.stdout, spoken.stdout)
    _write(streams.stderr, spoken.stderr)
    return spoken.status


def _write(stream: BinaryIO, text: str) -> None:
    left = f"{text}\n".encode() if text else b""
    while left:
        left = left[stream.write(left) :]
