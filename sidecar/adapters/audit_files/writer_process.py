"""The writer: a small process that does the log's disk work, so that the loop never waits for a disk.

Run as `python -I -S writer_process.py RECORDS_FD FILES_FD`. On each of the two sockets it takes requests and
answers them in order: `RECORDS` has the appends, `FILES` all that may take its time, in a thread of its own.
A request is a list of operations, done until one fails; its answer is 0 or that one's errno. It ends when
`RECORDS` is closed. Signals do not end it: its parent blocks them when it starts it.

    request    u32 length, then operations
    operation  u8 code, u64 number, u16 path length, u32 data length, path, data
    answer     u32 errno
"""

# pathlib and contextlib would cost this process more memory than all else that it does:
# ruff: noqa: PTH102, PTH104, PTH106, PTH108, PTH112, PTH120

import _thread
import errno
import mmap
import os
import struct
import sys

OPEN = 1  # path, to be appended to from now on; created if it is not there
WRITE = 2  # data at offset `number`, synced
WRITE_UNSYNCED = 3
PUT = 4  # a small file with this data, whole or not at all
ZERO = 5  # a file of `number` zeros, really written
CUT = 6  # a file to `number` bytes
MOVE = 7  # path to the path in data
DELETE = 8  # path, if it is there; and its folder, if that is one of partial tiles and empty then
SYNC_DIR = 9
SYNC = 10

PARTIAL = ".p"
MAX_REQUEST = 1024 * 1024
OPERATION = struct.Struct("<BQHI")
LENGTH = struct.Struct("<I")
_CHUNK = 256 * 1024
_MODE = 0o600


def put(path: str, data: "bytes | memoryview") -> None:
    """Create or replace a file: after a crash it is the old or the new one. The caller syncs its folder."""
    make_folder(os.path.dirname(path))
    partial = path + ".tmp"
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _MODE)
    try:
        write_all(descriptor, data, 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.rename(partial, path)


def write_all(descriptor: int, data: "bytes | memoryview", offset: int) -> None:
    """pwrite until everything is written."""
    written = os.pwrite(descriptor, data, offset)
    while written < len(data):
        written += os.pwrite(descriptor, memoryview(data)[written:], offset + written)


def cut(path: str, size: int) -> None:
    """Shorten a file, durably."""
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.ftruncate(descriptor, size)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(path: str) -> None:
    """A folder and those above it, durably."""
    if not os.path.isdir(path):
        make_folder(os.path.dirname(path))
        os.mkdir(path, 0o700)
        sync_dir(os.path.dirname(path))


def sync_dir(path: str) -> None:
    """Make what was created, renamed and deleted in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _zero(path: str, size: int) -> None:
    space = os.statvfs(os.path.dirname(path))
    if space.f_bavail * space.f_frsize < 2 * size:
        # On a disk that is nearly full the zeros would take the room that records need now.
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
    # Blocks that hold written zeros need no change of metadata when records overwrite them, so that a sync is
    # one write. In small chunks, each synced, so that the syncs of appends do not queue up behind them.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _MODE)
    try:
        for offset in range(0, size, _CHUNK):
            write_all(descriptor, bytes(min(_CHUNK, size - offset)), offset)
            os.fdatasync(descriptor)
    except OSError:
        os.unlink(path)
        raise
    finally:
        os.close(descriptor)


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)


def _delete(path: str) -> None:
    folder = os.path.dirname(path)
    try:
        os.unlink(path)
        if folder.endswith(PARTIAL):
            os.rmdir(folder)
    except FileNotFoundError:
        pass
    except OSError as error:
        if error.errno != errno.ENOTEMPTY:
            raise


class Disk:
    """Does operations, one after the other, on files and on the one segment that is open."""

    def __init__(self) -> None:
        self._segment = -1

    def perform(self, request: memoryview) -> int:
        """0, or the errno of the operation that failed; those after it are not done."""
        at = 0
        try:
            while at < len(request):
                code, number, path_length, length = OPERATION.unpack_from(request, at)
                at += OPERATION.size + path_length
                path = str(request[at - path_length : at], "utf-8", "surrogateescape") if path_length else ""
                self._do(code, number, path, request[at : at + length])
                at += length
        except OSError as error:
            return error.errno or errno.EIO
        return 0

    def _do(self, code: int, number: int, path: str, data: memoryview) -> None:
        if code == WRITE:
            write_all(self._segment, data, number)
            os.fdatasync(self._segment)
        elif code == WRITE_UNSYNCED:
            write_all(self._segment, data, number)
        elif code == OPEN:
            self._open(path)
        else:
            _do_file(code, number, path, data)

    def _open(self, path: str) -> None:
        if self._segment >= 0:
            os.close(self._segment)
            self._segment = -1
        self._segment = os.open(path, os.O_WRONLY | os.O_CREAT, _MODE)


def _do_file(code: int, number: int, path: str, data: memoryview) -> None:
    if code == PUT:
        put(path, data)
    elif code == ZERO:
        _zero(path, number)
    elif code == CUT:
        cut(path, number)
    elif code == MOVE:
        os.rename(path, str(data, "utf-8", "surrogateescape"))
    elif code == DELETE:
        _delete(path)
    elif code == SYNC_DIR:
        sync_dir(path)
    else:
        _sync(path)


def serve(channel: int) -> None:
    """Answer the requests of one socket until it is closed."""
    # Mapped, not allocated: of a buffer for the longest request only what usual ones fill takes memory.
    disk, buffer, have = Disk(), memoryview(mmap.mmap(-1, MAX_REQUEST)), 0
    try:
        while received := os.readv(channel, [buffer[have:]]):
            have += received
            done = 0
            while have - done >= LENGTH.size:
                end = done + LENGTH.size + LENGTH.unpack_from(buffer, done)[0]
                if end > have:
                    break
                failed = disk.perform(buffer[done + LENGTH.size : end])
                os.write(channel, LENGTH.pack(failed))
                done = end
            buffer[: have - done] = buffer[done:have]
            have -= done
    except OSError:
        pass  # the parent is gone, which is how this ends


def main() -> None:
    """Serve both sockets. What the thread is at may be left at any point: no unfinished file is ever used."""
    _thread.start_new_thread(serve, (int(sys.argv[2]),))
    serve(int(sys.argv[1]))
    os._exit(0)


if __name__ == "__main__":
    main()
