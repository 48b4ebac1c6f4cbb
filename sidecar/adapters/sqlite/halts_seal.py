"""The seal: a digest over all that is kept of halts, without what is only kept to be known again.

Rows that are gone leave nothing which a digest of their own could show; the seal does. It is brought forward with
each change, at a cost that does not grow with what is kept: the digests of all rows are added up bit by bit (XOR).
"""

import hashlib
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final

SEAL: Final = """
CREATE TABLE IF NOT EXISTS seal (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  orders BLOB NOT NULL,
  digest BLOB NOT NULL
) STRICT;
"""
_DIGEST: Final = 16
_NOTHING: Final = bytes(_DIGEST)
# origin, kind, name, is_numbered, content, digest
Row = tuple[str, str, str, bool, bytes, bytes]


def replaced(connection: sqlite3.Connection, rows: Sequence[Row]) -> list[bytes]:
    """The digests of the rows that stand where these are going to."""
    query = "SELECT digest FROM orders WHERE origin = ? AND kind = ? AND name = ? AND is_numbered = ?"
    found = (connection.execute(query, row[:4]).fetchone() for row in rows)
    return [digest for (digest,) in filter(None, found)]


def set_seal(connection: sqlite3.Connection, gone: Iterable[bytes], come: Iterable[bytes]) -> None:
    """Seal what there is after a change of rows, in the transaction of that change."""
    sealed = connection.execute("SELECT orders FROM seal").fetchone()
    orders = _sum((sealed[0] if sealed else _NOTHING, *gone, *come))
    digest = _over(connection, orders)
    connection.execute("INSERT OR REPLACE INTO seal VALUES (1, ?, ?)", (orders, digest))


def check_seal(connection: sqlite3.Connection) -> None:
    """Raises sqlite3.DatabaseError for what is not all that was kept."""
    sealed = connection.execute("SELECT orders, digest FROM seal").fetchone()
    kept = _sum(digest for (digest,) in connection.execute("SELECT digest FROM orders"))
    if sealed != (kept, _over(connection, kept)):
        raise sqlite3.DatabaseError("it is not all that was kept")


def _over(connection: sqlite3.Connection, orders: bytes) -> bytes:
    standing = connection.execute("SELECT is_damaged, epoch, issued_at FROM standing").fetchone()
    return hashlib.blake2b(repr((orders, standing)).encode(), digest_size=_DIGEST).digest()


def _sum(digests: Iterable[bytes]) -> bytes:
    total = 0
    for digest in digests:
        total ^= int.from_bytes(digest[:_DIGEST])
    return total.to_bytes(_DIGEST)
