"""Doors: what is a way to a daemon, and in which order the ways are tried."""

import json
from pathlib import Path

import pytest

from sidecar.cli.doors import Door, Message, decision_doors, exchange, listening_at, ops_door
from sidecar.cli.exits import UnreachableError, UsageError
from sidecar.config import resolve


def config(folder, **flags):
    return resolve(
        None, {}, {"state_dir": str(folder / "state"), "run_dir": str(folder / "run"), **flags}
    ).config


def ways(folder, **flags):
    return [str(door) for door in decision_doors(config(folder, **flags))]


@pytest.mark.parametrize(
    ("url", "shown", "base"),
    [
        ("http://127.0.0.1:8181", "http://127.0.0.1:8181", ""),
        ("https://PDP.example/tenant/", "https://pdp.example", "/tenant"),
        ("http://[::1]:8181/", "http://[::1]:8181", ""),
    ],
)
def test_a_url_is_a_door(url, shown, base):
    door = Door.at_url(url)
    assert (str(door), door.base) == (shown, base)


@pytest.mark.parametrize(
    "url",
    ["", "127.0.0.1:8181", "ftp://h", "http://", "http://h:port", "http://h:99999", "http://[::1", "http://u:p@h",
     "http://h?q", "http://h#f"],
)  # fmt: skip
def test_what_is_no_url_is_a_usage_error(url):
    with pytest.raises(UsageError, match="is not a URL"):
        Door.at_url(url)


def test_the_socket_of_the_run_folder_comes_first_and_the_configured_address_last(tmp_path):
    assert ways(tmp_path) == [f"unix:{tmp_path}/run/sidecar.sock", "http://127.0.0.1:8181"]


def test_what_the_daemon_wrote_down_wins_over_the_configured_address(tmp_path):
    (tmp_path / "state").mkdir()
    told = {
        "decision": "https://127.0.0.1:9",
        "decision_socket": "/else/s.sock",
        "ops": "http://127.0.0.1:8",
        "pid": 1,
    }
    (tmp_path / "state/listen.json").write_text(json.dumps(told))
    assert ways(tmp_path) == [f"unix:{tmp_path}/run/sidecar.sock", "unix:/else/s.sock", "https://127.0.0.1:9"]
    assert str(ops_door(config(tmp_path))) == "http://127.0.0.1:8"


def test_a_daemon_with_tls_is_asked_with_tls(tmp_path):
    assert ways(tmp_path, **{"tls.cert": "/c", "tls.key": "/k"})[-1] == "https://127.0.0.1:8181"


@pytest.mark.parametrize(
    ("listen", "asked"),
    [(":8182", "http://127.0.0.1:8182"), ("0.0.0.0:1", "http://127.0.0.1:1"), ("[::]:1", "http://[::1]:1"),
     ("pdp.example:1", "http://pdp.example:1")],
)  # fmt: skip
def test_a_daemon_on_every_address_is_asked_on_this_machine(listen, asked, tmp_path):
    assert str(ops_door(config(tmp_path, ops_listen=listen))) == asked


def test_a_listen_file_that_is_not_there_tells_nothing(tmp_path):
    assert listening_at(tmp_path / "listen.json").decision is None


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", f"http://{'x' * 64}.example"])
def test_what_does_not_open_is_named(url):
    with pytest.raises(UnreachableError, match=r"no daemon answers \(http://"):
        exchange([Door.at_url(url)], Message("GET", "/"))


def test_a_socket_that_is_none_is_named(tmp_path):
    Path(tmp_path / "file").touch()
    with pytest.raises(UnreachableError, match="Connection refused"):
        exchange([Door.at_socket(tmp_path / "file")], Message("GET", "/"))
