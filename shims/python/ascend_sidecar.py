"""Ask the ascend-sidecar daemon before an agent acts. One file, no dependencies, Python 3.8 and later.

    Sidecar(agent="bot").require("payments.send", "account:42", {"amount": 5})  # raises NotAllowed

Whatever is not a whole answer of the daemon that says allow is not allowed. The contract: shims/README.md.
"""

import json
import os
import re
import socket
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, NamedTuple, Optional, Tuple
from urllib.parse import quote, unquote, urlsplit

_ANSWER, _LINE = 1024 * 1024, 8 * 1024
_HTTP = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})([ \r].*?\r\n)\r\n(.*)", re.DOTALL)
_VERDICT_ID_RISK = re.compile(r"((allow|pending) [0-9]+|deny [0-9]*) ([0-9]{1,2}|100)?")
_EVENT = re.compile(r":.*\n|[^ ]+ ([^ ]+) ([^ ]+) [^ ]+\n")
_ERRORS = {"allow": "", "deny": "denied", "pending": "pending"}
_STATES = {"clear": "clear", "partly": "clear", "blocked": "blocked", "blind": "blind"}


class Decision(NamedTuple):
    """`error` is empty if allowed; `body` is the daemon's JSON."""

    allowed: bool
    error: str
    code: str
    reason: str = ""
    risk: Optional[int] = None
    id: str = ""
    body: str = ""

    def __bool__(self) -> bool:
        return self.allowed


class NotAllowed(Exception):
    """`decision` tells why."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(f"{decision.code}: {decision.reason or decision.error}")
        self.decision = decision


@dataclass
class _Watch:
    """The last words about the agent and about `*`, and when there was any line."""

    told: Dict[str, str] = field(default_factory=dict)
    heard: float = 0.0


@dataclass(eq=False, repr=False)
class Sidecar:
    """One agent's way to its daemon. Limits are in seconds. Threads may share it."""

    address: str = ""
    agent: str = ""
    token: str = ""
    deadline: float = 5.0
    wait: Optional[float] = None
    silence: float = 15.0
    accept_obligations: bool = False

    def __post_init__(self) -> None:
        url = urlsplit(self.address or os.environ.get("ASCEND_SIDECAR") or "unix:/run/ascend-sidecar/sidecar.sock")
        agent = self.agent or os.environ.get("ASCEND_AGENT_ID", "")
        token = self.token or os.environ.get("ASCEND_TOKEN", "")
        place = {"unix": url.path, "http": url.hostname}.get(url.scheme)
        if not agent or not place or re.search(r"[^!-~]", token):
            raise ValueError("agent must be given, address unix:/PATH or http://HOST:PORT, token ASCII")
        self.agent = agent if ":" in agent else f"agent:{agent}"
        self._place: Any = place if url.scheme == "unix" else (place, url.port or 80)
        self._fields = f"Host: {url.netloc or 'localhost'}\r\nConnection: close\r\nContent-Type: application/json\r\n"
        self._fields += f"Authorization: Bearer {token}\r\n" if token else ""
        self._watch: Optional[_Watch] = None

    def authorize(self, action: str, resource: str, properties: Any = None, context: Any = None) -> Decision:
        """May it? Nothing that the network or the daemon does makes it raise."""
        began, state = time.monotonic(), self._state()
        if self._watch and state in ("blocked", "unknown"):
            code = "halted" if state == "blocked" else "halts_unknown"
            return Decision(False, "blocked", code, f"The event stream: {state}.")
        who, what = (dict(zip(("type", "id"), name.partition(":")[::2])) for name in (self.agent, resource))
        act = {"name": action, "properties": properties or {}}
        body = {"subject": who, "action": act, "resource": what, "context": context or {}}
        found = self._decide("POST /access/v1/evaluation", began + self.deadline, body)
        end = began + (self.deadline if self.wait is None else self.wait)
        while found.error == "pending" and (seconds := min(55, int(end - time.monotonic()) - 1)) >= 1:
            news = self._decide(f"GET /v1/decisions/{found.id}", end, None, f"Prefer: wait={seconds}\r\n", found.id)
            if not news.id:
                break
            found = news
            if found.error == "pending":
                time.sleep(1)
        return found

    def require(self, action: str, resource: str, properties: Any = None, context: Any = None) -> Decision:
        """The same; raises NotAllowed unless allowed."""
        decision = self.authorize(action, resource, properties, context)
        if not decision.allowed:
            raise NotAllowed(decision)
        return decision

    def report(self, decision: Decision, outcome: str, details: Optional[Dict[str, Any]] = None) -> str:
        """Tell once that it was `completed` or has `failed`. Empty, or what went wrong with telling it."""
        if not decision.id:
            return "invalid"
        line, body = f"POST /v1/decisions/{decision.id}/outcome", dict(details or {}, outcome=outcome)
        try:
            self.exchange(line, time.monotonic() + self.deadline, body)
        except NotAllowed as refused:
            return refused.decision.error
        return ""

    def watch(self) -> str:
        """Follow halts from now on. How things are: clear, blocked, blind or unknown."""
        if not self._watch:
            self._watch = _Watch()
            threading.Thread(target=self._follow, args=(self._watch,), daemon=True).start()
        end = time.monotonic() + self.deadline
        while self._state() == "unknown" and time.monotonic() < end:
            time.sleep(0.01)
        return self._state()

    def is_blocked(self) -> bool:
        """Whether to stop: halted, or not known not to be. Instant."""
        return self._state() != "clear"

    def close(self) -> None:
        """End the watch; everything is blocked until the next one."""
        self._watch = None

    def _state(self) -> str:
        watch = self._watch or _Watch()
        told = watch.told if time.monotonic() - watch.heard < self.silence else {}
        words = [told.get(about, "unknown") for about in (self.agent, "*")]
        return next((word for word in ("blocked", "unknown", "blind") if word in words), "clear")

    def _decide(self, line: str, end: float, body: Any, fields: str = "", asked: str = "") -> Decision:
        try:
            head, raw = self.exchange(line, end, body, fields)
        except NotAllowed as refused:
            return refused.decision
        names = ("Verdict", "Id", "Risk", "Code", "Reason")
        verdict, name, risk, code, reason = (field_of(head, f"X-Ascend-{one}") for one in names)
        begins = b'{"decision":true' if verdict == "allow" else b'{"decision":false'
        is_told = code and asked in ("", name) and _VERDICT_ID_RISK.fullmatch(f"{verdict} {name} {risk}")
        if not is_told or not raw.startswith(begins) or not raw.endswith(b"}"):
            return Decision(False, "invalid", "invalid", "Its parts do not fit together, or are of another decision.")
        error, duties = _ERRORS[verdict], b'"obligations":[{' in raw or b'"obligations":[]' not in raw
        if not error and duties and not self.accept_obligations:
            error, code = "obliged", "obligations"
        score, shown = int(risk) if risk else None, raw.decode("utf-8", "replace")
        return Decision(not error, error, code, unquote(reason), score, name, shown)

    def exchange(self, line: str, end: float, body: Any, fields: str = "") -> Tuple[str, bytes]:
        """One request on a connection of its own: head and body of a whole answer of 200. Raises NotAllowed."""
        raw, piece, error = b"", b"?", "unreachable"
        try:
            with self._send(line, end, body, fields) as connection:
                error = "invalid"
                while piece:  # nothing is received once there is as much as an answer may have
                    connection.settimeout(max(0.001, end - time.monotonic()))
                    piece = connection.recv(min(65536, _ANSWER - len(raw)))
                    raw += piece
        except OSError as cause:
            is_late = error == "invalid" and isinstance(cause, socket.timeout)
            error = "timeout" if is_late else error
            raise NotAllowed(Decision(False, error, error, str(cause))) from cause
        answer = _HTTP.fullmatch(raw)
        if answer and answer[1][:1] in b"45":
            error = "rejected" if answer[1] < b"500" else "failed"
            raise NotAllowed(Decision(False, error, f"http_{answer[1].decode()}", "It has not decided."))
        head = answer[2].decode("latin-1") if answer and answer[1] == b"200" else ""
        if not answer or field_of(head, "Content-Length") != str(len(answer[3])):
            raise NotAllowed(Decision(False, "invalid", "invalid", "This is no whole answer of the daemon."))
        return head, answer[3]

    @contextmanager
    def _send(self, line: str, end: float, body: Any, fields: str) -> Iterator[socket.socket]:
        raw, left = b"" if body is None else json.dumps(body).encode(), max(0.001, end - time.monotonic())
        head = f"{line} HTTP/1.1\r\n{self._fields}{fields}Content-Length: {len(raw)}\r\n\r\n"
        unix = isinstance(self._place, str)
        with socket.socket(socket.AF_UNIX) if unix else socket.create_connection(self._place, left) as connection:
            connection.settimeout(left)
            if unix:
                connection.connect(self._place)
            with suppress(OSError):  # whoever did not take it all may have answered already; if not, reading tells
                connection.sendall(head.encode() + raw)
            yield connection

    def _follow(self, watch: _Watch) -> None:
        while watch is self._watch:
            watch.heard = time.monotonic()
            with suppress(OSError, LookupError):
                self._listen(watch)
            watch.told = {}  # until another stream has said how things are
            time.sleep(0.5)

    def _listen(self, watch: _Watch) -> None:
        """To the stream's end, silence, or what is not understood. Raises OSError and LookupError."""
        line, end = f"GET /v1/events?agent={quote(self.agent, safe='')}", watch.heard + self.silence
        asked = self._send(line, end, None, "Accept: text/plain\r\n")
        with asked as connection, connection.makefile("r", encoding="latin-1", newline="\n") as stream:
            if not re.match(r"HTTP/1\.[01] 200[ \r]", stream.readline(_LINE)):
                return
            while stream.readline(_LINE).strip():
                pass
            while watch is self._watch:
                event, now = _EVENT.fullmatch(stream.readline(_LINE)), time.monotonic()
                if not event or now - watch.heard > self.silence:
                    return
                watch.heard, about = now, unquote(event[2] or "")
                if about in (self.agent, "*", "-"):
                    watch.told = dict(watch.told, **{about: _STATES[event[1]]})


def field_of(head: str, name: str) -> str:
    """A field of a head; empty if it is not there, or twice: which one counts is nobody's guess."""
    found = re.findall(rf"\r\n{name}:([^\r\n]*)", head, re.IGNORECASE)
    return found[0].strip(" \t") if len(found) == 1 else ""
