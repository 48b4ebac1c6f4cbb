"""One suite for every BundleStore: the fake in memory and the one on disk."""

import os

import pytest

from sidecar.adapters.bundle_store import StoredBundle
from sidecar.core.bundle import Floor
from sidecar.core.errors import StoreError
from tests.fakes.bundle_store import FakeBundleStore

FLOOR = Floor(7, "ab", 1.5, 2)


@pytest.fixture(params=["fake", "disk"])
def store(request, tmp_path):
    return FakeBundleStore() if request.param == "fake" else StoredBundle(tmp_path)


def test_an_empty_store_holds_nothing_and_the_lowest_floor(store):
    assert store.load() is None
    assert store.floor("default") == Floor()


def test_the_exact_bytes_come_back(store):
    store.save(b"\x00 whatever\xff")
    assert store.load().raw == b"\x00 whatever\xff"
    store.save(b"other")
    assert store.load().raw == b"other"


def test_times_are_unknown_until_they_are_noted(store):
    store.save(b"x")
    assert (store.load().checked_at, store.load().changed_at) == (0.0, 0.0)
    store.note(12.5, 3.25)
    assert (store.load().checked_at, store.load().changed_at) == (12.5, 3.25)


def test_quarantined_bytes_are_not_loaded_any_more(store):
    store.save(b"broken")
    store.quarantine()
    assert store.load() is None


def test_floors_are_kept_by_name(store):
    store.set_floor("default", FLOOR)
    store.set_floor("other", Floor(1))
    assert store.floor("default") == FLOOR
    assert store.floor("other") == Floor(1)
    assert store.floor("third") == Floor()


def test_a_store_outlives_its_process_and_is_for_its_owner_only(tmp_path):
    StoredBundle(tmp_path).save(b"x")
    StoredBundle(tmp_path).set_floor("default", FLOOR)
    assert StoredBundle(tmp_path).load().raw == b"x"
    assert StoredBundle(tmp_path).floor("default") == FLOOR
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert (tmp_path / "bundle").stat().st_mode & 0o777 == 0o700


def test_the_floor_stands_when_the_cache_is_deleted(tmp_path):
    store = StoredBundle(tmp_path)
    store.save(b"x")
    store.set_floor("default", FLOOR)
    (tmp_path / "bundle/active.dsse").unlink()
    (tmp_path / "bundle").rmdir()
    assert store.load() is None
    assert store.floor("default") == FLOOR


def test_a_floor_that_cannot_be_read_is_an_error_and_never_a_lower_floor(tmp_path):
    (tmp_path / "floor.json").write_bytes(b'{"default": {"revision": 7')
    with pytest.raises(StoreError, match=r"floor\.json"):
        StoredBundle(tmp_path).floor("default")


def test_times_that_cannot_be_read_are_unknown(tmp_path):
    store = StoredBundle(tmp_path)
    store.save(b"x")
    (tmp_path / "bundle/looked.json").write_bytes(b"garbage")
    assert store.load().checked_at == 0.0


def test_what_a_kill_left_half_written_is_not_looked_at(tmp_path):
    store = StoredBundle(tmp_path)
    store.save(b"whole")
    (tmp_path / "bundle/active.dsse.new").write_bytes(b"ha")
    assert store.load().raw == b"whole"
    store.save(b"next")
    assert os.listdir(tmp_path / "bundle") == ["active.dsse"]  # noqa: PTH208 - names are what is asked for


def test_a_folder_that_refuses_is_a_store_error(tmp_path):
    (tmp_path / "bundle").write_bytes(b"in the way")
    with pytest.raises(StoreError, match="bundle"):
        StoredBundle(tmp_path).save(b"x")
