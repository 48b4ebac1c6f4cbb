"""`check` asks over real sockets: whom it finds, what it sends, how it ends."""

import json
from pathlib import Path

import pytest

from tests.fakes.stub_daemon import StubDaemon, decision, on_socket, on_tcp
from tests.fakes.terminal import type_in

EVALUATE = "POST /access/v1/evaluation"
WORDS = ("agent:bot", "file.read", "file:/srv/a")


@pytest.fixture
def stub():
    return StubDaemon({EVALUATE: (200, decision(audit={"seq": 3, "hash": "00"}))})


@pytest.fixture
def folders(tmp_path):
    """A state and a run folder of nobody, and an address where nobody listens."""
    return {
        "ASCEND_SIDECAR_STATE_DIR": str(tmp_path / "state"),
        "ASCEND_SIDECAR_RUN_DIR": str(tmp_path / "run"),
        "ASCEND_SIDECAR_LISTEN": "127.0.0.1:1",
    }


def listen(folders, **addresses):
    state = Path(folders["ASCEND_SIDECAR_STATE_DIR"])
    state.mkdir()
    (state / "listen.json").write_text(json.dumps(addresses | {"pid": 1}))


def test_it_asks_the_url_it_is_given(stub):
    with on_tcp(stub) as url:
        ran = type_in("check", *WORDS, "--url", url, "--context", '{"ip": "10.0.0.1"}')
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("ALLOW allowed: Because.")
    method, path, headers, body = stub.asked[0]
    assert (method, path, headers["Content-Type"]) == ("POST", "/access/v1/evaluation", "application/json")
    assert json.loads(body) == {
        "subject": {"type": "agent", "id": "bot"},
        "action": {"name": "file.read"},
        "resource": {"type": "file", "id": "/srv/a"},
        "context": {"ip": "10.0.0.1"},
    }


def test_it_asks_the_socket_it_is_given(stub, tmp_path):
    with on_socket(stub, tmp_path / "s.sock") as path:
        assert type_in("check", *WORDS, "--socket", path).code == 0


def test_it_finds_the_socket_in_the_run_folder_before_the_tcp_address(stub, folders, tmp_path):
    with on_tcp(StubDaemon()) as url, on_socket(stub, tmp_path / "run/sidecar.sock"):
        folders["ASCEND_SIDECAR_LISTEN"] = url.removeprefix("http://")
        assert type_in("check", *WORDS, environ=folders).code == 0


def test_it_finds_the_socket_that_the_daemon_wrote_down(stub, folders, tmp_path):
    listen(folders, decision_socket=str(tmp_path / "elsewhere.sock"))
    with on_socket(stub, tmp_path / "elsewhere.sock"):
        assert type_in("check", *WORDS, environ=folders).code == 0


def test_it_finds_the_port_that_the_daemon_wrote_down(stub, folders):
    with on_tcp(stub) as url:
        listen(folders, decision=url)
        assert type_in("check", *WORDS, environ=folders).code == 0


def test_it_asks_the_configured_address_last(stub, folders):
    with on_tcp(stub) as url:
        folders["ASCEND_SIDECAR_LISTEN"] = url.removeprefix("http://")
        assert type_in("check", *WORDS, environ=folders).code == 0


@pytest.mark.parametrize(("verdict", "code"), [("allow", 0), ("deny", 1), ("pending", 2)])
def test_the_exit_code_is_the_verdict(verdict, code, stub):
    stub.answers[EVALUATE] = (200, decision(verdict))
    with on_tcp(stub) as url:
        ran = type_in("check", *WORDS, "--url", url)
        told = type_in("check", *WORDS, "--url", url, "--json")
    assert (ran.code, told.code) == (code, code)
    assert ran.out.startswith(verdict.upper())
    assert told.json == decision(verdict)


def test_nobody_there_is_69_and_says_where_it_looked(folders):
    ran = type_in("check", *WORDS, environ=folders)
    assert (ran.code, ran.out) == (69, "")
    assert "no daemon answers" in ran.err
    assert folders["ASCEND_SIDECAR_RUN_DIR"] in ran.err
    assert "http://127.0.0.1:1" in ran.err


def test_what_is_no_decision_is_69(stub):
    stub.answers[EVALUATE] = (200, {"hello": "world"})
    with on_tcp(stub) as url:
        ran = type_in("check", *WORDS, "--url", url)
    assert (ran.code, ran.out) == (69, "")
    assert "not a decision" in ran.err


def test_a_daemon_that_fails_is_69(stub):
    stub.answers[EVALUATE] = (503, b"oops")
    with on_tcp(stub) as url:
        ran = type_in("check", *WORDS, "--url", url)
    assert (ran.code, ran.err.count("status 503")) == (69, 1)


def test_an_answer_without_end_is_not_read_to_its_end(stub):
    stub.answers[EVALUATE] = (200, b" " * (5 << 20))
    with on_tcp(stub) as url:
        ran = type_in("check", *WORDS, "--url", url)
    assert (ran.code, ran.out) == (69, "")
    assert "more than 4194304 bytes" in ran.err


def test_a_refused_request_is_64_with_the_daemons_reason(stub):
    stub.answers[EVALUATE] = (400, {"detail": "subject.id: is required", "field": "subject.id"})
    with on_tcp(stub) as url:
        ran = type_in("check", "--request", "-", "--url", url, stdin=b"{}")
    assert ran.code == 64
    assert "subject.id: is required" in ran.err


def test_a_token_is_sent_and_never_shown(stub, tmp_path):
    (tmp_path / "token").write_text("s3cret\n")
    with on_tcp(stub) as url:
        ran = type_in("check", *WORDS, "--url", url, "--token-file", tmp_path / "token")
    assert stub.asked[0][2]["Authorization"] == "Bearer s3cret"
    assert "s3cret" not in ran.out + ran.err


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("agent:bot",),
        ("bot", "read", "file:x"),
        (*WORDS, "too-many"),
        (*WORDS, "--property", "novalue"),
        (*WORDS, "--context", "{"),
        (*WORDS, "--url", "ftp://x"),
        (*WORDS, "--url", "http://x", "--socket", "/y"),
        (*WORDS, "--url", "http://x", "--local", "/y"),
        (*WORDS, "--token-file", "/nowhere", "--url", "http://127.0.0.1:1"),
        (*WORDS, "--pub", "key"),
        (*WORDS, "--nonsense"),
    ],
)
def test_a_usage_error_is_64(arguments):
    ran = type_in("check", *arguments)
    assert (ran.code, ran.out) == (64, "")
    assert "Try 'ascend-sidecar check --help'" in ran.err


def test_a_bad_config_is_78(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("state_dri: /x\n")
    ran = type_in("check", *WORDS, environ={"ASCEND_SIDECAR_CONFIG": str(file)})
    assert (ran.code, ran.out) == (78, "")
    assert f"{file}:1:1: unknown key `state_dri` (did you mean `state_dir`?)" in ran.err


def test_a_listen_file_that_is_none_is_69(folders, tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state/listen.json").write_text("{")
    assert type_in("check", *WORDS, environ=folders).code == 69
