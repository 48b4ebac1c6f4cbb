"""What went ahead because nobody could be asked, kept until somebody can be told."""

import threading
import time
from typing import Any, Dict, List, Optional

_LISTED = 100


class Ungoverned:
    """Of one agent. Safe to share among threads."""

    def __init__(self, agent: str) -> None:
        self._agent = agent
        self._lock = threading.Lock()
        self._count, self._first, self._last = 0, 0.0, 0.0
        self._actions: List[Dict[str, Any]] = []

    def add(self, action: str, resource: str) -> None:
        with self._lock:
            self._last = time.time()
            self._first = self._first if self._count else self._last
            self._count += 1
            if len(self._actions) < _LISTED:
                self._actions.append({"action": action[:1024], "resource": resource[:1024], "at": self._last})

    def take(self) -> Optional[Dict[str, Any]]:
        """All of it, once; None if there is nothing."""
        with self._lock:
            if not self._count:
                return None
            told = {
                "agent": self._agent,
                "count": self._count,
                "first_at": self._first,
                "last_at": self._last,
                "actions": self._actions,
            }
            self._count, self._actions = 0, []
            return told

    def give_back(self, told: Dict[str, Any]) -> None:
        """It could not be told."""
        with self._lock:
            self._first = told["first_at"]
            self._last = max(self._last, told["last_at"])
            self._count += told["count"]
            self._actions = (told["actions"] + self._actions)[:_LISTED]
