"""What the shims' page says an app changes: counted, and run with a real daemon."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.tools.daemon import REPOSITORY
from tests.tools.shim_daemon import governed

PAGE = (REPOSITORY / "shims" / "README.md").read_text()
DIFFS = dict(re.findall(r"```diff (\w+)\n(.*?)```", PAGE, re.DOTALL))
NAMES = {
    "Python": "python",
    "Node, TypeScript": "node",
    "Bash": "bash",
    "Go": "go",
    "Java": "java",
    "Rust": "rust",
}
SHIMS = REPOSITORY / "shims"


@pytest.fixture(scope="module")
def house():
    with tempfile.TemporaryDirectory() as folder, governed(Path(folder)) as running:
        yield running


def test_the_lines_in_the_table_are_those_of_the_examples():
    told = {
        NAMES[name]: int(lines)
        for name, lines in re.findall(r"^\| ([\w, ]+) \| (\d+) \|$", PAGE, re.MULTILINE)
    }
    counted = {name: len(re.findall(r"^\+", diff, re.MULTILINE)) for name, diff in DIFFS.items()}
    assert told == counted


# How each is started, and what calls its `send` for an account.
RUNS = {
    "python": ("ascend_sidecar.py", "app.py", [sys.executable], 'send("{}", 5)'),
    "node": ("ascend.mjs", "app.mjs", ["node"], 'await send("{}", 5)'),
    "bash": ("ascend.sh", "app.sh", ["bash"], "send {} 5"),
}


@pytest.mark.parametrize("name", RUNS)
def test_the_examples_act_only_if_they_are_allowed(house, tmp_path, name):
    shim, app, command, call = RUNS[name]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]}: not installed")
    shutil.copy(SHIMS / name / shim, tmp_path)
    code = "\n".join(line[1:] for line in DIFFS[name].splitlines())
    (tmp_path / app).write_text(f"{code}\n{call.format('a')}\n{call.format('denied')}\n")
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ASCEND")}
    ran = subprocess.run(
        [*command, app],
        cwd=tmp_path,
        env=kept | {"ASCEND_SIDECAR": house.address("unix")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.stdout, ran.returncode) == ("sent 5\n", 1), ran.stderr
