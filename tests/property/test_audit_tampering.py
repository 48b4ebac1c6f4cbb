"""Whatever is changed in a closed log is found."""

import asyncio
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sidecar.adapters.audit_files.verifying import verify_log
from sidecar.core.errors import ConfigError
from tests.fakes.audit import write_log

FEW = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A log of several segments, tiles of two levels and kept checkpoints."""
    state = tmp_path_factory.mktemp("whole")
    asyncio.run(write_log(state, 600, pad="x" * 200))
    assert verify_log(state).ok
    return state


def protected(state: Path) -> list[Path]:
    """All files whose bytes are the log: segments, tiles, checkpoints and the key beside them."""
    audit = state / "audit"
    return sorted(path for path in audit.rglob("*") if path.is_file() and path.name != "prepared")


def change(raw: bytes, draw) -> bytes:
    """The same bytes with one edit: replaced, removed, added, or two spans swapped."""
    at = draw(st.integers(0, len(raw) - 1), "at")
    kind = draw(st.sampled_from(["replace", "remove", "insert", "swap"]), "kind")
    if kind == "replace":
        return raw[:at] + bytes([draw(st.integers(0, 255), "byte")]) + raw[at + 1 :]
    if kind == "insert":
        return raw[:at] + draw(st.binary(min_size=1, max_size=4), "inserted") + raw[at:]
    end = draw(st.integers(at + 1, len(raw)), "end")
    if kind == "remove":
        return raw[:at] + raw[end:]
    far = draw(st.integers(end, len(raw)), "far")
    return raw[:at] + raw[end:far] + raw[at:end] + raw[far:]


@FEW
@given(data=st.data())
def test_any_single_edit_of_any_file_is_found(whole, data):
    path = data.draw(st.sampled_from(protected(whole)), "file")
    original = path.read_bytes()
    changed = change(original, data.draw)
    if changed == original:
        return
    try:
        path.write_bytes(changed)
        assert is_broken(whole)
    finally:
        path.write_bytes(original)


@FEW
@given(data=st.data())
def test_lines_that_are_removed_repeated_or_reordered_are_found(whole, data):
    path = data.draw(st.sampled_from(sorted((whole / "audit").glob("*.jsonl"))), "file")
    original = path.read_bytes()
    lines = original.splitlines(keepends=True)
    chosen = data.draw(st.lists(st.integers(0, len(lines) - 1), min_size=1), "lines")
    changed = b"".join(lines[n] for n in chosen)
    if changed == original:
        return
    try:
        path.write_bytes(changed)
        assert is_broken(whole)
    finally:
        path.write_bytes(original)


def is_broken(state: Path) -> bool:

    try:
        return not verify_log(state).ok
    except ConfigError:
        return True


async def test_any_single_file_that_is_removed_is_found_but_for_checkpoints_that_newer_ones_cover(whole):
    for path in protected(whole):
        if path.parent.name == "checkpoints":
            continue
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "copy"
            shutil.copytree(whole, copy)
            (copy / path.relative_to(whole)).unlink()
            assert is_broken(copy), path.name


async def test_a_log_that_was_written_anew_from_some_record_on_is_found_by_its_old_checkpoint(
    whole, tmp_path
):
    """Whoever has the host has its key, and can write a log that is whole by itself."""
    witness = (whole / "audit" / "checkpoint").read_bytes()
    forged = tmp_path / "forged"
    forged.mkdir()
    shutil.copytree(whole / "keys", forged / "keys")
    await write_log(forged, 600, pad="y" * 200)
    assert verify_log(forged).ok
    report = verify_log(forged, against=witness)
    assert [finding.where for finding in report.findings] == ["the witness's checkpoint"]


async def test_a_cut_end_is_found_by_a_checkpoint_from_elsewhere_only(whole, tmp_path):
    witness = (whole / "audit" / "checkpoint").read_bytes()
    cut = tmp_path / "cut"
    cut.mkdir()
    shutil.copytree(whole / "keys", cut / "keys")
    await write_log(cut, 300, pad="x" * 200)
    assert verify_log(cut).ok
    (finding,) = verify_log(cut, against=witness).findings
    assert finding.seq == 300
    assert "its end was cut off" in finding.message
