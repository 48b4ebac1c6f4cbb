"""What outlives a restart in small SQLite databases of the state folder."""

from sidecar.adapters.sqlite.approvals import ApprovalsSqlite
from sidecar.adapters.sqlite.halts import HaltsSqlite
from sidecar.adapters.sqlite.outbox import OutboxSqlite

__all__ = ["ApprovalsSqlite", "HaltsSqlite", "OutboxSqlite"]
