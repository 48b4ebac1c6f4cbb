"""What is asked of the daemon, as the documented API has it, through the one-file shim."""

import dataclasses
import json
import socket
import time
from typing import Any, Dict, Optional, Tuple
from urllib.parse import quote

from ascend_sidecar import Decision as Shown
from ascend_sidecar import NotAllowed, Sidecar, field_of

from ascend.models import AuthorizationDecision, decision_of

_WORDS = {"allow": "allowed", "deny": "denied", "pending": "pending"}


class NoAnswer(Exception):
    """What the shim refused, and whether nobody was there to ask."""

    def __init__(self, refusal: Shown, cause: Optional[BaseException] = None) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal
        is_absence = isinstance(cause, (ConnectionRefusedError, FileNotFoundError, socket.timeout))
        self.is_absent = is_absence and refusal.error == "unreachable"


class Asking:
    """`deadline` seconds for each answer; nothing is sent twice."""

    def __init__(self, sidecar: Sidecar, headers: Dict[str, str], deadline: float) -> None:
        self._sidecar = sidecar
        self._fields = "".join(f"{name}: {_header(value)}\r\n" for name, value in headers.items())
        self._deadline = deadline

    def submit(self, body: Dict[str, Any]) -> AuthorizationDecision:
        """Raises NoAnswer."""
        return self._decision("POST /api/v1/actions/submit", body)

    def settled(self, decision: AuthorizationDecision, seconds: float) -> AuthorizationDecision:
        """A pending decision when people have answered, or as it is after so many seconds. Raises NoAnswer."""
        end, approval = time.monotonic() + seconds, decision.approval_request_id
        while decision.decision.value == "pending":
            began = time.monotonic()
            wait = min(50, int(end - began - 0.5))
            if wait < 1:
                break
            line = f"GET /v1/decisions/{int(decision.action_id)}"
            self._ask(line, None, wait + self._deadline, f"Prefer: wait={wait}\r\n")
            decision = self._decision(f"GET /api/v1/actions/{int(decision.action_id)}/status", None)
            if decision.decision.value == "pending":
                time.sleep(max(0.0, min(began + 1, end) - time.monotonic()))
        if approval and decision.execution_allowed:
            return dataclasses.replace(decision, approved_at=self._approved_at(approval))
        return decision

    def _approved_at(self, approval: str) -> Optional[str]:
        """It is allowed with or without it, so that nothing depends on this."""
        try:
            return json.loads(self._ask(f"GET /api/sdk/approval/{quote(approval, safe='')}", None)[1]).get(
                "decided_at"
            )
        except (AttributeError, NoAnswer, ValueError):
            return None

    def report(self, action_id: str, outcome: str, details: Dict[str, Any]) -> None:
        """Raises NoAnswer."""
        self._ask(f"POST /v1/decisions/{int(action_id)}/outcome", dict(details, outcome=outcome))

    def tell_ungoverned(self, told: Dict[str, Any]) -> None:
        """Raises NoAnswer."""
        self._ask("POST /v1/ungoverned", told)

    def _decision(self, line: str, body: Optional[Dict[str, Any]]) -> AuthorizationDecision:
        head, raw = self._ask(line, body)
        try:
            decision = decision_of(json.loads(raw))
            if _WORDS.get(field_of(head, "X-Ascend-Verdict")) != decision.decision.value:
                raise ValueError("the verdict's header and the body contradict each other")
            if decision.decision.value != "denied" and not int(decision.action_id) > 0:
                raise ValueError("it is not on record")
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise NoAnswer(Shown(False, "invalid", "invalid", f"this is no answer of the daemon: {error}")) from None
        return decision

    def _ask(self, line: str, body: Any, seconds: float = 0.0, fields: str = "") -> Tuple[str, bytes]:
        end = time.monotonic() + (seconds or self._deadline)
        try:
            return self._sidecar.exchange(line, end, body, self._fields + fields)
        except NotAllowed as refused:
            raise NoAnswer(refused.decision, refused.__cause__) from None


def _header(value: str) -> str:
    return "".join(one if " " <= one <= "~" else "?" for one in value)
