"""The same policies written in another way: other keys first, other quotes, comments, times and order of files."""

import json
import os
from pathlib import Path

from sidecar.core.document import parse_documents


def rewrite(source: Path, target: Path) -> None:
    """A folder of the same documents as JSON, which is YAML too, last file first, all of it an hour old."""
    for path in sorted(source.rglob("*.yaml"), reverse=True):
        written = target / path.relative_to(source)
        written.parent.mkdir(parents=True, exist_ok=True)
        documents = parse_documents(path.name, path.read_bytes())
        texts = [
            f"# number {number}\n---\n{json.dumps(_backwards(one.value), indent=3)}\n"
            for number, one in enumerate(documents)
        ]
        written.write_text("".join(texts))
        os.utime(written, (1_000_000, 1_000_000))


def _backwards(value):
    if isinstance(value, dict):
        return {name: _backwards(value[name]) for name in reversed(value)}
    if isinstance(value, list):
        return [_backwards(item) for item in value]
    return value
