"""When files count as read, and when as changed: only between two equal looks, and not too soon after a change."""

import itertools
import os
from dataclasses import replace
from pathlib import Path

import pytest

from sidecar.adapters.bundle_files.seen import Seen, Sight, read_seen, see
from sidecar.adapters.bundle_files.watched import WatchedFiles
from sidecar.core.errors import SourceUnavailable

SECOND = 1_000_000_000


def sight(version, age=SECOND):
    """A file of some version, looked at `age` nanoseconds after it changed."""
    return Sight((Seen("a", Path("a"), version, 5 * SECOND, (1, 1), 5 * SECOND),), 5 * SECOND + age)


def watched(sights):
    """Looks give `sights` in turn, the last one for ever; what is read is the size that was seen."""
    looks = itertools.chain(sights, itertools.repeat(sights[-1]))
    return WatchedFiles("here", lambda: next(looks), lambda seen: str(seen.files[0].size).encode())


async def test_what_is_the_same_before_and_after_is_given():
    fetched = await watched([sight(1)]).fetch(None, 0)
    assert (fetched.content, fetched.tag) == (b"1", sight(1).tag)


async def test_what_changed_while_it_was_read_is_read_again():
    fetched = await watched([sight(1), sight(2), sight(2)]).fetch(None, 0)
    assert (fetched.content, fetched.tag) == (b"2", sight(2).tag)


async def test_what_changed_just_before_is_read_again_for_a_second_change_could_hide():
    fetched = await watched([sight(1, age=1), sight(1, age=1), sight(1), sight(1)]).fetch(None, 0)
    assert fetched.content == b"1"
    with pytest.raises(SourceUnavailable):
        await watched([sight(1, age=1)]).fetch(None, 0)


async def test_what_never_keeps_still_is_not_given():
    with pytest.raises(SourceUnavailable, match="changed each time"):
        await watched([sight(n) for n in range(100)]).fetch(None, 0)


async def test_a_change_counts_when_it_has_been_still_for_one_look():
    fetched = await watched([sight(1), sight(2), sight(3), sight(3)]).fetch(sight(1).tag, 30.0)
    assert fetched.content == b"3"


async def test_a_change_that_does_not_keep_still_is_left_for_the_next_fetch():
    restless = watched([sight(n) for n in range(1, 100)])
    assert await restless.fetch(sight(1).tag, 1.2) is None


async def test_what_changed_and_changed_back_did_not_change():
    assert await watched([sight(2), sight(2), sight(1)]).fetch(sight(1).tag, 5.0) is None


@pytest.mark.parametrize(
    "other",
    [{"name": "b"}, {"size": 2}, {"inode": (1, 2)}, {"inode": (2, 1)}, {"modified": 1}, {"changed": 1}],
)
def test_whatever_is_known_of_a_file_tells_of_a_change(other):
    (file,) = sight(1).files
    assert Sight((replace(file, **other),), 0).tag != Sight((file,), 0).tag
    assert Sight((file, file), 0).tag != Sight((file,), 0).tag


def test_a_file_that_grew_since_it_was_seen_is_not_read_beyond_its_bound(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"12")
    seen = see("a", path)
    assert read_seen(seen, 2) == b"12"
    path.write_bytes(b"123")
    assert read_seen(seen, 2) is None


def test_a_pipe_that_took_the_place_of_a_file_is_not_waited_for(tmp_path):
    path = tmp_path / "a"
    path.touch()
    seen = see("a", path)
    path.unlink()
    os.mkfifo(path)
    assert read_seen(seen, 2) == b""
