"""What is of the Go shim alone: the lines by which the README adopts it run what is allowed, and nothing else."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.tools.shim_daemon import governed
from tests.tools.shim_drivers import LANGUAGES, SHIMS

GO = next(one for one in LANGUAGES if one.name == "go")
OFFLINE = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOPROXY": "off"}
APP = """package main

import (
	"errors"
	"fmt"
	"os"
)

%s

func deliver(account string, amount int) error {
	fmt.Println("sent", amount)
	if amount > 5 {
		return errors.New("it was too heavy")
	}
	return nil
}

func main() {
	var amount int
	fmt.Sscan(os.Args[2], &amount)
	fmt.Println(send(os.Args[1], amount))
}
"""


def adopted():
    """What the README's diff makes of an app."""
    diff = re.search(r"```diff go\n(.*?)```", (SHIMS / "README.md").read_text(), re.DOTALL)[1]
    kept = [line[1:] for line in diff.splitlines() if not line.startswith("-")]
    assert sum(line.startswith("+") for line in diff.splitlines()) == 3
    return APP % "\n".join(kept)


@pytest.fixture(scope="module")
def app():
    if missing := GO.missing():
        pytest.skip(f"{', '.join(missing)}: not installed")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "ascend").mkdir()
        shutil.copy(SHIMS / "go" / "ascend.go", folder / "ascend")
        (folder / "go.mod").write_text("module example.com/app\n\ngo 1.23\n")
        (folder / "main.go").write_text(adopted())
        subprocess.run(["go", "build", "-o", "app", "."], check=True, cwd=folder, env=os.environ | OFFLINE)
        yield folder / "app"


@pytest.fixture(scope="module")
def address():
    with tempfile.TemporaryDirectory() as folder, governed(Path(folder)) as house:
        yield house.address("unix")


def said(app, address, *words):
    environ = os.environ | {"ASCEND_SIDECAR": address}
    return subprocess.run([app, *words], check=True, env=environ, capture_output=True, text=True).stdout


def test_what_is_allowed_is_run_and_its_error_is_its_own(app, address):
    assert said(app, address, "a", "5") == "sent 5\n<nil>\n"
    assert said(app, address, "a", "6") == "sent 6\nit was too heavy\n"


def test_what_is_not_allowed_is_not_run(app, address):
    assert said(app, address, "b", "5").startswith("no_matching_rule: ")
    assert said(app, "unix:/nobody/listens", "a", "5").startswith("unreachable: ")
