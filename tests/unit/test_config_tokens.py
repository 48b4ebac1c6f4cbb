"""Tokens: digests only, one line each, and a mistake never shows what stands there."""

import hashlib

import pytest

from sidecar.config.tokens import parse_tokens, read_tokens
from sidecar.core.errors import ConfigError

ONE, TWO = (hashlib.sha256(token).hexdigest() for token in (b"one", b"two"))


def findings(text):
    with pytest.raises(ConfigError) as raised:
        parse_tokens("tokens", text.encode())
    return [str(one) for one in raised.value.diagnostics]


def test_a_line_is_an_id_and_a_digest():
    assert parse_tokens("t", f"# who\n\nci:{ONE}\nbatch@host:{TWO}\n".encode()) == {
        ONE: "ci",
        TWO: "batch@host",
    }


def test_it_is_read_from_a_file(tmp_path):
    file = tmp_path / "tokens"
    file.write_text(f"ci:{ONE}\n")
    assert read_tokens(file) == {ONE: "ci"}


@pytest.mark.parametrize(
    "line", ["ci:secret", f"ci {ONE}", ONE, f"ci:{ONE.upper()}", f":{ONE}", "a" * 65 + f":{ONE}"]
)
def test_what_is_no_token_line_is_refused_by_line_and_never_shown(line):
    assert findings(f"ok:{TWO}\n{line}\n") == [
        "tokens:2: not `id:` and the SHA-256 of a token in lower-case hex"
    ]


@pytest.mark.parametrize("line", [f"ci:{TWO}", f"other:{ONE}"])
def test_an_id_and_a_digest_stand_once(line):
    assert findings(f"ci:{ONE}\n{line}\n")[0].startswith(
        "tokens:2: the id or the digest stands on an earlier line"
    )


def test_a_file_without_tokens_would_lock_everybody_out():
    assert "holds no token" in findings("# none yet\n")[0]
