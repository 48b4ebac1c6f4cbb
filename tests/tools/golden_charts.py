"""Values files with what the charts make of them, NAME.values.yaml and NAME.yaml; the name begins with the chart's.

GOLDEN=write writes what is rendered now in the place of what was.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.tools.chart import rendered
from tests.tools.daemon import REPOSITORY

_FOLDER = REPOSITORY / "tests" / "golden" / "chart"
_VALUES = ".values.yaml"


@dataclass(frozen=True, slots=True)
class Golden:
    """One case."""

    name: str

    @property
    def chart(self) -> str:
        return "example-agent" if self.name.startswith("example-agent") else "ascend-sidecar"

    @property
    def values(self) -> dict[str, Any]:
        return yaml.safe_load((_FOLDER / f"{self.name}{_VALUES}").read_text())

    def render(self, charts: Path) -> str:
        return rendered(charts / self.chart, self.values)

    def expected(self, now: str) -> str:
        """What was rendered when somebody last looked at it."""
        path = _FOLDER / f"{self.name}.yaml"
        if os.environ.get("GOLDEN") == "write":
            path.write_text(now)
        return path.read_text()


CASES = tuple(Golden(path.name.removesuffix(_VALUES)) for path in sorted(_FOLDER.glob(f"*{_VALUES}")))
