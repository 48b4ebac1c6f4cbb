"""Loading: who wins, what is refused, and that a refusal says where and what would be right."""

from pathlib import Path

import pytest

from sidecar.config import DEFAULT_POLICIES, LogLevel, load, policies_folder, resolve
from sidecar.config.folders import default_run_dir, default_state_dir
from sidecar.core.errors import ConfigError, Place

ROOT, SOMEBODY, NOBODY_AT_ALL = 0, 1000, 2**31 - 7


@pytest.fixture
def write(tmp_path):
    def write(text):
        file = tmp_path / "c.yaml"
        file.write_text(text)
        return file

    return write


def findings(path=None, environ=None, flags=None):
    with pytest.raises(ConfigError) as raised:
        resolve(path, environ or {}, flags or {})
    return [str(one) for one in raised.value.diagnostics]


def test_without_any_source_the_defaults_hold():
    config = resolve(None, {}, {}).config
    assert config.listen == "127.0.0.1:8181"
    assert config.audit.deadline == 0.25
    assert config.audit.keep.bytes == 4 << 30
    assert config.socket.mode == 0o660
    assert config.policies is None


def test_a_daemon_without_a_policy_source_does_not_start():
    with pytest.raises(ConfigError, match="--policies"):
        load(None, {}, {})


def test_a_policy_source_is_all_that_a_start_needs():
    assert load(None, {}, {"policies": "default"}).policies == DEFAULT_POLICIES


def test_the_builtin_policies_are_a_folder_of_the_package():
    assert policies_folder(DEFAULT_POLICIES).name == "defaults"
    assert policies_folder("./mine") == Path("mine")


def test_an_empty_file_changes_nothing(write):
    assert resolve(write("# nothing\n"), {}, {}).config == resolve(None, {}, {}).config


def test_the_environment_names_the_file(write):
    file = write("log:\n  level: error\n")
    assert resolve(None, {"ASCEND_SIDECAR_CONFIG": str(file)}, {}).config.log.level is LogLevel.ERROR


def test_the_file_asked_for_wins_over_the_one_that_the_environment_names(write, tmp_path):
    file = write("log: {level: error}\n")
    assert (
        resolve(file, {"ASCEND_SIDECAR_CONFIG": str(tmp_path / "other")}, {}).config.log.level
        is LogLevel.ERROR
    )


def test_a_file_that_is_not_there_is_named(tmp_path):
    assert findings(tmp_path / "none.yaml") == [
        f"{tmp_path}/none.yaml: cannot be read: No such file or directory"
    ]


def test_a_file_beyond_all_measure_is_refused():
    assert findings(Path("/dev/zero")) == ["/dev/zero: is larger than 1048576 bytes"]


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("audit:\n  fsnyc: always\n", "2:3: unknown key `fsnyc` (did you mean `fsync`?)"),
        ("audit:\n  fsync: allways\n", "2:10: audit.fsync: `allways` is not one of always, interval, never"),
        ("limits:\n  body: 5\n", "2:9: limits.body: a string is needed, such as 256KiB"),
        ("limits:\n  body: 5KB\n", "2:9: limits.body: `5KB` is not a size such as"),
        ("limits: {depth: deep}\n", "1:17: limits.depth: expected an integer, got a string"),
        ("limits: {depth: 1}\n", "1:17: limits.depth: expected an integer >= 4"),
        ("limits: none\n", "1:9: a mapping of keys to values is needed here"),
        ("- listen\n", "1:1: a mapping of keys to values is needed here"),
        ("listen: 127.0.0.1\n", "1:9: listen: `127.0.0.1` is not an address"),
        ("policies: ''\n", "1:11: policies: expected a string of length >= 1"),
        ("state_dir: ''\n", "1:12: state_dir: a path must not be empty"),
        ("listen: null\n", "1:9: listen: a string is needed"),
        ("allowed_hosts: pdp.example\n", "1:16: allowed_hosts: expected a list"),
        ("allowed_hosts: ['*']\n", "1:16: allowed_hosts: `*` is not a host name"),
        ("limits: {wait: 56s}\n", "1:16: limits.wait: 56s is not between 0s and 55s"),
        (
            "platform: {outbox: {bytes: 1KiB}}\n",
            "1:28: platform.outbox.bytes: 1KiB is not between 1MiB and 16GiB",
        ),
        (
            "audit: {keep: {bytes: 100MiB}}\n",
            "1:23: audit.keep.bytes: 100MiB is too little for segments of 64MiB",
        ),
        (
            "public_base_url: http://pdp.example\n",
            "1:18: public_base_url: `http://pdp.example` is not an https",
        ),
        ("tls: {cert: /c.pem}\n", "1:13: tls.cert: a certificate without its key (set tls.key too)"),
        ("tls: {key: /k.pem}\n", "1:12: tls.key: a key without its certificate"),
        ("ops_listen: 127.0.0.1:8181\n", "1:13: ops_listen: 127.0.0.1:8181 already decides"),
        ("listen: a:1\nlisten: b:2\n", "2:1: duplicate key `listen`"),
        ("log: {level: info}\n---\nlog: {}\n", "3:1: a second YAML document"),
        ("listen: [\n", "2:1: not YAML"),
    ],
)
def test_what_is_wrong_in_the_file_is_told_with_line_and_column(text, finding, write):
    file = write(text)
    assert findings(file)[0].startswith(f"{file}:{finding}")


def test_everything_wrong_is_told_at_once(write):
    file = write("lissten: x\nlog: {level: loud}\n")
    found = findings(file, {"ASCEND_SIDECAR_LIMITS_BATCH": "0"}, {"ops_listen": "nowhere"})
    assert [one.split(": ")[0] for one in found] == [
        f"{file}:1:1",
        f"{file}:2:14",
        "ASCEND_SIDECAR_LIMITS_BATCH",
        "--ops-listen",
    ]


def test_an_unknown_variable_is_refused_with_a_suggestion():
    found = findings(environ={"ASCEND_SIDECAR_AUDIT__FSYNC": "never"})
    assert found == [
        "ASCEND_SIDECAR_AUDIT__FSYNC: no such setting (did you mean `ASCEND_SIDECAR_AUDIT_FSYNC`?)"
    ]


@pytest.mark.parametrize(
    "name", ["ASCEND_SIDECAR_LISTEN", "ASCEND_SIDECAR_CONFIG", "ASCEND_SIDECAR_WHATEVER"]
)
def test_an_empty_variable_is_refused(name):
    assert findings(environ={name: ""}) == [f"{name}: is empty (unset it to get the default)"]


def test_what_kubernetes_sets_for_a_service_of_our_name_is_not_ours():
    links = {
        "ASCEND_SIDECAR_SERVICE_HOST": "10.0.0.7",
        "ASCEND_SIDECAR_SERVICE_PORT": "8181",
        "ASCEND_SIDECAR_SERVICE_PORT_HTTP": "8181",
        "ASCEND_SIDECAR_PORT": "tcp://10.0.0.7:8181",
        "ASCEND_SIDECAR_PORT_8181_TCP": "tcp://10.0.0.7:8181",
        "ASCEND_SIDECAR_PORT_8181_TCP_PROTO": "tcp",
        "ASCEND_SIDECAR_OPS_SERVICE_HOST": "10.0.0.8",
    }
    assert resolve(None, links, {}).config == resolve(None, {}, {}).config


def test_a_mistyped_variable_is_not_taken_for_one_of_kubernetes():
    assert "no such setting" in findings(environ={"ASCEND_SIDECAR_OPS_PORT": "8182"})[0]


@pytest.mark.parametrize(
    ("text", "level"), [("1", "debug"), ("true", "debug"), ("0", "info"), ("False", "info")]
)
def test_ascend_debug_sets_the_log_level(text, level):
    assert resolve(None, {"ASCEND_DEBUG": text}, {}).config.log.level == level


def test_a_variable_that_names_the_log_level_wins_over_ascend_debug():
    environ = {"ASCEND_DEBUG": "1", "ASCEND_SIDECAR_LOG_LEVEL": "error"}
    assert resolve(None, environ, {}).config.log.level is LogLevel.ERROR


def test_ascend_debug_wins_over_the_file(write):
    resolved = resolve(write("log: {level: error}\n"), {"ASCEND_DEBUG": "1"}, {})
    assert (resolved.config.log.level, resolved.origins["log.level"]) == (
        LogLevel.DEBUG,
        Place("ASCEND_DEBUG"),
    )


def test_ascend_debug_must_say_yes_or_no():
    assert findings(environ={"ASCEND_DEBUG": "maybe"}) == ["ASCEND_DEBUG: `maybe` is not 1 or 0"]


REMOTE = {"listen": "0.0.0.0:8181", "tls.cert": "/c", "tls.key": "/k", "tokens_file": "/t"}


def test_an_address_that_others_reach_is_taken_with_tls_and_tokens():
    assert resolve(None, {}, REMOTE).config.listen == "0.0.0.0:8181"


@pytest.mark.parametrize("missing", [{"tokens_file"}, {"tls.cert", "tls.key"}])
def test_an_address_that_others_reach_is_refused_without_tls_or_without_tokens(missing):
    flags = {name: text for name, text in REMOTE.items() if name not in missing}
    assert findings(flags=flags)[0].startswith(
        "--listen: listen: 0.0.0.0:8181 can be reached from other machines"
    )


def test_probes_may_be_answered_to_others():
    assert resolve(None, {}, {"ops_listen": "0.0.0.0:8182"}).config.ops_listen.port == 8182


@pytest.mark.parametrize(("name", "socket"), [("run_dir", "sidecar.sock"), ("state_dir", "admin.sock")])
def test_a_socket_path_has_at_most_107_bytes(name, socket):
    longest = "/" + "x" * (107 - len(f"//{socket}"))
    assert len(f"{longest}/{socket}") == 107
    resolve(None, {}, {name: longest, **({"run_dir": "/run/x"} if name == "state_dir" else {})})
    assert "has 108 bytes" in findings(flags={name: longest + "x"})[0]


@pytest.mark.parametrize(("run", "state"), [("/srv/a", "/srv/a"), ("/srv", "/srv/state")])
def test_the_state_folder_is_never_inside_the_run_folder(run, state):
    assert "holds the state folder" in findings(flags={"run_dir": run, "state_dir": state})[0]


def test_a_relative_folder_is_made_absolute():
    assert resolve(None, {}, {"state_dir": "st/../state"}).config.state_dir == Path.cwd() / "state"


def test_root_and_others_keep_their_state_in_different_folders():
    assert default_state_dir({"HOME": "/h"}, ROOT)[0] == Path("/var/lib/ascend-sidecar")
    assert default_state_dir({"HOME": "/h"}, SOMEBODY)[0] == Path("/h/.local/state/ascend-sidecar")


def test_a_user_without_a_home_folder_must_name_the_state_folder():
    with pytest.raises(ConfigError, match="--state-dir"):
        default_state_dir({}, NOBODY_AT_ALL)


@pytest.mark.parametrize(
    ("environ", "uid", "folder"),
    [
        ({"RUNTIME_DIRECTORY": "/run/unit"}, ROOT, "/run/unit"),
        ({"RUNTIME_DIRECTORY": "/run/unit:/run/other"}, SOMEBODY, "/run/unit"),
        ({"XDG_RUNTIME_DIR": "/run/user/1000"}, ROOT, "/run/ascend-sidecar"),
        ({"XDG_RUNTIME_DIR": "/run/user/1000"}, SOMEBODY, "/run/user/1000/ascend-sidecar"),
        ({}, SOMEBODY, "/state/run"),
    ],
)
def test_the_run_folder_is_the_managers_then_the_systems_then_the_sessions_then_the_states(
    environ, uid, folder
):
    assert default_run_dir(environ, uid, Path("/state"))[0] == Path(folder)
