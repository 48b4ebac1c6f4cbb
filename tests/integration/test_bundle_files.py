"""Bundles on real file systems: what may stand there, and how changes are seen."""

import asyncio
import gzip
import os

import pytest

from sidecar.adapters.bundle_files import BundleDir, BundleFile
from sidecar.core.errors import BundleTooLarge, MalformedBundle, NotABundle, SourceRefused

LONG = 30.0
BODY = b'{"payload": "' + b"x" * 500 + b'"}'


@pytest.fixture
def folder(tmp_path):
    for name in ("a.yaml", "data/risk.yaml", "tests/a_test.yaml"):
        path = tmp_path / "policies" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "policies"


def replaced(path, content):
    """The file as other content of the same length and times: only the kernel knows of it."""
    before = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def file_of(path, max_download=1000, max_size=2000):
    return BundleFile(path, max_download=max_download, max_size=max_size)


async def test_only_the_three_patterns_are_read(folder):
    for name in ("README.md", "data/more.json", "tests/helper.yaml", "deep/b.yaml"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("other")
    fetched = await BundleDir(folder).fetch(None, 0)
    assert fetched.content == {
        name: name.encode() for name in ("a.yaml", "data/risk.yaml", "tests/a_test.yaml")
    }
    assert BundleDir(folder).load() == fetched.content


@pytest.mark.parametrize("name", ["a.yaml", "data/risk.yaml", "tests/a_test.yaml"])
async def test_a_change_that_leaves_size_and_time_as_they_were_is_seen(folder, name):
    source = BundleDir(folder)
    first = await source.fetch(None, 0)
    replaced(folder / name, name.upper().encode())
    assert (await source.fetch(first.tag, 0)).content[name] == name.upper().encode()


async def test_files_that_come_and_go_and_change_names_are_seen(folder):
    source = BundleDir(folder)
    first = await source.fetch(None, 0)
    (folder / "b.yaml").write_text("b")
    second = await source.fetch(first.tag, 0)
    (folder / "b.yaml").rename(folder / "c.yaml")
    third = await source.fetch(second.tag, 0)
    (folder / "c.yaml").unlink()
    fourth = await source.fetch(third.tag, 0)
    names = [set(fetched.content) - set(first.content) for fetched in (second, third, fourth)]
    assert names == [{"b.yaml"}, {"c.yaml"}, set()]


async def test_a_mounted_config_map_whose_link_is_turned_is_a_change(tmp_path):
    mount = tmp_path / "mount"
    for version in ("one", "two"):
        (mount / f"..{version}").mkdir(parents=True)
        (mount / f"..{version}" / "a.yaml").write_text(version)
    (mount / "..data").symlink_to("..one")
    (mount / "a.yaml").symlink_to("..data/a.yaml")
    source = BundleDir(mount)
    first = await source.fetch(None, 0)
    held = asyncio.ensure_future(source.fetch(first.tag, LONG))
    (mount / "..data_tmp").symlink_to("..two")
    (mount / "..data_tmp").rename(mount / "..data")
    assert first.content == {"a.yaml": b"one"}
    assert (await held).content == {"a.yaml": b"two"}


async def test_a_folder_without_policies_is_malformed(folder):
    (folder / "a.yaml").unlink()
    with pytest.raises(MalformedBundle, match="holds no policies"):
        await BundleDir(folder).fetch(None, 0)
    with pytest.raises(MalformedBundle, match="holds no policies"):
        BundleDir(folder).load()


def test_loading_at_once_says_what_is_wrong_as_a_finding(folder):
    (folder / "dangling.yaml").symlink_to("nowhere")
    with pytest.raises(MalformedBundle, match=r"dangling\.yaml: cannot be read"):
        BundleDir(folder).load()
    with pytest.raises(MalformedBundle, match="no such folder"):
        BundleDir(folder / "none").load()


async def test_a_link_to_nowhere_is_refused_not_passed_over(folder):
    (folder / "data" / "people.yaml").symlink_to("nowhere")
    with pytest.raises(SourceRefused, match=r"people\.yaml: cannot be read"):
        await BundleDir(folder).fetch(None, 0)


async def test_a_name_that_is_no_text_is_malformed(folder):
    (folder / os.fsdecode(b"\xff.yaml")).write_text("a")
    with pytest.raises(MalformedBundle, match="printable"):
        await BundleDir(folder).fetch(None, 0)


async def test_all_files_together_have_a_bound(folder):
    size = sum(len(raw) for raw in BundleDir(folder).load().values())
    assert await BundleDir(folder, max_size=size).fetch(None, 0)
    with pytest.raises(BundleTooLarge):
        await BundleDir(folder, max_size=size - 1).fetch(None, 0)


async def test_files_are_counted_before_they_are_read(folder):
    for number in range(10_000):
        (folder / f"{number}.yaml").touch()
    with pytest.raises(BundleTooLarge, match="10000 files"):
        await BundleDir(folder).fetch(None, 0)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
async def test_a_file_holds_a_bundle_as_it_is_or_as_gzip(tmp_path, pack):
    path = tmp_path / "bundle.dsse"
    path.write_bytes(pack(BODY))
    assert (await file_of(path).fetch(None, 0)).content == BODY


async def test_a_file_has_bounds_as_it_is_and_inflated(tmp_path):
    path = tmp_path / "bundle.dsse"
    path.write_bytes(BODY)
    with pytest.raises(BundleTooLarge):
        await file_of(path, max_download=len(BODY) - 1).fetch(None, 0)
    path.write_bytes(gzip.compress(BODY))
    with pytest.raises(BundleTooLarge):
        await file_of(path, max_size=len(BODY) - 1).fetch(None, 0)


async def test_a_web_page_in_a_file_is_no_bundle(tmp_path):
    path = tmp_path / "bundle.dsse"
    path.write_text("<html>")
    with pytest.raises(NotABundle):
        await file_of(path).fetch(None, 0)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
async def test_what_is_no_regular_file_is_refused_without_waiting_for_it(folder, make):
    (folder / "a.yaml").unlink()
    make(folder / "a.yaml")
    with pytest.raises(SourceRefused, match="regular file"):
        await file_of(folder / "a.yaml").fetch(None, 0)
    with pytest.raises(SourceRefused, match="regular file"):
        await BundleDir(folder).fetch(None, 0)


async def test_a_file_that_disappears_ends_the_wait_with_a_refusal(tmp_path):
    path = tmp_path / "bundle.dsse"
    path.write_bytes(BODY)
    source = file_of(path)
    fetched = await source.fetch(None, 0)
    held = asyncio.ensure_future(source.fetch(fetched.tag, LONG))
    await asyncio.sleep(0)
    path.unlink()
    with pytest.raises(SourceRefused):
        await held
