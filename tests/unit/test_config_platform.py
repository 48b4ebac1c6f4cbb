"""The platform in the config: where its address and its key come from, and that the key is shown nowhere."""

import json

import pytest

from sidecar.config import read_platform_key, read_signing_secret, resolve
from sidecar.config.describe import explain
from sidecar.core.errors import ConfigError
from sidecar.core.secret import Secret

OURS, SDKS, URL = "ASCEND_SIDECAR_PLATFORM_KEY", "ASCEND_API_KEY", "ASCEND_API_URL"


def platform(environ=None, flags=None):
    return resolve(None, environ or {}, flags or {}).config.platform


def findings(environ=None, flags=None):
    with pytest.raises(ConfigError) as raised:
        resolve(None, environ or {}, flags or {})
    return str(raised.value)


def test_there_is_no_platform_by_default():
    assert platform().url is None
    assert platform().timeout == 3.0
    assert platform().environment == "production"


def test_the_address_of_the_sdk_is_that_of_the_platform():
    assert platform({URL: "https://pilot.example"}).url == "https://pilot.example"
    ours = {URL: "https://pilot.example", "ASCEND_SIDECAR_PLATFORM_URL": "https://other.example"}
    assert platform(ours).url == "https://other.example"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8181", "http://localhost:1", "http://[::1]:8181/x", "https://127.9.9.9", ""]
)
def test_an_address_of_this_machine_is_the_daemon_and_not_the_platform(url):
    assert platform({URL: url}).url is None


def test_a_platform_of_this_machine_can_be_named_on_purpose():
    url = "http://127.0.0.1:9000"
    assert platform({"ASCEND_SIDECAR_PLATFORM_URL": url}).url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://hush.example",
        "http://localhost.hush.example",
        "https://hush@platform.example",
        "https://me:hush@platform.example",
        "https://platform.example?key=hush",
        "https://platform.example#hush",
        "ftp://hush.example",
        "hush.example",
        "https://",
        "https://platform.example:hush",
        "https://[hush",
    ],
)
@pytest.mark.parametrize("variable", [URL, "ASCEND_SIDECAR_PLATFORM_URL"])
def test_an_address_that_cannot_be_used_is_refused_where_it_was_set_and_not_repeated(variable, url):
    told = findings({variable: url})
    assert told.startswith(f"{variable}: platform.url: ")
    assert "hush" not in told


@pytest.mark.parametrize("timeout", ["49ms", "31s"])
def test_the_timeout_has_bounds(timeout):
    assert "not between 50ms and 30s" in findings(flags={"platform.timeout": timeout})


def test_a_key_in_the_environment_is_no_setting_and_shown_nowhere():
    resolved = resolve(None, {OURS: "hush", SDKS: "hush", URL: "https://p.example"}, {})
    assert "hush" not in json.dumps([str(one) for one in explain(resolved)])
    assert "hush" not in repr(read_platform_key(resolved.config.platform, {OURS: "hush"}))


def test_a_mistyped_variable_of_the_key_is_refused_without_the_key():
    told = findings({"ASCEND_SIDECAR_PLATFORM_KEYS": "hush"})
    assert "ASCEND_SIDECAR_PLATFORM_KEY" in told
    assert "hush" not in told


@pytest.fixture
def credentials(tmp_path):
    (tmp_path / "platform_key").write_text("third")
    (tmp_path / "platform_signing_secret").write_text("secret")
    return {"CREDENTIALS_DIRECTORY": str(tmp_path)}


def test_the_nearest_key_is_taken(tmp_path, credentials):
    file = platform(flags={"platform.key_file": str(tmp_path / "key")})
    everywhere = {SDKS: "fourth"} | credentials
    assert read_platform_key(file, everywhere) == tmp_path / "key"
    assert read_platform_key(platform(), {OURS: "second"} | everywhere) == Secret("second")
    assert read_platform_key(platform(), everywhere) == tmp_path / "platform_key"
    assert read_platform_key(platform(), {SDKS: "fourth"}) == Secret("fourth")
    assert read_platform_key(platform(), {SDKS: "fourth", "CREDENTIALS_DIRECTORY": "/none"}) == Secret(
        "fourth"
    )


def test_two_keys_of_ours_are_one_too_many(tmp_path):
    file = platform(flags={"platform.key_file": str(tmp_path / "key")})
    with pytest.raises(ConfigError, match="leave one of them out") as raised:
        read_platform_key(file, {OURS: "hush"})
    assert "hush" not in str(raised.value)


@pytest.mark.parametrize("environ", [{}, {OURS: "", SDKS: ""}])
def test_a_platform_without_a_key_is_refused(environ):
    with pytest.raises(ConfigError, match="without an API key"):
        read_platform_key(platform(), environ)


def test_calls_are_signed_where_there_is_a_secret(tmp_path, credentials):
    file = platform(flags={"platform.signing_secret_file": str(tmp_path / "mine")})
    assert read_signing_secret(file, credentials) == tmp_path / "mine"
    assert read_signing_secret(platform(), credentials) == tmp_path / "platform_signing_secret"
    assert read_signing_secret(platform(), {}) is None
