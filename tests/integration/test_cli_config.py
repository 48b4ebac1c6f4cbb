"""`config` as people run it: a process of its own, files on disk, variables in the environment."""

import json
import os
import subprocess
import sys

import pytest
from jsonschema import Draft202012Validator

from tests.fakes.terminal import type_in


def run_process(*arguments, **environ):
    command = [sys.executable, "-m", "sidecar", *arguments]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.defpath, "HOME": "/tmp", **environ},
    )


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("# the demo\nlog:\n  level: error\naudit:\n  keep:\n    age: 30d\n")
    return path


def rows(told):
    return {row["key"]: (row["value"], row["from"]) for row in told}


def test_explain_says_where_each_value_came_from(file):
    ran = run_process(
        "config",
        "explain",
        "--json",
        "--config",
        str(file),
        "--listen",
        "127.0.0.1:9",
        ASCEND_SIDECAR_AUDIT_FSYNC="never",
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    told = rows(json.loads(ran.stdout))
    assert told["log.level"] == ("error", f"{file}:3:10")
    assert told["audit.keep.age"] == ("30d", f"{file}:6:10")
    assert told["audit.fsync"] == ("never", "ASCEND_SIDECAR_AUDIT_FSYNC")
    assert told["listen"] == ("127.0.0.1:9", "--listen")
    assert told["audit.segment"] == ("64MiB", "default")
    assert told["policies"] == (None, "default")


def test_explain_is_a_table_for_people(file):
    ran = run_process("config", "explain", ASCEND_SIDECAR_CONFIG=str(file))
    lines = [line.split() for line in ran.stdout.splitlines()]
    assert lines[0] == ["KEY", "VALUE", "FROM"]
    assert ["log.level", "error", f"{file}:3:10"] in lines
    assert ["tokens_file", "-", "default"] in lines


@pytest.mark.parametrize("verb", [("config", "explain"), ("serve",)])
def test_a_bad_config_is_78_with_file_line_and_column(verb, file):
    file.write_text("log:\n  levle: info\n")
    ran = run_process(*verb, "--config", str(file))
    assert (ran.returncode, ran.stdout) == (78, "")
    assert ran.stderr == f"ascend-sidecar: {file}:2:3: unknown key `levle` (did you mean `level`?)\n"


def test_explain_shows_no_token(tmp_path):
    (tmp_path / "tokens").write_text("ci:" + "ab" * 32)
    ran = type_in(
        "config", "explain", "--json", environ={"ASCEND_SIDECAR_TOKENS_FILE": str(tmp_path / "tokens")}
    )
    assert "abab" not in ran.out
    assert rows(ran.json)["tokens_file"][0] == str(tmp_path / "tokens")


def test_the_schema_takes_what_is_taken_and_refuses_what_is_refused(file):
    schema = type_in("config", "schema").json
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    assert validator.is_valid(
        {"log": {"level": "error"}, "audit": {"keep": {"age": "30d"}}, "listen": "[::1]:1"}
    )
    for wrong in (
        {"lgo": {}},
        {"log": {"level": "loud"}},
        {"audit": {"keep": {"age": 30}}},
        {"limits": {"body": "1KB"}},
    ):
        assert not validator.is_valid(wrong)


@pytest.mark.parametrize(
    "arguments", [(), ("explain", "extra"), ("schema", "extra"), ("explain", "--listen")]
)
def test_a_usage_error_is_64(arguments):
    assert type_in("config", *arguments).code == 64
