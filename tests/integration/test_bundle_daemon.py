"""A daemon and its signed bundle: from the source into force, through outages and restarts, and never back."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.tools.bundles import HEAD
from tests.tools.daemon import REPOSITORY, Daemon, evaluation, until
from tests.tools.serving import served
from tests.tools.signing import KEY, key, sealed, signed

READ = evaluation("agent:a1", "read", "thing:t")
DENIES = "rules: [{id: no, match: {actions: [read]}, effect: deny, reason: Not any more.}]\n"
QUICK = {
    "ASCEND_SIDECAR_TRUST_KEYS": KEY.public.text,
    "ASCEND_SIDECAR_BUNDLE_POLL": "1s",
    "ASCEND_SIDECAR_BUNDLE_TIMEOUT": "2s",
}


def fresh(text: str | None = None, revision: int = 1, lifetime: float = 3600.0, signer=KEY, **more) -> bytes:
    """A bundle that was issued just now."""
    now = float(int(time.time()))
    texts = () if text is None else (text,)
    return signed(*texts, revision=revision, key=signer, issued_at=now, expires_at=now + lifetime, **more)


def daemon_of(folder: Path, source: str | Path, **environ: str) -> Daemon:
    return Daemon(folder, None, ("--bundle", str(source)), environ=QUICK | environ)


def context(daemon: Daemon) -> dict:
    return daemon.post("/access/v1/evaluation", READ).body["context"]


def code(daemon: Daemon) -> str:
    return context(daemon)["code"]


def revision(daemon: Daemon) -> str:
    return context(daemon)["policy"]["revision"]


def health(daemon: Daemon, name: str = "bundle") -> dict:
    return next(part for part in daemon.get("/healthz", "ops").body["parts"] if part["name"] == name)


def refusals(daemon: Daemon, kind: str) -> bool:
    return (
        f'ascend_sidecar_bundle_refusals_total{{reason="{kind}"}}'
        in daemon.get("/metrics", "ops").raw.decode()
    )


def replace(path: Path, raw: bytes) -> None:
    path.with_suffix(".new").write_bytes(raw)
    path.with_suffix(".new").replace(path)


def test_a_file_that_is_replaced_is_taken_and_an_older_one_is_not(tmp_path):
    file = tmp_path / "bundle.dsse"
    file.write_bytes(fresh(revision=4))
    with daemon_of(tmp_path, file) as daemon:
        assert (code(daemon), revision(daemon)) == ("allowed", "4")
        replace(file, fresh(DENIES, 5))
        until(lambda: code(daemon) == "policy_denied", "the new revision is in force")
        replace(file, fresh(revision=4))
        until(lambda: refusals(daemon, "rolled_back"), "the old revision is refused")
        assert revision(daemon) == "5"
        assert health(daemon)["status"] == "degraded"


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (fresh(DENIES, 9, signer=key(7)), "untrusted"),
        (fresh(DENIES, 9).replace(b'"payload":"ey', b'"payload":"eY'), "untrusted"),
        (b"<html>not here</html>", "not_a_bundle"),
        (sealed(b"{}", kind="text/plain"), "wrong_payload_type"),
        (sealed(b'{"a":1,"a":2}'), "malformed"),
        (fresh("rules: [{id: x, efect: allow}]\n", 9), "malformed"),
        (fresh(DENIES, 9, name="other"), "not_for_us"),
    ],
)
def test_what_is_refused_never_decides(tmp_path, raw, kind):
    file = tmp_path / "bundle.dsse"
    file.write_bytes(fresh(revision=2))
    with daemon_of(tmp_path, file) as daemon:
        replace(file, raw)
        until(lambda: refusals(daemon, kind), f"it is refused as {kind}")
        assert (code(daemon), revision(daemon)) == ("allowed", "2")
        assert daemon.get("/readyz", "ops").status == 200


def test_a_server_tells_of_a_new_bundle_while_the_daemon_waits(tmp_path):
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    with served(fresh(revision=1), "s3cret") as source:
        quiet = {"ASCEND_SIDECAR_BUNDLE_POLL": "1h", "ASCEND_SIDECAR_BUNDLE_TOKEN_FILE": str(token)}
        with daemon_of(tmp_path, source.url, **quiet) as daemon:
            until(lambda: source.server.waiting == 1, "the daemon waits for news")
            source.put(fresh(DENIES, 2))
            until(lambda: code(daemon) == "policy_denied", "the new revision is in force")
            assert "s3cret" not in daemon.output()
            assert "s3cret" not in daemon.get("/healthz", "ops").raw.decode()


def test_an_outage_is_told_and_the_bundle_decides_until_it_is_stale(tmp_path):
    with (
        served(fresh()) as source,
        daemon_of(tmp_path, source.url, ASCEND_SIDECAR_BUNDLE_MAX_STALENESS="4s") as daemon,
    ):
        source.stop()
        until(lambda: health(daemon)["status"] == "degraded", "the outage shows")
        assert code(daemon) == "allowed"
        until(lambda: code(daemon) == "bundle_stale", "too old to decide")
        assert daemon.get("/readyz", "ops").status == 503
        assert daemon.get("/livez", "ops").status == 200


def test_an_expired_bundle_denies(tmp_path):
    file = tmp_path / "bundle.dsse"
    file.write_bytes(fresh(lifetime=4))
    with daemon_of(tmp_path, file) as daemon:
        assert code(daemon) == "allowed"
        until(lambda: code(daemon) == "bundle_expired", "its time is over")
        assert "expired" in daemon.get("/readyz", "ops").body["reasons"][0]
        replace(file, fresh(revision=2))
        until(lambda: code(daemon) == "allowed", "a newer one decides again")


def test_a_restart_without_network_goes_on_and_a_deleted_cache_keeps_the_floor(tmp_path):
    with served(fresh(revision=7)) as source:
        daemon = daemon_of(tmp_path, source.url)
        with daemon:
            assert revision(daemon) == "7"
            daemon.stop()
        source.stop()
    with daemon:
        assert (code(daemon), revision(daemon)) == ("allowed", "7")
        daemon.stop()
    (daemon.state / "bundle/active.dsse").unlink()
    with served(fresh(revision=6)) as older:
        again = daemon_of(tmp_path, older.url)
        again.spawn().await_doors()
        try:
            until(lambda: refusals(again, "rolled_back"), "the floor stands")
            assert code(again) == "no_bundle"
        finally:
            again.stop(signal.SIGKILL)


def test_before_there_is_a_bundle_it_lives_denies_and_waits(tmp_path):
    with served(None) as source:
        daemon = daemon_of(tmp_path, source.url)
        daemon.spawn().await_doors()
        try:
            assert daemon.get("/livez", "ops").status == 200
            assert daemon.get("/readyz", "ops").status == 503
            assert code(daemon) == "no_bundle"
            until(lambda: refusals(daemon, "source_refused"), "it has asked")
            source.put(fresh())
            until(lambda: code(daemon) == "allowed", "it decides as soon as it has one")
            assert daemon.get("/readyz", "ops").status == 200
        finally:
            daemon.stop(signal.SIGKILL)


def test_a_corrupt_cache_is_put_aside_and_the_source_asked(tmp_path):
    with served(fresh(revision=3)) as source:
        daemon = daemon_of(tmp_path, source.url)
        with daemon:
            daemon.stop()
        (daemon.state / "bundle/active.dsse").write_bytes(b"\0" * 512)
        with daemon:
            assert (code(daemon), revision(daemon)) == ("allowed", "3")
            assert (daemon.state / "bundle/quarantined.dsse").read_bytes() == b"\0" * 512


def test_a_signed_downgrade_is_taken_and_stands_in_the_log(tmp_path):
    file = tmp_path / "bundle.dsse"
    file.write_bytes(fresh(revision=9))
    with daemon_of(tmp_path, file) as daemon:
        until(lambda: time.time() >= int(time.time()) and _waited(daemon), "a second has passed")
        replace(file, fresh(DENIES, 4, allow_rollback_to=4))
        until(lambda: revision(daemon) == "4", "the downgrade is in force")
        daemon.stop()
    shown = _command(daemon, "audit", "show", "--json", "--limit", "0")
    events = [json.loads(line) for line in shown.stdout.splitlines()]
    downgrades = [event["details"] for event in events if "downgrade_from" in event.get("details", {})]
    assert [(one["revision"], one["downgrade_from"]) for one in downgrades] == [("4", 9)]


def _waited(daemon: Daemon) -> bool:
    return health(daemon)["facts"]["age_seconds"] > 1.0


def test_a_candidate_is_compared_and_promoted_by_command(tmp_path):
    active, candidate = tmp_path / "active.dsse", tmp_path / "candidate.dsse"
    active.write_bytes(fresh(revision=1))
    candidate.write_bytes(fresh(DENIES, 2))
    with daemon_of(tmp_path, active, ASCEND_SIDECAR_SHADOW_SOURCE=str(candidate)) as daemon:
        until(lambda: health(daemon, "candidate")["facts"].get("revision") == "2", "the candidate is there")
        assert code(daemon) == "allowed"
        until(lambda: health(daemon, "candidate")["facts"]["differing"] >= 1, "the difference is counted")
        wrong = _command(daemon, "bundle", "promote", "--revision", "3")
        assert (wrong.returncode, "not 3" in wrong.stdout) == (1, True)
        assert code(daemon) == "allowed"
        promoted = _command(daemon, "bundle", "promote", "--revision", "2")
        assert (promoted.returncode, promoted.stdout) == (0, "ok revision 2 is in force\n")
        assert (code(daemon), revision(daemon)) == ("policy_denied", "2")
        again = _command(daemon, "bundle", "promote", "--json")
        assert (again.returncode, "no candidate" in again.stdout) == (1, True)
        daemon.stop()
    shown = _command(daemon, "audit", "show", "--json", "--limit", "0").stdout
    assert '"event":"shadow_difference"' in shown
    assert _command(daemon, "bundle", "promote").returncode == 69


def test_a_watched_folder_is_taken_without_being_told(tmp_path):
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "policy.yaml").write_text(HEAD + "rules: [{id: all, effect: allow, reason: fine}]\n")
    with Daemon(tmp_path, folder) as daemon:
        assert code(daemon) == "allowed"
        replace(folder / "policy.yaml", (HEAD + DENIES).encode())
        until(lambda: code(daemon) == "policy_denied", "the folder is read again")


@pytest.mark.parametrize(
    ("arguments", "environ", "says"),
    [
        ((), {}, "--bundle FILE|URL"),
        (("--bundle", "/nowhere.dsse"), {}, "trust.keys"),
        (("--policies", "default"), {"ASCEND_SIDECAR_TRUST_KEYS": KEY.public.text}, "unsigned folder"),
        (("--policies", "default", "--bundle", "/nowhere.dsse"), QUICK, "one place"),
        (("--bundle", "/nowhere.dsse", "--require-bundle"), QUICK, "/nowhere.dsse"),
        (
            ("--bundle", "/x.dsse"),
            {"ASCEND_SIDECAR_TRUST_KEYS": "/no/such.pub"},
            "neither a public key nor a file",
        ),
        (
            ("--bundle", "/x.dsse"),
            {"ASCEND_SIDECAR_TRUST_KEYS": "bm8ga2V5"},
            "number 1: `bm8ga2V5` is neither",
        ),
        (("--bundle", "ftp://x/y"), QUICK | {"ASCEND_SIDECAR_TRUST_THRESHOLD": "2"}, "2 of 1"),
        (("--bundle", "https://me:pw@host/b"), QUICK, "bundle.token_file"),
        (("--bundle", "s3://bucket"), QUICK, "s3://bucket/key"),
    ],
)
def test_what_cannot_work_is_78_with_what_to_do(tmp_path, arguments, environ, says):
    places = ("--state-dir", str(tmp_path / "state"), "--run-dir", str(tmp_path / "run"))
    free = ("--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0")
    ended = subprocess.run(
        [sys.executable, "-m", "sidecar", "serve", *places, *free, *arguments],
        cwd=REPOSITORY, env={"PATH": "/usr/bin"} | environ, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (78, "")
    assert says in ended.stderr
    assert "pw@" not in ended.stderr
    assert "Traceback" not in ended.stderr


def _command(daemon: Daemon, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "sidecar", *arguments, "--state-dir", str(daemon.state)],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
