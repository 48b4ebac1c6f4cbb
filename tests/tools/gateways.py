"""Real gateways before a real upstream: Envoy and nginx with the configs of deploy/, at addresses of the test."""

import http.client
import json
import os
import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from tests.tools.daemon import REPOSITORY, Answer, UnixConnection, until

_FOLDER = REPOSITORY / ".venv" / "gateways"
_ENVOY = _FOLDER / "envoy" / "envoy" / "_bin" / "envoy"
_NGINX = _FOLDER / "nginx" / "nginx"


def _need(program: Path) -> Path:
    """Skips the test where it is not there; CI says that it must be."""
    if not program.exists():
        assert os.environ.get("GATEWAYS") != "required", (
            f"there is no {program}: see tests/tools/get_gateways.sh"
        )
        pytest.skip(f"there is no {program.name}: `make test` gets it where it can")
    return program


class Upstream:
    """What the gateways protect. `seen`: each request that reached it, as method, path and headers."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        seen = self.seen

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one piece, or each answer waits for an ACK

            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", "0")))
                seen.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
                self.send_response(200)
                self.send_header("Content-Length", "7")
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(b"reached")

            def __getattr__(self, name: str) -> Any:
                return self.do_GET if name.startswith("do_") else super().__getattribute__(name)

            def log_message(self, *_: object) -> None:
                """Nothing: the test looks at `seen`."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]

    @contextmanager
    def running(self) -> Iterator["Upstream"]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()


@dataclass
class Gateway:
    """`address` of its listener: host:port, or the path of a socket."""

    address: str
    upstream: Upstream
    kind: str
    admin: str = ""

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """One request on a connection of its own; the path goes out as it is."""
        connection = self._connection()
        try:
            connection.putrequest(method, path, skip_host="Host" in headers, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name.replace("_", "-"), value)
            connection.putheader("Content-Length", str(len(body or b"")))
            connection.endheaders(body)
            response = connection.getresponse()
            return Answer(
                response.status, {k.lower(): v for k, v in response.headers.items()}, response.read()
            )
        finally:
            connection.close()

    def say(self, raw: bytes) -> int:
        """The status of the answer to these bytes."""
        connection = self._connection()
        connection.connect()
        try:
            connection.sock.sendall(raw)
            response = http.client.HTTPResponse(connection.sock)
            response.begin()
            return response.status
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if self.address.startswith("/"):
            return UnixConnection(self.address)
        return http.client.HTTPConnection(self.address, timeout=10)

    def stat(self, name: str) -> int:
        """A counter of Envoy's own."""
        connection = http.client.HTTPConnection(self.admin, timeout=10)
        try:
            connection.request("GET", f"/stats?filter={name}$&format=json")
            return sum(one["value"] for one in json.loads(connection.getresponse().read())["stats"])
        finally:
            connection.close()


@contextmanager
def _process(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def envoy_config(
    upstream: int, daemon: str, *, failure_mode_allow: bool = False, timeout: str = "", **manager: Any
) -> dict[str, Any]:
    """The config of deploy/envoy, at these addresses; `daemon` is a socket's path, or an URL.

    `timeout`: how long it waits for the daemon, if not as the config says. `manager`: other settings of the
    connection manager.
    """
    text = (REPOSITORY / "deploy" / "envoy" / "forward-auth.yaml").read_text()
    config: dict[str, Any] = yaml.safe_load(text)
    listener, clusters = config["static_resources"]["listeners"][0], config["static_resources"]["clusters"]
    listener["address"]["socket_address"]["port_value"] = 0
    filters = listener["filter_chains"][0]["filters"][0]["typed_config"]
    filters.update(manager)
    authz = next(one for one in filters["http_filters"] if one["name"].endswith("ext_authz"))["typed_config"]
    assert authz["failure_mode_allow"] is False
    authz["failure_mode_allow"] = failure_mode_allow
    if timeout:
        authz["http_service"]["server_uri"]["timeout"] = timeout
    addresses = {
        one["name"]: one["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]
        for one in clusters
    }
    addresses["upstream"]["socket_address"]["port_value"] = upstream
    if daemon.endswith("/forward-auth.sock"):
        del authz["http_service"]
        authz |= yaml.safe_load(_grpc_block())
        addresses["ascend-sidecar-grpc"]["pipe"]["path"] = daemon
        if timeout:
            authz["grpc_service"]["timeout"] = timeout
    elif daemon.startswith("/"):
        addresses["ascend-sidecar-unix"]["pipe"]["path"] = daemon
    else:
        addresses["ascend-sidecar-tcp"]["socket_address"]["port_value"] = urlsplit(daemon).port
        authz["http_service"]["server_uri"]["cluster"] = "ascend-sidecar-tcp"
    config["admin"] = {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}}
    return config


def _grpc_block() -> str:
    """What docs/forward-auth.md puts in place of `http_service`."""
    page = (REPOSITORY / "docs" / "forward-auth.md").read_text()
    (block,) = re.findall(r"```yaml\n(grpc_service.*?)```", page, re.DOTALL)
    return str(block)


@contextmanager
def envoy(folder: Path, daemon: str, **settings: Any) -> Iterator[Gateway]:
    """Envoy with the config of deploy/envoy; settings are those of `envoy_config`."""
    program = _need(_ENVOY)
    folder.mkdir(exist_ok=True)
    config, admin = folder / "envoy.json", folder / "admin"
    with Upstream().running() as upstream:
        config.write_text(json.dumps(envoy_config(upstream.port, daemon, **settings)))
        command = [str(program), "-c", str(config), "--concurrency", "1", "--use-dynamic-base-id"]
        command += ["--admin-address-path", str(admin), "--log-level", "warning"]
        with _process(command, folder / "envoy.log") as process:
            yield Gateway(
                _listener(process, admin, folder / "envoy.log"), upstream, "envoy", admin.read_text()
            )


def _listener(process: subprocess.Popen[bytes], admin: Path, log: Path) -> str:
    def listening() -> str:
        assert process.poll() is None, log.read_text()
        if not admin.exists() or not admin.read_text():
            return ""
        connection = http.client.HTTPConnection(admin.read_text(), timeout=10)
        try:
            connection.request("GET", "/listeners?format=text")
            return connection.getresponse().read().decode().partition("::")[2].strip()
        except OSError:
            return ""
        finally:
            connection.close()

    return until(listening, f"Envoy listens: {log}")


_NGINX_MAIN = """\
daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; worker_processes 1; {user}
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  include {folder}/forward-auth.conf;
}}
"""


def nginx_config(listen: str, upstream: int, daemon: str, timeout: str) -> str:
    """The config of deploy/nginx, at these addresses."""
    text = (REPOSITORY / "deploy" / "nginx" / "forward-auth.conf").read_text()
    text = _replaced(text, "listen 127.0.0.1:8080;", f"listen unix:{listen};")
    text = _replaced(text, "server 127.0.0.1:3000;", f"server 127.0.0.1:{upstream};")
    if timeout:
        text = _replaced(text, "proxy_read_timeout 1s;", f"proxy_read_timeout {timeout};")
    if daemon.startswith("/"):
        return _replaced(text, "server unix:/run/ascend-sidecar/sidecar.sock;", f"server unix:{daemon};")
    text = _replaced(text, "server 127.0.0.1:8181;", f"server {urlsplit(daemon).netloc};")
    return _replaced(text, "http://ascend_sidecar_unix/", "http://ascend_sidecar_tcp/")


def _replaced(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)


def _accepts(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as one:
        return one.connect_ex(str(path)) == 0


@contextmanager
def nginx(folder: Path, daemon: str, timeout: str = "") -> Iterator[Gateway]:
    """nginx with the config of deploy/nginx, listening on a Unix socket."""
    program = _need(_NGINX)
    folder.mkdir(exist_ok=True)
    listen = folder / "nginx.sock"
    with Upstream().running() as upstream:
        (folder / "forward-auth.conf").write_text(nginx_config(str(listen), upstream.port, daemon, timeout))
        user = "user root;" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(_NGINX_MAIN.format(folder=folder, user=user))
        command = [str(program), "-c", str(folder / "nginx.conf"), "-p", str(folder)]
        log = folder / "nginx.log"
        with _process([*command, "-e", str(folder / "error.log")], log) as process:
            until(lambda: _accepts(listen) or process.poll() is not None, "nginx listens")
            assert process.poll() is None, log.read_text()
            try:
                yield Gateway(str(listen), upstream, "nginx")
            finally:
                process.terminate()
                process.wait(10)


def check_envoy(folder: Path) -> str:
    """What Envoy says against the config of deploy/envoy as it is; "" where it takes it."""
    example = REPOSITORY / "deploy" / "envoy" / "forward-auth.yaml"
    command = [str(_need(_ENVOY)), "--mode", "validate", "-c", str(example), "--use-dynamic-base-id"]
    return _complaint([*command, "--log-level", "warning"], folder)


def check_nginx(folder: Path) -> str:
    """The same of nginx."""
    (folder / "forward-auth.conf").write_text(
        (REPOSITORY / "deploy" / "nginx" / "forward-auth.conf").read_text()
    )
    (folder / "nginx.conf").write_text(_NGINX_MAIN.format(folder=folder, user=""))
    return _complaint(
        [str(_need(_NGINX)), "-t", "-q", "-c", str(folder / "nginx.conf"), "-p", str(folder)], folder
    )


def _complaint(command: list[str], folder: Path) -> str:
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    return "" if ran.returncode == 0 else ran.stdout + ran.stderr
