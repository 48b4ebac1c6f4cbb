"""The charts of deploy/helm as Helm renders them, and what Kubernetes and the Prometheus operator say to that."""

import functools
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import referencing
import yaml

from tests.tools.daemon import REPOSITORY

CHARTS = REPOSITORY / "deploy" / "helm"
_FOLDER = REPOSITORY / ".venv" / "helm"
_KUBERNETES = _FOLDER / "schemas" / "kubernetes_validate" / "kubernetes-json-schema"
_OPERATOR = "monitoring.coreos.com/v1"
# From the first that has native sidecars by default to the newest that there are schemas of.
VERSIONS = tuple(f"1.{minor}" for minor in range(29, 38))


def need(name: str) -> Path:
    """A file of .venv/helm. Skips the test where it is not there; CI says that it must be."""
    path = _FOLDER / name
    if not path.exists():
        assert os.environ.get("HELM") != "required", f"there is no {path}: see tests/tools/get_helm.sh"
        pytest.skip(f"there is no {name}: `make test` gets it where it can")
    return path


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str


def run(*command: str | Path, stdin: str = "", folder: Path | None = None) -> Ran:
    done = subprocess.run(
        command, input=stdin, cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def helm(*arguments: str | Path, values: Mapping[str, Any] | None = None) -> Ran:
    """Helm, with these values over the chart's own."""
    given = ("--values", "-") if values is not None else ()
    return run(need("helm"), *arguments, *given, stdin=json.dumps(values or {}))


def copied(folder: Path) -> Path:
    """The charts in a folder of the test, with what the example depends on built in, as a user has it."""
    charts = folder / "helm"
    shutil.copytree(CHARTS, charts, ignore=shutil.ignore_patterns("charts", "Chart.lock"))
    built = run(need("helm"), "dependency", "build", charts / "example-agent")
    assert built.code == 0, built.err
    return charts


def rendered(chart: Path, values: Mapping[str, Any], *more: str) -> str:
    """What `helm template` prints for a release `demo` in the namespace `agents`."""
    ran = helm("template", "demo", chart, "--namespace", "agents", *more, values=values)
    assert ran.code == 0, ran.err
    return ran.out


def refused(chart: Path, values: Mapping[str, Any]) -> str:
    """What Helm says against these values."""
    ran = helm("template", "demo", chart, values=values)
    assert ran.code != 0, f"it renders: {values}"
    return ran.err


def objects(text: str) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(text) if document]


def find(documents: list[dict[str, Any]], kind: str, suffix: str = "") -> dict[str, Any]:
    """The one object of this kind whose name ends so."""
    (found,) = [one for one in documents if one["kind"] == kind and one["metadata"]["name"].endswith(suffix)]
    return found


def complaints(document: dict[str, Any], version: str) -> Iterator[str]:
    """What a strict API server of this version has against an object, as far as schemas tell."""
    is_operators = document["apiVersion"] == _OPERATOR
    validator = (
        _operator(document["kind"])
        if is_operators
        else _kubernetes(document["kind"], document["apiVersion"], version)
    )
    for error in validator.iter_errors(document):
        yield f"{document['kind']} {document['metadata']['name']}, {error.json_path}: {error.message}"


@functools.cache
def _kubernetes(kind: str, api_version: str, version: str) -> Any:
    need("schemas")
    folder = _KUBERNETES / f"v{version}.0-local-strict"
    group = "-".join((api_version.partition("/")[0].split(".")[0], api_version.partition("/")[2])).strip("-")
    schema = json.loads((folder / f"{kind.lower()}-{group}.json").read_text())
    return jsonschema.Draft202012Validator(schema, registry=_definitions(folder))


@functools.cache
def _definitions(folder: Path) -> Any:
    definitions = json.loads((folder / "_definitions.json").read_text())
    return referencing.Resource.from_contents(definitions) @ referencing.Registry()


@functools.cache
def _operator(kind: str) -> Any:
    """An OpenAPI schema lets unknown fields pass, which the API server prunes: here they are refused."""
    crd = yaml.safe_load((need("crds") / f"{kind.lower()}s.yaml").read_text())
    (schema,) = [one["schema"]["openAPIV3Schema"] for one in crd["spec"]["versions"] if one["name"] == "v1"]
    closed = _closed(schema)
    closed["properties"]["metadata"] = {"type": "object"}
    return jsonschema.Draft202012Validator(closed)


def _closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: _closed(value) for name, value in schema.items()}
    if isinstance(made.get("properties"), dict) and made.get("type") == "object":
        made.setdefault("additionalProperties", False)
    if schema.get("x-kubernetes-int-or-string"):
        made.pop("type", None)
    return made
