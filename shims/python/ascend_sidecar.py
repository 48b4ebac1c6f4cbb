"""Ask the ascend-sidecar daemon before an agent acts. One file, no dependencies, Python 3.8 and later.

    from ascend_sidecar import Sidecar

    Sidecar(agent="bot").require("payments.send", "account:42", {"amount": 5})  # raises NotAllowed

Whatever is not a whole answer of the daemon that says allow is not allowed. The contract: shims/README.md.
"""

import json
import os
import re
import socket
import threading
import time
from typing import Any, Dict, List, NamedTuple, Optional, Tuple
from urllib.parse import quote, unquote, urlsplit

DEFAULT = "unix:/run/ascend-sidecar/sidecar.sock"
_HEAD, _BODY, _LINE = 64 * 1024, 1024 * 1024, 8 * 1024
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?\Z")
_FIELD = re.compile(rb"([!#-'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*)\Z")
_BEGINS = {"allow": b'{"decision":true', "pending": b'{"decision":false', "deny": b'{"decision":false'}
Fields = List[Tuple[str, str]]


class Decision(NamedTuple):
    """`error` is empty if allowed. `body` is the daemon's JSON; `cause` what kept a connection from being made."""

    allowed: bool
    error: str
    code: str
    reason: str = ""
    risk: Optional[int] = None
    id: str = ""
    body: str = ""
    cause: Optional[OSError] = None

    def __bool__(self) -> bool:
        return self.allowed


class NotAllowed(Exception):
    """`decision` tells why."""

    def __init__(self, decision: Decision) -> None:
        super().__init__("%s: %s" % (decision.code, decision.reason or decision.error))
        self.decision = decision


class _Failed(Exception):
    def __init__(self, error: str, reason: str, code: str = "", cause: Optional[OSError] = None) -> None:
        super().__init__(reason)
        self.refusal = Decision(False, error, code or error, reason, cause=cause)


class Sidecar:
    """One agent's way to its daemon. Safe to share among threads."""

    def __init__(self, address: str = "", agent: str = "", token: str = "", deadline: float = 5.0,
                 wait: Optional[float] = None, silence: float = 15.0, accept_obligations: bool = False) -> None:
        self.address = address or os.environ.get("ASCEND_SIDECAR") or DEFAULT
        agent = agent or os.environ.get("ASCEND_AGENT_ID", "")
        token = token or os.environ.get("ASCEND_TOKEN", "")
        url = urlsplit(self.address)
        if not agent or re.search(r"[^!-~]", token) or not (url.path if url.scheme == "unix" else url.hostname):
            raise ValueError("agent must be given, address be unix:/PATH or http://HOST:PORT, token be ASCII")
        self.agent = agent if ":" in agent else "agent:" + agent
        self._unix = url.path if url.scheme == "unix" else ""
        self._place = (url.hostname or "", url.port or 80)
        self._fields = "Host: %s\r\nConnection: close\r\n" % (url.netloc or "localhost")
        self._fields += "Authorization: Bearer %s\r\n" % token if token else ""
        self._deadline, self._wait, self._silence = deadline, deadline if wait is None else wait, silence
        self._accepts, self._watch = accept_obligations, None  # type: bool, Optional[_Watch]

    def authorize(self, action: str, resource: str, properties: Optional[Dict[str, Any]] = None,
                  context: Optional[Dict[str, Any]] = None) -> Decision:
        """May it? Never raises for anything that the network or the daemon does."""
        began, state = time.monotonic(), self._watch.state() if self._watch else "blind"
        if state in ("blocked", "unknown"):
            return Decision(False, "blocked", "halted" if state == "blocked" else "halts_unknown", "The event stream: " + state)
        who, what = self.agent.partition(":"), resource.partition(":")
        asked = {"subject": {"type": who[0], "id": who[2]}, "action": {"name": action, "properties": properties or {}},
                 "resource": {"type": what[0], "id": what[2]}, "context": context or {}}
        found = self._decide("POST", "/access/v1/evaluation", "", asked, began + self._deadline, None)
        while found.error == "pending":
            asked_at = time.monotonic()
            left = began + self._wait - asked_at
            if left < 1.5:
                break
            path, prefer = "/v1/decisions/" + found.id, "Prefer: wait=%d\r\n" % min(55, int(left - 0.5))
            news = self._decide("GET", path, prefer, None, began + max(self._wait, self._deadline), found)
            if news.error == "timeout":
                break
            found = news if news.id else news._replace(id=found.id, risk=found.risk, reason=found.reason)
            if found.error == "pending":
                time.sleep(max(0.0, asked_at + 1 - time.monotonic()))
        return found

    def require(self, action: str, resource: str, properties: Optional[Dict[str, Any]] = None,
                context: Optional[Dict[str, Any]] = None) -> Decision:
        """The same; raises NotAllowed unless allowed."""
        decision = self.authorize(action, resource, properties, context)
        if not decision.allowed:
            raise NotAllowed(decision)
        return decision

    def report(self, decision: Decision, outcome: str, details: Optional[Dict[str, Any]] = None) -> str:
        """Tell once that it was `completed` or has `failed`; what went wrong with telling, else empty."""
        if not decision.id:
            return "invalid"
        path, body = "/v1/decisions/%s/outcome" % decision.id, dict(details or {}, outcome=outcome)
        try:
            self.exchange("POST", path, "", body, time.monotonic() + self._deadline)
        except _Failed as failed:
            return failed.refusal.error
        return ""

    def watch(self) -> str:
        """Follow halts from now on; how things are, known at the latest after the deadline."""
        self._watch = self._watch or _Watch(self, self._silence)
        return self._watch.known(self._deadline)

    def is_blocked(self) -> bool:
        """Whether to stop: halted, or not known not to be. Instant."""
        return self._watch is None or self._watch.state() != "clear"

    def close(self) -> None:
        if self._watch:
            self._watch.end()
        self._watch = None

    def _decide(self, method: str, path: str, fields: str, body: Any, end: float, earlier: Optional[Decision]) -> Decision:
        try:
            headers, raw = self.exchange(method, path, fields, body, end)
            return self._read(headers, raw, earlier)
        except _Failed as failed:
            return failed.refusal

    def _read(self, fields: Fields, raw: bytes, earlier: Optional[Decision]) -> Decision:
        verdict, code, number = (_only(fields, "x-ascend-" + name) for name in ("verdict", "code", "id"))
        told = dict(fields)
        risk, reason = told.get("x-ascend-risk", ""), unquote(told.get("x-ascend-reason", ""), errors="replace")
        if not code or not re.match(r"[0-9]*\Z", number) or not re.match(r"([0-9]{1,2}|100)?\Z", risk):
            raise _Failed("invalid", "headers that no daemon sends")
        if not raw.startswith(_BEGINS.get(verdict, b"\0")) or not raw.endswith(b"}"):
            raise _Failed("invalid", "the body is not what the verdict says")
        if (not number and verdict != "deny") or (earlier is not None and number != earlier.id):
            raise _Failed("invalid", "this is about no decision, or another one")
        error = {"allow": "", "deny": "denied"}.get(verdict, verdict)
        if verdict == "allow" and not self._accepts and b'"obligations":[{' in raw:
            error, code = "obliged", "obligations"
        elif verdict == "allow" and not self._accepts and b'"obligations":[]' not in raw:
            raise _Failed("invalid", "the body does not tell of obligations")
        score = int(risk) if risk else None
        return Decision(not error, error, code, reason, score, number, raw.decode("utf-8", "replace"))

    def exchange(self, method: str, path: str, fields: str, body: Any, end: float) -> Tuple[Fields, bytes]:
        """One request and its whole answer of status 200. Raises _Failed. `end` is of time.monotonic()."""
        connection = self.send(method, path, fields, body, end)
        with connection:
            headers, raw = _read_head(connection, end)
            length = _only(headers, "content-length")
            if not re.match(r"[0-9]{1,7}\Z", length) or int(length) > _BODY:
                raise _Failed("invalid", "a body without a length, or one that is too long")
            while len(raw) < int(length):
                raw += _receive(connection, end)
            return headers, raw[: int(length)]

    def send(self, method: str, path: str, fields: str, body: Any, end: float) -> socket.socket:
        """A connection of its own with the request on its way. Raises _Failed."""
        raw = b"" if body is None else json.dumps(body).encode()
        typed = "Content-Type: application/json\r\nContent-Length: %d\r\n" % len(raw) if body is not None else ""
        head = "%s %s HTTP/1.1\r\n%s%s%s\r\n" % (method, path, self._fields, fields, typed)
        connection = socket.socket()
        connection.close()
        try:
            left = max(0.001, end - time.monotonic())
            if self._unix:
                connection = socket.socket(socket.AF_UNIX)
                connection.settimeout(left)
                connection.connect(self._unix)
            else:
                connection = socket.create_connection(self._place, left)
        except OSError as error:
            connection.close()
            raise _Failed("unreachable", str(error), cause=error) from None
        try:
            connection.sendall(head.encode() + raw)
        except socket.timeout:
            connection.close()
            raise _Failed("timeout", "the request was not taken in time") from None
        except OSError:
            pass  # what was answered before it closed is still to be read
        return connection


class _Watch(threading.Thread):
    """The last word about the agent and about everybody, as long as the stream is whole."""

    def __init__(self, sidecar: Sidecar, silence: float) -> None:
        super().__init__(daemon=True, name="ascend-halts")
        self._sidecar, self._silence = sidecar, silence
        self._words, self._heard = {}, time.monotonic()  # type: Dict[str, str], float
        self._news, self._over = threading.Condition(), threading.Event()
        self.start()

    def state(self) -> str:
        words, whole = self._words, time.monotonic() - self._heard < self._silence
        both = [words.get(about, "unknown") if whole else "unknown" for about in (self._sidecar.agent, "*")]
        return next((word for word in ("blocked", "unknown", "blind") if word in both), "clear")

    def known(self, seconds: float) -> str:
        with self._news:
            self._news.wait_for(lambda: self.state() != "unknown", seconds)
        return self.state()

    def end(self) -> None:
        self._over.set()
        self._set({})

    def run(self) -> None:
        while not self._over.is_set():
            try:
                self._follow()
            except _Failed:
                pass
            finally:
                self._set({})
            self._over.wait(0.5)

    def _follow(self) -> None:
        path, end = "/v1/events?agent=" + quote(self._sidecar.agent, safe=""), time.monotonic() + self._silence
        with self._sidecar.send("GET", path, "Accept: text/plain\r\n", None, end) as connection:
            _, raw = _read_head(connection, end)
            while not self._over.is_set():
                *lines, raw = raw.split(b"\n")
                for line in lines:
                    self._heard = time.monotonic()
                    self._take(line.decode("utf-8", "replace"))
                if len(raw) > _LINE:
                    raise _Failed("invalid", "a line without an end")
                raw += _receive(connection, self._heard + self._silence if lines else end)
                end = self._heard + self._silence

    def _take(self, line: str) -> None:
        if line.startswith(":"):
            return
        parts = line.split(" ")
        about = unquote(parts[2]) if len(parts) == 4 and parts[0].isdigit() else ""
        word = {"clear": "clear", "partly": "clear", "blocked": "blocked", "blind": "blind"}.get(parts[1] if about else "")
        if about in (self._sidecar.agent, "*") and word:
            self._set(dict(self._words, **{about: word}))
        elif not about or about in (self._sidecar.agent, "*") or parts[1] in ("bye", "cut"):
            raise _Failed("invalid", "a line that is not understood, or the last one")

    def _set(self, words: Dict[str, str]) -> None:
        with self._news:
            self._words = words
            self._news.notify_all()


def _receive(connection: socket.socket, end: float) -> bytes:
    try:
        connection.settimeout(max(0.001, end - time.monotonic()))
        piece = connection.recv(65536)
    except socket.timeout:
        raise _Failed("timeout", "no whole answer in time") from None
    except OSError as error:
        raise _Failed("invalid", "the connection broke: %s" % error) from None
    if not piece:
        raise _Failed("invalid", "the connection ended before the answer did")
    return piece


def _read_head(connection: socket.socket, end: float) -> Tuple[Fields, bytes]:
    raw = b""
    while b"\r\n\r\n" not in raw[: _HEAD + 4]:
        if len(raw) > _HEAD:
            raise _Failed("invalid", "a head that is too long")
        raw += _receive(connection, end)
    head, _, rest = raw.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    status, fields = _STATUS.match(first), [_FIELD.match(line) for line in lines]
    if not status or not all(fields):
        raise _Failed("invalid", "this is not HTTP/1.1")
    number = int(status.group(1))
    if number != 200:
        error = {4: "rejected", 5: "failed"}.get(number // 100, "invalid")
        raise _Failed(error, "status %d" % number, "http_%d" % number if error != "invalid" else "")
    return [(one.group(1).decode().lower(), one.group(2).decode("latin-1").strip(" \t")) for one in fields if one], rest


def _only(fields: Fields, name: str) -> str:
    values = [value for key, value in fields if key == name]
    if len(values) != 1:
        raise _Failed("invalid", "%s occurs %d times" % (name, len(values)))
    return values[0]
