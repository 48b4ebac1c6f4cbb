"""The entry point: every ending has its exit code, results and complaints go different ways."""

import io
import subprocess
import sys

import pytest

import sidecar
from sidecar.cli.edge import Edge
from sidecar.cli.main import run
from sidecar.cli.rooms import NOUNS
from tests.fakes.terminal import type_in

VERBS = (
    ("serve",),
    ("check",),
    ("status",),
    ("policy", "lint"),
    ("policy", "test"),
    ("policy", "explain"),
    ("bundle", "keygen"),
    ("bundle", "build"),
    ("bundle", "sign"),
    ("bundle", "verify"),
    ("bundle", "inspect"),
    ("bundle", "push"),
    ("bundle", "promote"),
    ("bundle", "rotate"),
    ("policy", "diff"),
    ("policy", "schema"),
    ("policy", "replay"),
    ("audit", "verify"),
    ("audit", "show"),
    ("audit", "prove"),
    ("killswitch", "status"),
    ("killswitch", "block"),
    ("killswitch", "unblock"),
    ("killswitch", "reset"),
    ("killswitch", "publish", "block"),
    ("killswitch", "publish", "unblock"),
    ("killswitch", "beacon"),
    ("killswitch", "provision"),
    ("killswitch", "deprovision"),
    ("killswitch", "gc"),
    ("config", "explain"),
    ("config", "schema"),
    ("hook",),
)


class BrokenPipe(io.RawIOBase):
    """A stdin that fails in a way that nobody foresaw."""

    def read(self, _size=-1):
        raise LookupError("a bug\nof two lines")


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_an_unknown_option_is_a_usage_error(verb):
    ran = type_in(*verb, "--no-such-option")
    assert (ran.code, ran.out) == (64, "")
    assert "--no-such-option" in ran.err


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_every_verb_has_help_with_examples(verb, capsys):
    ran = type_in(*verb, "--help")
    told = capsys.readouterr().out
    assert ran.code == 0
    assert f"Usage: ascend-sidecar {' '.join(verb)}" in told
    assert "Examples:\n    ascend-sidecar" in told


@pytest.mark.parametrize("arguments", [("nonsense",), ("--nonsense",), ("servee",), ()])
def test_what_is_no_noun_is_a_usage_error(arguments):
    ran = type_in(*arguments)
    assert (ran.code, ran.out) == (64, "")
    assert ran.err.endswith("Try 'ascend-sidecar --help'.\n")


def test_help_names_every_noun_and_the_exit_codes(capsys):
    assert type_in("--help").code == 0
    told = capsys.readouterr().out
    for noun in NOUNS:
        assert f"\n  {noun} " in told
    assert "78  bad configuration or policy" in told


def test_the_version_is_a_result():
    ran = type_in("--version")
    assert (ran.code, ran.out, ran.err) == (0, f"ascend-sidecar {sidecar.__version__}\n", "")


def edge(**environ):
    return Edge(environ, BrokenPipe(), io.StringIO(), io.StringIO())


def test_an_unforeseen_error_is_one_line_and_70():
    here = edge()
    assert run(["check", "--request", "-"], here) == 70
    assert here.stderr.getvalue() == (
        "ascend-sidecar: internal error: LookupError: a bug of two lines (ASCEND_DEBUG=1 shows where)\n"
    )


def test_an_unforeseen_error_shows_where_on_request():
    here = edge(ASCEND_DEBUG="1")
    assert run(["check", "--request", "-"], here) == 70
    assert "Traceback" in here.stderr.getvalue()


def modules_after(noun):
    script = f"import sys; from sidecar.cli.main import build; build([{noun!r}]); print(*sys.modules)"
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.split()


@pytest.mark.parametrize("noun", ["check", "status", "config", "audit"])
def test_what_only_asks_a_daemon_does_not_import_the_policy_compiler(noun):
    assert not {"cel", "sidecar.core.policy", "sidecar.daemon", "aiohttp"} & set(modules_after(noun))


def test_serving_imports_no_tables():
    assert "sidecar.cli.screen" not in modules_after("serve")


def test_the_module_and_the_console_script_are_one():
    ran = subprocess.run(
        [sys.executable, "-m", "sidecar", "--version"], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (0, f"ascend-sidecar {sidecar.__version__}\n")
