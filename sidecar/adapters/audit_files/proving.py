"""Proving: that a record is in the log, for people who do not have the log."""

from pathlib import Path

from sidecar.adapters.audit_files.keys import load_vkey
from sidecar.adapters.audit_files.layout import Layout, tile_reader
from sidecar.core.checkpoint import verify_checkpoint
from sidecar.core.errors import AuditError
from sidecar.core.merkle import inclusion_proof
from sidecar.core.note import NoteError
from sidecar.core.proof import Proof
from sidecar.core.tiles import node_from_tiles


def prove(state: Path, seq: int) -> Proof:
    """The inclusion proof of record `seq` under the newest checkpoint; as text it is a c2sp.org/tlog-proof@v1.

    Needs the tiles only: the record itself may no longer be kept. Raises AuditError, or ConfigError if there is no
    log.
    """
    layout = Layout(state)
    key = load_vkey(layout)
    try:
        raw = layout.checkpoint.read_bytes()
        size = verify_checkpoint(raw, key).size
        if not 0 <= seq < size:
            raise AuditError(f"record {seq} is not under a checkpoint: the newest speaks of {size} records")
        hashes = inclusion_proof(seq, size, node_from_tiles(size, tile_reader(layout)))
    except (OSError, NoteError) as error:
        raise AuditError(f"record {seq} cannot be proved: {error}") from error
    return Proof(seq, hashes, raw)
