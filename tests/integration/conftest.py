"""Fixtures of the tests that make bundles by the command line."""

import pytest

from tests.fakes.terminal import type_in
from tests.tools.workshop import RULES, TESTS, done


@pytest.fixture
def folder(tmp_path):
    """A folder with a policy and a test."""
    made = tmp_path / "policies"
    (made / "tests").mkdir(parents=True)
    (made / "files.yaml").write_text(RULES)
    (made / "tests/files_test.yaml").write_text(TESTS)
    return made


@pytest.fixture
def keys(tmp_path):
    """The folder of two key pairs: a.key, a.pub, b.key, b.pub."""
    for name in ("a", "b"):
        done(type_in("bundle", "keygen", name, "--out-dir", tmp_path))
    return tmp_path


@pytest.fixture
def built(folder, keys):
    """Builds a bundle of the folder, signed by `signers`; gives its path."""

    def build(*options, name="b.dsse", revision=1, signers=("a",)):
        out = keys / name
        given = [part for who in signers for part in ("--key", keys / f"{who}.key")]
        done(type_in("bundle", "build", folder, "--revision", revision, "--out", out, *given, *options))
        return out

    return build
