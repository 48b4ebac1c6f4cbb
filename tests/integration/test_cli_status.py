"""`status` reads the ops door and ends as the daemon fares."""

import json

import pytest

from tests.fakes.stub_daemon import StubDaemon, on_tcp
from tests.fakes.terminal import type_in


def health(status, warnings=()):
    parts = [
        {
            "name": "bundle",
            "status": status,
            "detail": "the newest was refused",
            "facts": {"age_seconds": 1.5},
        },
        {"name": "audit", "status": "ok", "facts": {"records": 3}},
    ]
    return {"status": status, "parts": parts, "warnings": list(warnings)}


@pytest.mark.parametrize(
    ("status", "http", "code"), [("ok", 200, 0), ("degraded", 200, 0), ("failing", 503, 1)]
)
def test_it_shows_each_part_and_ends_as_the_whole_fares(status, http, code):
    stub = StubDaemon({"GET /healthz": (http, health(status, ["a caller runs under our uid"]))})
    with on_tcp(stub) as url:
        ran = type_in("status", "--url", url)
    assert ran.code == code
    for part in (
        status,
        "bundle",
        "the newest was refused",
        "age seconds          1.5",
        "records              3",
        "warning: a caller",
    ):
        assert part in ran.out


def test_json_is_what_the_daemon_said():
    with on_tcp(StubDaemon({"GET /healthz": (200, health("ok"))})) as url:
        assert type_in("status", "--url", url, "--json").json == health("ok")


def test_it_finds_the_ops_address_that_the_daemon_wrote_down(tmp_path):
    with on_tcp(StubDaemon({"GET /healthz": (200, health("ok"))})) as url:
        (tmp_path / "listen.json").write_text(json.dumps({"ops": url}))
        assert type_in("status", "--state-dir", tmp_path).code == 0


def test_nobody_there_is_69(tmp_path):
    ran = type_in("status", "--state-dir", tmp_path, environ={"ASCEND_SIDECAR_OPS_LISTEN": "127.0.0.1:1"})
    assert (ran.code, ran.out) == (69, "")
    assert "http://127.0.0.1:1: Connection refused" in ran.err


def test_somebody_else_there_is_69():
    with on_tcp(StubDaemon({"GET /healthz": (200, b"OK")})) as url:
        ran = type_in("status", "--url", url)
    assert (ran.code, ran.out) == (69, "")


@pytest.mark.parametrize("arguments", [("--url", "nowhere"), ("extra",), ("--state-dir",)])
def test_a_usage_error_is_64(arguments):
    assert type_in("status", *arguments).code == 64


def test_a_bad_config_is_78():
    ran = type_in("status", environ={"ASCEND_SIDECAR_STAT_DIR": "/x"})
    assert ran.code == 78
    assert "did you mean `ASCEND_SIDECAR_STATE_DIR`?" in ran.err
