"""systemd: readiness and watchdog notices (sd_notify(3)) and handed-over sockets (sd_listen_fds(3))."""

import socket
from collections.abc import Mapping

_FIRST_FD = 3


class Notifier:
    """Sends state to the service manager; without one it does nothing."""

    def __init__(self, address: str | None) -> None:
        self._address = "\0" + address[1:] if address and address.startswith("@") else address

    def send(self, *states: str) -> None:
        """States such as `READY=1`. A manager that does not take them is no reason to stop deciding."""
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.setblocking(False)
            try:
                channel.sendto("\n".join(states).encode(), self._address)
            except OSError:
                return


def watchdog_interval(environ: Mapping[str, str], pid: int) -> float | None:
    """Seconds between two pings: half of WATCHDOG_USEC, or None when no watchdog watches this process."""
    usec = environ.get("WATCHDOG_USEC", "")
    if not usec.isdigit() or int(usec) == 0 or environ.get("WATCHDOG_PID", str(pid)) != str(pid):
        return None
    return int(usec) / 2_000_000


def inherited_sockets(environ: Mapping[str, str], pid: int) -> dict[str, socket.socket]:
    """Sockets by the name that LISTEN_FDNAMES gives them; empty when none were handed to this process."""
    if environ.get("LISTEN_PID") != str(pid) or not environ.get("LISTEN_FDS", "").isdigit():
        return {}
    count = int(environ["LISTEN_FDS"])
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    sockets = [socket.socket(fileno=_FIRST_FD + index) for index in range(count)]
    for handed in sockets:
        handed.set_inheritable(False)
        handed.setblocking(False)
    return dict(zip(names, sockets, strict=False))
