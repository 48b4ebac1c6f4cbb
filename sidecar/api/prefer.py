"""Prefer: how long a caller likes to wait for news (RFC 7240)."""


def preferred_wait(prefer: str) -> float:
    """The seconds of a preference `wait=N` (RFC 7240 4.3); 0 where there is none that can be read."""
    for preference in prefer.split(","):
        name, _, value = preference.strip().partition("=")
        if name.strip().lower() == "wait" and value.strip().isdigit():
            return float(value.strip()[:4])
    return 0.0
