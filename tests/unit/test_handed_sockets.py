"""Sockets that the service manager hands over are held to what the config's addresses are held to."""

import socket
from types import SimpleNamespace

import pytest

from sidecar.core.errors import ConfigError
from sidecar.daemon.doors import open_sockets

BARE = SimpleNamespace(tls=SimpleNamespace(cert=None, key=None), tokens_file=None)


def test_an_open_socket_needs_tls_and_tokens():
    with socket.create_server(("", 0)) as everywhere, pytest.raises(ConfigError, match="not loopback"):
        open_sockets(BARE, {"decision-tcp": everywhere})


def test_a_name_that_means_nothing_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(ConfigError, match="decision-tcp"):
        open_sockets(BARE, {"decisions": listener})
