"""Sockets: bound early and with their final permissions, or taken over from the service manager."""

import grp
import os
import socket
import ssl
from pathlib import Path

from sidecar.core.errors import ConfigError, Diagnostic, Place

_BACKLOG = 1024
_NO_SOCKET = "cannot listen on this socket"


def bind_tcp(host: str, port: int, name: str) -> socket.socket:
    """A listening TCP socket; port 0 picks a free one. Raises ConfigError naming the setting."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, proto)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        message = f"cannot listen on {host}:{port}: {error.strerror}"
        raise ConfigError(Diagnostic(Place(name), message, "is another daemon running here?")) from error
    return _ready(listener)


def make_run_dir(path: Path, group: str | None, *, is_shared: bool = False) -> None:
    """The folder of the sockets that are meant for others: 0750, of the sockets' group. Raises ConfigError.

    `is_shared`: sockets of another group are in it too, whose members may pass (0751) but not look around.
    """
    try:
        path.mkdir(mode=0o750, parents=True, exist_ok=True)
        if is_shared:
            path.chmod(0o751)
        if group is not None:
            os.chown(path, -1, grp.getgrnam(group).gr_gid)
    except (OSError, KeyError) as error:
        why = error.strerror if isinstance(error, OSError) else f"there is no group {group}"
        raise ConfigError(Diagnostic(Place(str(path)), f"cannot be the run folder: {why}")) from error


def bind_unix(path: Path, mode: int, group: str | None = None) -> socket.socket:
    """A listening Unix socket that nobody can reach before it has its mode and group. Raises ConfigError.

    The one that a killed daemon left behind is removed: whoever binds here holds the state directory.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        if path.is_socket():
            path.unlink()
        listener.bind(str(path))
        give(path, mode, group)
    except OSError as error:
        listener.close()
        raise ConfigError(Diagnostic(Place(str(path)), f"{_NO_SOCKET}: {error.strerror}")) from error
    except ConfigError:
        listener.close()
        raise
    finally:
        os.umask(mask)
    return _ready(listener)


def give(path: Path, mode: int, group: str | None) -> None:
    """The socket, which nobody could reach so far, to those who may connect. Raises ConfigError."""
    try:
        if group is not None:
            os.chown(path, -1, grp.getgrnam(group).gr_gid)
        path.chmod(mode)
    except (OSError, KeyError) as error:
        why = error.strerror if isinstance(error, OSError) else f"there is no group {group}"
        raise ConfigError(Diagnostic(Place(str(path)), f"{_NO_SOCKET}: {why}")) from error


def _ready(listener: socket.socket) -> socket.socket:
    listener.listen(_BACKLOG)
    listener.setblocking(False)
    return listener


def address_of(listener: socket.socket, *, tls: bool = False) -> str:
    """The address as a URL, or a Unix socket's path."""
    name = listener.getsockname()
    if isinstance(name, str):
        return name
    host = f"[{name[0]}]" if ":" in name[0] else name[0]
    return f"{'https' if tls else 'http'}://{host}:{name[1]}"


def tls_context(cert: Path, key: Path) -> ssl.SSLContext:
    """TLS 1.2 or newer with this certificate. Raises ConfigError."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    load_certificate(context, cert, key)
    return context


def load_certificate(context: ssl.SSLContext, cert: Path, key: Path) -> None:
    """(Re)load the certificate for new connections. Raises ConfigError."""
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        message = f"cannot be used as certificate and key: {error.strerror or error}"
        raise ConfigError(Diagnostic(Place(f"{cert}, {key}"), message)) from error
