"""The daemon's own folders: known to the daemon that runs, not to the author of a table."""

from collections.abc import Sequence
from typing import Final

import msgspec

from sidecar.core.risk.table import PathSigns, RiskTable

OWN_FILES: Final = "own_files"


def with_own_folders(table: RiskTable, folders: Sequence[str]) -> RiskTable:
    """The table with these absolute folders under its fact `own_files`; a table without that fact stays as it is."""
    fact = table.facts.get(OWN_FILES)
    if fact is None or not folders:
        return table
    signs = fact.paths or PathSigns()
    replace = msgspec.structs.replace
    known = replace(signs, under=tuple(dict.fromkeys((*signs.under, *folders))))
    return replace(table, facts=table.facts | {OWN_FILES: replace(fact, paths=known)})
