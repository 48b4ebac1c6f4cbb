"""Which paths and hosts are sensitive, by the default table."""

import pytest

from tests.fakes.default_risk import assess


def facts(path, action="write_file"):
    return " ".join(assess(action, f"file:{path}").because)


@pytest.mark.parametrize(
    "path",
    [
        "/etc/config.yaml",
        "/etc",
        "/etc/",
        "/ETC/config.yaml",
        "//etc//config.yaml",
        "/srv/../etc/config.yaml",
        "/etc/../srv/harmless",
        "/%65tc/config.yaml",
        "file:///etc/config.yaml",
    ],
)
def test_a_system_path_is_one_however_it_is_written(path):
    assert "path under /etc +20" in facts(path)


def test_the_root_of_a_process_is_seen_through():
    assert facts("/proc/self/root/root/.ssh/id_rsa", "read_file").startswith("base 75 (secret.read")


@pytest.mark.parametrize("path", ["C:\\Windows\\System32\\x.dll", "c:/windows/win.ini"])
def test_windows_has_system_paths_too(path):
    assert "path under C:/Windows +20" in facts(path)


@pytest.mark.parametrize(
    "path", ["/etcetera/x", "/srv/etc.txt", "notes.md", "/srv/app/environment.md", "", "x" * 5000]
)
def test_harmless_paths_add_nothing(path):
    assert facts(path) == "base 50 (fs.write)"


@pytest.mark.parametrize(
    "path",
    [
        "/home/ann/.ssh/id_ed25519",
        "~/.ssh/config",
        "/home/ann/.aws/credentials",
        "/srv/app/.env",
        ".env.production",
        "certs/server.pem",
        "/srv/app/%2eenv",
        "C:\\Users\\ann\\.ssh\\id_rsa",
        "/proc/self/environ",
        "/run/secrets/db",
        "/etc/shadow",
    ],
)
@pytest.mark.parametrize("action", ["file.read", "read_file", "list_directory", "read_multiple_files"])
def test_to_read_a_secret_file_is_to_read_a_secret(action, path):
    risk = assess(action, f"file:{path}")
    assert risk.verb == "secret.read"
    assert risk.score >= 75


@pytest.mark.parametrize(
    "action", ["frobnicate", "copy_file", "run_python", "send_email", "http_post", "git_add"]
)
def test_whatever_takes_a_secret_file_somewhere_reads_a_secret(action):
    assert assess(action, "resource:x", properties={"path": "/srv/app/.env"}).verb == "secret.read"


def test_to_write_a_secret_file_stays_a_write():
    risk = assess("write_file", "file:/srv/app/.env")
    assert (risk.verb, risk.because[1]) == ("fs.write", "secret file .env +25")


@pytest.mark.parametrize("where", ["path", "file_path", "destination", "paths"])
def test_paths_are_looked_at_in_properties_of_action_and_resource_and_at_depth(where):
    value = ["/tmp/x", "/root/.ssh/id_rsa"] if where == "paths" else "/root/.ssh/id_rsa"
    for parts in (
        {"properties": {where: value}},
        {"held": {where: value}},
        {"context": {where: value}},
        {"properties": {"arguments": {"inner": [{where: value}]}}},
    ):
        assert assess("file.read", "resource:documents", **parts).verb == "secret.read"


@pytest.mark.parametrize("path", ["/root/.ssh/id_rsa", "./.env", "~/.aws/credentials", "..\\.env"])
def test_an_id_that_looks_like_a_path_is_one_whatever_its_type(path):
    assert assess("file.read", f"document:{path}").verb == "secret.read"


@pytest.mark.parametrize(
    "path",
    ["/home/ann/.bashrc", "/etc/cron.d/x", "/srv/app/.git/hooks/pre-commit", "/root/.ssh/authorized_keys"],
)
def test_what_runs_again_by_itself_has_a_floor_for_writers_only(path):
    assert assess("append_file", f"file:{path}").score >= 80
    assert "runs again" not in facts(path, "read_file")


def test_agent_configuration_is_a_registration():
    assert assess("edit_file", "file:/srv/app/.mcp.json").verb == "mcp.register"
    assert assess("read_file", "file:/srv/app/CLAUDE.md").score == 25


@pytest.mark.parametrize(
    "path",
    [
        "/srv/app/.claude/settings.json",
        "/home/ann/.cursor/hooks.json",
        "/home/ann/.codex/hooks.json",
        "/home/ann/.copilot/hooks/any.json",
        "/srv/app/.github/hooks/any.json",
        "/etc/claude-code/managed-settings.json",
        "/etc/github-copilot/policy.d/any.json",
    ],
)
def test_where_hosts_look_for_hooks_is_configuration_of_agents(path):
    assert assess("file.edit", f"file:{path}").score >= 80


@pytest.mark.parametrize(
    "path",
    [
        "/var/lib/ascend-sidecar/audit/000.jsonl",
        "/run/ascend-sidecar/sidecar.sock",
        "/run/user/1000/ascend-sidecar/admin.sock",
        "/etc/ascend-sidecar/config.yaml",
        "/home/ann/.local/state/ascend-sidecar/keys/log",
    ],
)
def test_the_sidecars_own_files_are_never_below_95(path):
    assert assess("write_file", f"file:{path}").verb == "ctl.modify"
    assert assess("read_file", f"file:{path}").verb == "secret.read"
    assert all(assess(action, f"file:{path}").score >= 95 for action in ("read_file", "write_file", "x"))


@pytest.mark.parametrize(
    "request_parts",
    [
        ("api_call", "url:http://169.254.169.254/latest/meta-data", {}),
        ("fetch", "resource:http://metadata.google.internal/", {}),
        ("fetch", "resource:web", {"url": "http://169.254.169.254/"}),
    ],
)
def test_the_metadata_service_has_a_floor_and_is_a_secret(request_parts):
    action, resource, properties = request_parts
    risk = assess(action, resource, properties=properties)
    assert (risk.score, risk.verb) == (90, "secret.read")


@pytest.mark.parametrize("host", ["", "localhost"])
def test_a_file_url_is_a_path(host):
    assert assess("resources/read", f"resource:file://{host}/root/.ssh/id_rsa").verb == "secret.read"
    assert "path under /etc +20" in assess("fetch", f"url:file://{host}/etc/hosts").because


def test_a_resource_named_after_a_secret_counts_as_one():
    assert "named after a secret (credential) +30" in " ".join(
        assess("database.read", "table:user_credentials").because
    )


def test_more_paths_than_are_looked_at_count_as_the_worst():
    many = [f"/tmp/{n}" for n in range(1001)]
    assert assess("read_multiple_files", "resource:x", properties={"paths": many[:9]}).score == 30
    assert assess("read_multiple_files", "resource:x", properties={"paths": many}).score >= 90


@pytest.mark.parametrize("url", ["unix:///run/ascend-sidecar/x", "sftp://host/root/.ssh/id_rsa"])
def test_a_url_that_is_no_web_address_is_looked_at_as_a_path(url):
    assert assess("api_call", f"url:{url}").verb == "secret.read"


def test_the_path_of_a_web_address_is_not_one_on_this_host():
    assert assess("api_call", "url:https://example.com/etc/x.pem").score == 40


@pytest.mark.parametrize(("method", "score"), [("GET", 40), ("POST", 55), ("DELETE", 68)])
def test_the_method_of_an_api_call_counts(method, score):
    assert assess("api_call", "url:https://example.com/", properties={"method": method}).score == score


def test_more_addresses_than_are_looked_at_as_paths_count_as_the_worst():
    assert assess("api_call", "resource:x", properties={"urls": ["unix:x"] * 1001}).score >= 90
    assert assess("api_call", "resource:x", properties={"urls": ["https://example.com"] * 99}).score < 60
