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
from typing import Any, Dict, NamedTuple, Optional
from urllib.parse import quote, unquote, urlsplit

_HEAD, _BODY, _LINE = 64 * 1024, 1024 * 1024, 8 * 1024
_BEGINS = {"allow": b'{"decision":true', "pending": b'{"decision":false', "deny": b'{"decision":false'}
_STATES = {"clear": "clear", "partly": "clear", "blocked": "blocked", "blind": "blind"}


class Decision(NamedTuple):
    """`error` is empty if allowed; `body` is the daemon's JSON; `cause` is why there was no connection."""

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
        super().__init__(f"{decision.code}: {decision.reason or decision.error}")
        self.decision = decision


class Failed(Exception):
    """No whole answer of status 200; `refusal` is the decision that this is."""

    def __init__(self, error: str, reason: str, code: str = "", cause: Optional[OSError] = None) -> None:
        self.refusal = Decision(False, error, code or error, reason, cause=cause)


class Sidecar:
    """One agent's way to its daemon. Threads may share it."""

    def __init__(
        self, address: str = "", agent: str = "", token: str = "", deadline: float = 5.0,
        wait: Optional[float] = None, silence: float = 15.0, accept_obligations: bool = False,
    ) -> None:  # fmt: skip
        address = address or os.environ.get("ASCEND_SIDECAR") or "unix:/run/ascend-sidecar/sidecar.sock"
        agent = agent or os.environ.get("ASCEND_AGENT_ID", "")
        token = token or os.environ.get("ASCEND_TOKEN", "")
        url = urlsplit(address)
        place = {"unix": url.path, "http": url.hostname}.get(url.scheme)
        if not agent or not place or re.search(r"[^!-~]", token):
            raise ValueError("agent must be given, address unix:/PATH or http://HOST:PORT, token ASCII")
        self.agent = agent if ":" in agent else f"agent:{agent}"
        self._place: Any = place if url.scheme == "unix" else (place, url.port or 80)
        self._fields = f"Host: {url.netloc or 'localhost'}\r\nConnection: close\r\n"
        self._fields += f"Authorization: Bearer {token}\r\n" if token else ""
        self._deadline, self._wait, self._silence = deadline, deadline if wait is None else wait, silence
        self._accepts, self._heard, self._news = accept_obligations, 0.0, threading.Condition()
        self._watching: Optional[object] = None
        self._told: Dict[str, str] = {}

    def authorize(self, action: str, resource: str, properties: Any = None, context: Any = None) -> Decision:
        """May it? Nothing that the network or the daemon does makes it raise."""
        began, state = time.monotonic(), self._state()
        if self._watching and state in ("blocked", "unknown"):
            code = "halted" if state == "blocked" else "halts_unknown"
            return Decision(False, "blocked", code, f"The event stream: {state}.")
        body = {
            "subject": _named(self.agent), "action": {"name": action, "properties": properties or {}},
            "resource": _named(resource), "context": context or {},
        }  # fmt: skip
        found = self._decide("POST /access/v1/evaluation", "", body, began + self._deadline)
        while found.error == "pending":
            asked = time.monotonic()
            left = began + self._wait - asked
            if left < 1.5:
                break
            prefer = f"Prefer: wait={min(55, int(left - 0.5))}\r\n"
            news = self._decide(f"GET /v1/decisions/{found.id}", prefer, None, asked + left, found.id)
            if news.error == "timeout":
                break
            found = news if news.id else news._replace(id=found.id, risk=found.risk, reason=found.reason)
            if found.error == "pending":
                time.sleep(max(0.0, asked + 1 - time.monotonic()))
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
            self.exchange(line, "", body, time.monotonic() + self._deadline)
        except Failed as failed:
            return failed.refusal.error
        return ""

    def watch(self) -> str:
        """Follow halts from now on. How things are: clear, blocked, blind or unknown."""
        if not self._watching:
            self._watching = object()
            threading.Thread(target=self._follow, args=(self._watching,), daemon=True).start()
        with self._news:
            self._news.wait_for(lambda: self._state() != "unknown", self._deadline)
        return self._state()

    def is_blocked(self) -> bool:
        """Whether to stop: halted, or not known not to be. Instant."""
        return self._state() != "clear"

    def close(self) -> None:
        """End the watch; everything is blocked until the next one."""
        self._watching, self._told = None, {}

    def _state(self) -> str:
        told = self._told if time.monotonic() - self._heard < self._silence else {}
        both = [told.get(about, "unknown") for about in (self.agent, "*")]
        return next((word for word in ("blocked", "unknown", "blind") if word in both), "clear")

    def _decide(self, line: str, fields: str, body: Any, end: float, asked: str = "") -> Decision:
        try:
            head, raw = self.exchange(line, fields, body, end)
            verdict, code, number = (_only(head, f"x-ascend-{name}") for name in ("verdict", "code", "id"))
        except Failed as failed:
            return failed.refusal
        risk, reason = (head.get(f"x-ascend-{name}", [""])[-1] for name in ("risk", "reason"))
        minds = verdict == "allow" and not self._accepts
        obliged = minds and b'"obligations":[{' in raw
        if (
            not raw.startswith(_BEGINS.get(verdict, b"?")) or not raw.endswith(b"}") or not code
            or not re.fullmatch(r"[0-9]*", number) or not re.fullmatch(r"([0-9]{1,2}|100)?", risk)
            or (asked and number != asked) or not (number or verdict == "deny")
            or (minds and not obliged and b'"obligations":[]' not in raw)
        ):  # fmt: skip
            return Decision(False, "invalid", "invalid", "Its parts do not fit together, or are of another decision.")
        error = "obliged" if obliged else {"allow": "", "deny": "denied"}.get(verdict, verdict)
        code, score = "obligations" if obliged else code, int(risk) if risk else None
        return Decision(not error, error, code, unquote(reason), score, number, raw.decode("utf-8", "replace"))

    def exchange(self, line: str, fields: str, body: Any, end: float) -> Any:
        """One request on a connection of its own: fields and body of a whole answer of status 200. Raises Failed."""
        with self._send(line, fields, body, end) as connection:
            head, raw = _read_head(connection, end)
            length = _only(head, "content-length")
            if not re.fullmatch(r"[0-9]{1,7}", length) or int(length) > _BODY:
                raise Failed("invalid", "a body without a length, or one that is too long")
            while len(raw) < int(length):
                raw += _receive(connection, end)
            return head, raw[: int(length)]

    def _send(self, line: str, fields: str, body: Any, end: float) -> socket.socket:
        raw = b"" if body is None else json.dumps(body).encode()
        typed = f"Content-Type: application/json\r\nContent-Length: {len(raw)}\r\n" if raw else ""
        head = f"{line} HTTP/1.1\r\n{self._fields}{fields}{typed}\r\n".encode()
        connection = None
        try:
            left = max(0.001, end - time.monotonic())
            if isinstance(self._place, str):
                connection = socket.socket(socket.AF_UNIX)
                connection.settimeout(left)
                connection.connect(self._place)
            else:
                connection = socket.create_connection(self._place, left)
        except OSError as error:
            if connection:
                connection.close()
            raise Failed("unreachable", str(error), cause=error) from None
        try:
            connection.sendall(head + raw)
        except OSError:
            pass  # whoever did not take it all may have answered already; if not, reading tells
        return connection

    def _follow(self, mine: object) -> None:
        while self._watching is mine:
            try:
                self._heard = time.monotonic()
                self._read_events(mine)
            except Failed:
                pass
            finally:
                self._tell(mine, {})
            time.sleep(0.5)

    def _read_events(self, mine: object) -> None:
        line, end = f"GET /v1/events?agent={quote(self.agent, safe='')}", self._heard + self._silence
        with self._send(line, "Accept: text/plain\r\n", None, end) as connection:
            raw = _read_head(connection, end)[1]
            while self._watching is mine:
                *lines, raw = raw.split(b"\n")
                for one in lines:
                    self._heard = time.monotonic()
                    self._take(mine, one.decode("utf-8", "replace").split(" "))
                if len(raw) > _LINE:
                    raise Failed("invalid", "a line without an end")
                raw += _receive(connection, self._heard + self._silence)

    def _take(self, mine: object, parts: Any) -> None:
        if parts[0].startswith(":"):
            return
        if len(parts) != 4 or not parts[0].isdigit() or parts[1] in ("bye", "cut"):
            raise Failed("invalid", "a line of another form, or the last one")
        about = unquote(parts[2])
        if about in (self.agent, "*"):
            if parts[1] not in _STATES:
                raise Failed("invalid", "a word that is not known")
            self._tell(mine, dict(self._told, **{about: _STATES[parts[1]]}))

    def _tell(self, mine: object, told: Dict[str, str]) -> None:
        with self._news:
            self._told = told if self._watching is mine else self._told
            self._news.notify_all()


def _named(name: str) -> Dict[str, str]:
    return dict(zip(("type", "id"), name.partition(":")[::2]))


def _receive(connection: socket.socket, end: float) -> bytes:
    try:
        connection.settimeout(max(0.001, end - time.monotonic()))
        piece = connection.recv(65536)
    except socket.timeout:
        raise Failed("timeout", "no whole answer in time") from None
    except OSError as error:
        raise Failed("invalid", f"the connection broke: {error}") from None
    if not piece:
        raise Failed("invalid", "the connection ended before the answer did")
    return piece


def _read_head(connection: socket.socket, end: float) -> Any:
    raw = b""
    while b"\r\n\r\n" not in raw and len(raw) <= _HEAD:
        raw += _receive(connection, end)
    head, _, rest = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    status, fields = re.fullmatch(r"HTTP/1\.[01] ([1-5][0-9]{2})( .*)?", first), {}
    if not status or len(head) > _HEAD or not all(re.match(r"[\w!#$%&'*+.^`|~-]+:", line) for line in lines):
        raise Failed("invalid", "this is not HTTP/1.1")
    if status[1] != "200":
        error = {"4": "rejected", "5": "failed"}.get(status[1][0], "invalid")
        raise Failed(error, f"status {status[1]}", "" if error == "invalid" else f"http_{status[1]}")
    for name, _, value in (line.partition(":") for line in lines):
        fields.setdefault(name.lower(), []).append(value.strip(" \t"))
    return fields, rest


def _only(fields: Dict[str, Any], name: str) -> str:
    if len(fields.get(name, [])) != 1:
        raise Failed("invalid", f"{name} is not there once")
    return str(fields[name][0])
