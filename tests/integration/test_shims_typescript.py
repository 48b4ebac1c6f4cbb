"""What the Node shim declares to TypeScript: programs are checked by it, and it is what the shim exports."""

import json
import os
import re
import shutil
import subprocess

import pytest

from tests.tools.daemon import REPOSITORY

NODE = REPOSITORY / "shims" / "node"
TYPESCRIPT = REPOSITORY / ".venv" / "typescript" / "node_modules" / "typescript"
DECLARATIONS = REPOSITORY / "tests" / "tools" / "declarations.mjs"
STRICT = ("--strict", "--module", "nodenext", "--target", "es2022", "--lib", "es2022")
APP = """
import { NotAllowed, Sidecar, type Allowed, type Decision, type Options, type State } from "./ascend.mjs";

const options: Required<Options> = {
  address: "unix:/none", agent: "bot", token: "", deadline: 1, wait: 0.5, silence: 15, acceptObligations: false,
};
const sidecar = new Sidecar(options);
const decision: Decision = await sidecar.authorize("payments.send", "account:42", { amount: 5 }, { list: [null] });
const members: { [name in keyof Decision]: true } = {
  allowed: true, error: true, code: true, reason: true, risk: true, id: true, body: true,
};
const found = Object.keys(decision).sort().join() === Object.keys(members).sort().join();
const word: string = decision.allowed ? decision.id : decision.error;
const told: "" | typeof decision.error = await sidecar.report(decision, "failed", { why: "x" });
const state: State = await sidecar.watch();
const blocked: boolean = sidecar.isBlocked();
sidecar.close();
let refused = "";
try {
  const allowed: Allowed = await sidecar.require("payments.send", "account:42");
  refused = allowed.id;
} catch (error) {
  if (error instanceof NotAllowed) refused = error.decision.code;
}
declare const console: { log(...words: unknown[]): void };
console.log(found, word, told, state, blocked, refused);
// one more
"""
WRONG = {
    "a property that is not there": ("decision.alowed;", "TS2551"),
    "an error that is not one": ('decision.error === "refused";', "TS2367"),
    "an option that is not there": ("new Sidecar({ agnet: 'bot' });", "TS2561"),
    "an option of another type": ("new Sidecar({ deadline: '5s' });", "TS2322"),
    "a method that is not there": ("sidecar.isAllowed();", "TS2339"),
    "a resource that is left out": ("sidecar.authorize('read');", "TS2554"),
    "an outcome that is not one": ("sidecar.report(decision, 'done');", "TS2345"),
    "a promise taken for a decision": ("sidecar.authorize('read', 'x:y').allowed;", "TS2339"),
    "a property that no JSON has": ("sidecar.authorize('read', 'x:y', { at: () => 1 });", "TS2322"),
    "a refusal that may be allowed": ("if (decision.allowed) new NotAllowed(decision);", "TS2345"),
    "a risk that is not looked at": ("decision.risk + 1;", "TS18047"),
    "an agent that is changed": ("sidecar.agent = 'other';", "TS2540"),
}


@pytest.fixture(autouse=True)
def typescript():
    """Skips where it is not there; CI says that it must be."""
    if shutil.which("node") is None or not TYPESCRIPT.exists():
        assert os.environ.get("SHIMS") != "all", (
            f"there is no node, or no {TYPESCRIPT}: `make test` gets it by npm"
        )
        pytest.skip("TypeScript: not installed; `make test` gets it where there is npm")


def node(*words, cwd=None):
    return subprocess.run(
        ["node", *map(str, words)], cwd=cwd, capture_output=True, text=True, timeout=300, check=False
    )


def compiled(folder, program):
    """What the compiler says to a program beside the shim; its output is app.mjs."""
    for name in ("ascend.mjs", "ascend.d.mts"):
        shutil.copy(NODE / name, folder)
    (folder / "app.mts").write_text(program)
    return node(TYPESCRIPT / "bin" / "tsc", *STRICT, "app.mts", cwd=folder)


def test_a_program_is_compiled_and_gets_what_is_declared(tmp_path):
    said = compiled(tmp_path, APP)
    assert (said.stdout, said.returncode) == ("", 0)
    ran = node("app.mjs", cwd=tmp_path)
    assert (ran.stdout, ran.stderr) == ("true unreachable invalid unknown true unreachable\n", "")


def test_what_is_not_declared_is_not_compiled(tmp_path):
    """All mistakes in one program, a line each, because each start of the compiler takes seconds."""
    first = APP.count("\n", 0, APP.index("// one more")) + 1
    said = compiled(tmp_path, APP + "\n".join(line for line, _ in WRONG.values()))
    found = dict(re.findall(r"^app\.mts\((\d+),\d+\): error (TS\d+)", said.stdout, re.MULTILINE))
    expected = {str(first + 1 + at): code for at, (_, code) in enumerate(WRONG.values())}
    assert found == expected, said.stdout


def test_what_is_declared_is_what_is_exported():
    said = node(DECLARATIONS, TYPESCRIPT, NODE / "ascend.d.mts", NODE / "ascend.mjs")
    assert said.returncode == 0, said.stderr
    found = json.loads(said.stdout)
    assert found["declared"] == found["exported"]
    assert found["exported"]["Sidecar"]["authorize"] == 2
    assert found["exported"]["NotAllowed"] == {"decision": None, "new": 1}


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        ("  isBlocked(): boolean;\n", ""),
        ("  close(): void;", "  close(): void;\n  open(): void;"),
        ("action: string, resource: string,", "action: string, resource?: string,"),
        ("export class Sidecar", "export declare const version: string;\nexport class Sidecar"),
    ],
    ids=["a method less", "a method more", "an argument that need not be given", "an export more"],
)
def test_declarations_that_differ_are_seen(tmp_path, there, instead):
    declared = (NODE / "ascend.d.mts").read_text()
    assert there in declared
    (tmp_path / "ascend.d.mts").write_text(declared.replace(there, instead))
    said = node(DECLARATIONS, TYPESCRIPT, tmp_path / "ascend.d.mts", NODE / "ascend.mjs")
    found = json.loads(said.stdout)
    assert found["declared"] != found["exported"]
