"""`doctor` sees what keeps a daemon from deciding, one fault at a time, and shows no secret."""

import json
import os
import socket
import subprocess
import time
from dataclasses import replace

import pytest

from sidecar.cli.doctor.clocks import check_clock
from sidecar.cli.doctor.files import check_state
from sidecar.cli.doctor.finding import Patient, Standing
from sidecar.cli.doctor.halts import check_halts
from sidecar.cli.doctor.policies import check_policies
from sidecar.cli.doors import Listening
from sidecar.config import resolve
from sidecar.config.keys import with_value
from sidecar.config.units import Size
from sidecar.core.killswitch.document_form import write_document
from tests.fakes.stub_daemon import StubDaemon, on_tcp
from tests.fakes.terminal import type_in
from tests.tools.daemon import Daemon
from tests.tools.moto_process import moto_process
from tests.tools.signing import KEY
from tests.tools.sqs import Queue

DAY = 86_400


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    with Daemon(tmp_path_factory.mktemp("doctor")) as running:
        yield running


def run(folder, *arguments, **environ):
    """Doctor on a state and run folder below `folder`, with settings by their variables' names."""
    given = {f"ASCEND_SIDECAR_{name}": str(value) for name, value in environ.items()}
    given = {"ASCEND_SIDECAR_POLICIES": "default", "ASCEND_SIDECAR_OPS_LISTEN": "127.0.0.1:1"} | given
    places = ("--state-dir", folder / "state", "--run-dir", folder / "run")
    return type_in("doctor", *places, "--json", *arguments, environ=given)


def findings(ran):
    return [(one["check"], one["detail"]) for one in ran.json["checks"] if one["standing"] == "finding"]


def patient(folder, now=None, **environ):
    given = {f"ASCEND_SIDECAR_{name}": str(value) for name, value in environ.items()}
    given |= {"ASCEND_SIDECAR_STATE_DIR": str(folder)}
    return Patient(resolve(None, given, {}).config, given, Listening(), now or time.time())


def found_of(checks):
    return [one.detail for one in checks if one.standing is Standing.FINDING]


def test_before_the_first_start_there_is_nothing_to_find(tmp_path):
    ran = run(tmp_path)
    assert (ran.code, findings(ran), ran.json["status"]) == (0, [], "ok")
    daemon = next(one for one in ran.json["checks"] if one["check"] == "daemon")
    assert daemon["standing"] == "skipped"
    assert not (tmp_path / "state").exists()


def test_a_running_daemon_is_well_and_its_curl_lines_are_answered(daemon):
    ran = run(daemon.folder)
    assert (ran.code, findings(ran)) == (0, [])
    assert any(one["check"] == "daemon" and one["standing"] == "ok" for one in ran.json["checks"])
    assert len(ran.json["curl"]) == 2
    for line in ran.json["curl"]:
        answered = subprocess.run(["sh", "-c", line], capture_output=True, check=True, timeout=30)
        assert json.loads(answered.stdout)["decision"] is True


def test_people_get_lines(daemon):
    ran = type_in("doctor", "--state-dir", daemon.state, environ={"ASCEND_SIDECAR_POLICIES": "default"})
    assert ran.code == 0
    assert "ok daemon: one answers at http://127.0.0.1:" in ran.out
    assert "\ncurl -sS --unix-socket " in ran.out


def test_a_daemon_that_fares_badly_is_told_part_by_part(tmp_path):
    parts = [
        {"name": "bundle", "status": "failing", "detail": "it expired"},
        {"name": "audit", "status": "ok"},
    ]
    told = {"status": "failing", "parts": parts, "warnings": ["fsync is never"]}
    with on_tcp(StubDaemon({"GET /healthz": (503, told)})) as url:
        ran = run(tmp_path, OPS_LISTEN=url.removeprefix("http://"))
    assert ran.code == 1
    assert ("bundle", "it expired") in findings(ran)
    assert ("daemon", "note", "fsync is never") in [
        (one["check"], one["standing"], one["detail"]) for one in ran.json["checks"]
    ]


def test_a_config_that_cannot_be_read_is_a_finding_with_its_place(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("listn: 127.0.0.1:1\n")
    ran = run(tmp_path, "--config", config)
    assert ran.code == 1
    assert findings(ran) == [("config", f"{config}:1:1: unknown key `listn` (did you mean `listen`?)")]


def test_a_config_without_policies_is_a_finding(tmp_path):
    ran = type_in("doctor", "--state-dir", tmp_path / "s", "--run-dir", tmp_path / "r", "--json")
    assert ran.code == 1
    assert "no policy source" in findings(ran)[0][1]


@pytest.mark.parametrize("path", ["state", "state/keys/log.pem", "state/keys/masking"])
def test_what_others_can_get_at_is_found(daemon, path):
    place = daemon.folder / path
    mode = place.stat().st_mode & 0o777
    place.chmod(mode | 0o044)
    try:
        ran = run(daemon.folder)
    finally:
        place.chmod(mode)
    assert ran.code == 1
    assert [detail for _, detail in findings(ran) if f"{place} has mode" in detail]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_key_of_another_user_is_found(daemon):
    key = daemon.state / "keys/log.pem"
    os.chown(key, 4321, -1)
    try:
        assert any("belongs to uid 4321" in detail for _, detail in findings(run(daemon.folder)))
    finally:
        os.chown(key, 0, -1)


def test_a_disk_without_room_for_the_log_is_found(daemon):
    """A log that needs more than any disk has."""
    roomy = patient(daemon.state)
    assert found_of(check_state(roomy)) == []
    config = with_value(roomy.config, ("audit", "segment"), Size(1 << 60))
    full = replace(roomy, config=config)
    assert ["MiB are free" in detail for detail in found_of(check_state(full))] == [True]


def unix_socket(path, mode):
    path.parent.mkdir(exist_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    path.chmod(mode)
    return listener


def test_a_socket_for_everybody_is_found(tmp_path):
    with unix_socket(tmp_path / "run/sidecar.sock", 0o666):
        ran = run(tmp_path)
    assert ran.code == 1
    assert "every user may connect" in findings(ran)[0][1]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_folder_that_the_group_cannot_pass_is_found(tmp_path):
    with unix_socket(tmp_path / "run/sidecar.sock", 0o660):
        os.chown(tmp_path / "run/sidecar.sock", -1, 4321)
        (tmp_path / "run").chmod(0o700)
        ran = run(tmp_path)
    assert f"the group may not pass {tmp_path / 'run'}" in findings(ran)[0][1]


def test_a_file_in_the_place_of_the_socket_is_found(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/sidecar.sock").touch()
    assert "is not a socket" in findings(run(tmp_path))[0][1]


def test_a_clock_that_went_back_is_found(daemon):
    daemon.evaluate("agent:demo", "database.read", "resource:customer_profiles")
    now = time.time()
    assert found_of(check_clock(patient(daemon.state, now))) == []
    (told,) = found_of(check_clock(patient(daemon.state, now - 3 * DAY)))
    assert "3 days from now" in told


@pytest.mark.parametrize(("shift", "word"), [(300.0, "ahead of"), (-300.0, "behind")])
def test_a_clock_that_differs_from_the_platforms_is_found(tmp_path, shift, word):
    with on_tcp(StubDaemon()) as url:
        assert found_of(check_clock(patient(tmp_path, PLATFORM_URL=url))) == []
        (told,) = found_of(check_clock(patient(tmp_path, time.time() + shift, PLATFORM_URL=url)))
    assert word in told


def test_a_platform_that_is_not_there_is_found(tmp_path):
    (told,) = found_of(check_clock(patient(tmp_path, PLATFORM_URL="http://127.0.0.1:1")))
    assert "Connection refused" in told


def test_a_stored_bundle_has_an_age_and_an_end(built, keys, tmp_path):
    store = tmp_path / "state/bundle"
    store.mkdir(parents=True)
    (store / "active.dsse").write_bytes(built("--expires-in", "14d").read_bytes())
    given = {"BUNDLE_SOURCE": "/nowhere", "TRUST_KEYS": keys / "a.pub"}
    good = list(check_policies(patient(tmp_path / "state", **given)))
    assert found_of(good) == []
    assert any("revision 1 was issued" in one.detail and "expires in 14 days" in one.detail for one in good)
    (late,) = found_of(check_policies(patient(tmp_path / "state", time.time() + 15 * DAY, **given)))
    assert "expired" in late
    other = given | {"TRUST_KEYS": keys / "b.pub"}
    assert len(found_of(check_policies(patient(tmp_path / "state", **other)))) == 1
    (store / "looked.json").write_text('{"checked_at": 1.0, "changed_at": 1.0}')
    assert "was last seen" in found_of(check_policies(patient(tmp_path / "state", **given)))[0]


def test_keys_that_are_none_are_found(tmp_path):
    given = {"TRUST_KEYS": "nonsense", "BUNDLE_SOURCE": "/nowhere"}
    assert (
        "`nonsense` is neither a public key nor a file"
        in found_of(check_policies(patient(tmp_path, **given)))[0]
    )


def test_a_folder_of_policies_that_does_not_load_is_found(tmp_path):
    (tmp_path / "p").mkdir()
    (tmp_path / "p/a.yaml").write_text("nonsense: 1\n")
    ran = run(tmp_path, POLICIES=tmp_path / "p")
    assert [check for check, _ in findings(ran)] == ["bundle"]


@pytest.fixture
def aws(monkeypatch):
    for name, text in (
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "test-secret"),
    ):
        monkeypatch.setenv(name, text)


def of_queue(url, endpoint):
    return {
        "KILLSWITCH_QUEUE_URL": url,
        "KILLSWITCH_ENDPOINT_URL": endpoint,
        "KILLSWITCH_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:halts",
    }


def test_the_queue_is_asked_and_keeps_its_messages(tmp_path, aws):
    with moto_process() as server:
        queue = Queue(server.url)
        queue.send("{}")
        ran = run(tmp_path, **of_queue(queue.url, server.url))
        assert (ran.code, findings(ran)) == (0, [])
        assert any("1 or more messages wait" in one["detail"] for one in ran.json["checks"])
        assert queue.count() == 1
        queue.delete()
        gone = run(tmp_path, **of_queue(queue.url, server.url))
        queue.close()
    assert gone.code == 1
    assert any(one["hint"].startswith("`ascend-sidecar killswitch provision`") for one in gone.json["checks"])


def test_a_queue_that_is_not_there_is_found(tmp_path, aws):
    ran = run(
        tmp_path, **of_queue("https://sqs.us-east-1.amazonaws.com/123456789012/h", "http://127.0.0.1:1")
    )
    assert ran.code == 1
    assert {check for check, _ in findings(ran)} == {"clock", "queue"}


def test_a_state_that_is_believed_has_an_age(tmp_path):
    issued = time.time() - 60
    document = write_document("default", 1, issued, issued + 3600, [], [], [KEY])
    (tmp_path / "state.dsse").write_bytes(document)
    given = {"KILLSWITCH_STATE": tmp_path / "state.dsse", "TRUST_KEYS": KEY.public.text}
    (told,) = check_halts(patient(tmp_path, **given))
    assert told.standing is Standing.OK
    assert "is believed, issued 60 s ago" in told.detail or "is believed, issued 61 s ago" in told.detail


def test_a_state_that_is_not_believed_is_found(tmp_path, keys):
    (tmp_path / "state.dsse").write_text("{}")
    given = {"KILLSWITCH_STATE": tmp_path / "state.dsse", "TRUST_KEYS": keys / "a.pub"}
    ran = type_in(
        *("doctor", "--state-dir", tmp_path / "s", "--run-dir", tmp_path / "r", "--json"),
        environ={f"ASCEND_SIDECAR_{name}": str(text) for name, text in given.items()},
    )
    assert "halts" in {check for check, _ in findings(ran)}


def test_no_secret_is_shown(tmp_path):
    secret = "correct-horse-battery"
    for name in ("key", "token", "signing"):
        (tmp_path / name).write_text(secret)
        (tmp_path / name).chmod(0o644)
    (tmp_path / "tokens").write_text(f"{secret}\n")
    ran = run(
        tmp_path,
        PLATFORM_URL="http://127.0.0.1:1",
        PLATFORM_KEY_FILE=tmp_path / "key",
        PLATFORM_SIGNING_SECRET_FILE=tmp_path / "signing",
        KILLSWITCH_TOKEN_FILE=tmp_path / "token",
        TOKENS_FILE=tmp_path / "tokens",
    )
    assert ran.code == 1
    assert len([check for check, _ in findings(ran) if check == "secrets"]) == 4
    assert secret not in ran.out + ran.err
    assert ran.json["curl"][1].endswith('-H "Authorization: Bearer $TOKEN"')


@pytest.mark.parametrize("arguments", [("extra",), ("--state-dir",)])
def test_a_usage_error_is_64(arguments):
    assert type_in("doctor", *arguments).code == 64
