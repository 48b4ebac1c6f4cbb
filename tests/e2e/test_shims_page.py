"""What the shims' page says an app changes: counted, and run with a real daemon."""

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
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


@dataclass(frozen=True)
class App:
    """How an example becomes a program: `code` is put in for {code}; it acts for account a, then for another."""

    needs: str
    shim: str
    file: str
    program: str
    run: str


GO_MAIN = """package main
import ("fmt"; "os")
{code}
func deliver(account string, amount int) error {
	fmt.Println("sent", amount)
	return nil
}
func main() {
	if send("a", 5) != nil || send("denied", 5) != nil { os.Exit(1) }
}
"""
JAVA_MAIN = """class App {
{code}
    public static void main(String[] arguments) { send("a", 5); send("denied", 5); }
}
"""
RUST_MAIN = """{code}
fn main() -> Result<(), ascend::Refused> { send("a", 5)?; send("denied", 5) }
"""
GO_RUN = (
    "mkdir ascend && mv ascend.go ascend && echo 'module example.com/app\n\ngo 1.22' > go.mod && go run ."
)
APPS = {
    "python": App(
        "python3",
        "ascend_sidecar.py",
        "app.py",
        '{code}\nsend("a", 5)\nsend("denied", 5)\n',
        "python3 app.py",
    ),
    "node": App(
        "node",
        "ascend.mjs",
        "app.mjs",
        '{code}\nawait send("a", 5)\nawait send("denied", 5)\n',
        "node app.mjs",
    ),
    "bash": App("curl", "ascend.sh", "app.sh", "{code}\nsend a 5\nsend denied 5\n", "bash app.sh"),
    "go": App("go", "ascend.go", "app.go", GO_MAIN, GO_RUN),
    "java": App("javac", "Ascend.java", "App.java", JAVA_MAIN, "javac App.java Ascend.java && java App"),
    "rust": App("rustc", "ascend.rs", "app.rs", RUST_MAIN, "rustc --edition=2021 app.rs && ./app"),
}
# Go asks no network and no C compiler.
ENVIRON = {"CGO_ENABLED": "0", "GOPROXY": "off", "GOTOOLCHAIN": "local"}


@pytest.mark.parametrize("name", APPS)
def test_the_examples_act_only_if_they_are_allowed(house, tmp_path, name):
    app = APPS[name]
    if shutil.which(app.needs) is None:
        pytest.skip(f"{app.needs}: not installed")
    shutil.copy(SHIMS / name / app.shim, tmp_path)
    code = "\n".join(line[1:] for line in DIFFS[name].splitlines() if not line.startswith("-"))
    (tmp_path / app.file).write_text(app.program.replace("{code}", code))
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ASCEND")}
    ran = subprocess.run(
        ["sh", "-c", app.run],
        cwd=tmp_path,
        env=kept | ENVIRON | {"ASCEND_SIDECAR": house.address("unix")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (ran.stdout, ran.returncode) == ("sent 5\n", 1), ran.stderr
