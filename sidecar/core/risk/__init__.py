"""Risk: how bad it would be if a request were not what it seems, as a score that explains itself."""

from sidecar.core.risk.model import RiskModel
from sidecar.core.risk.own import with_own_folders
from sidecar.core.risk.parse import parse_risk
from sidecar.core.risk.score import band
from sidecar.core.risk.table import Bands, RiskTable

__all__ = ["Bands", "RiskModel", "RiskTable", "band", "parse_risk", "with_own_folders"]
