"""A bundle store in memory. Tests can make it fail, or look at what it holds."""

from sidecar.core.bundle import Floor
from sidecar.core.errors import StoreError
from sidecar.service.ports import Kept


class FakeBundleStore:
    """`failing`: whatever touches it is refused; `full`: whatever is to be saved.

    `set_aside` is what was quarantined last.
    """

    def __init__(self) -> None:
        self.failing = False
        self.full = False
        self.kept: Kept | None = None
        self.floors: dict[str, Floor] = {}
        self.set_aside: bytes | None = None

    def load(self) -> Kept | None:
        self._touch()
        return self.kept

    def save(self, raw: bytes) -> None:
        self._touch()
        if self.full:
            raise StoreError("no space left on device")
        self.kept = Kept(raw, *self._times())

    def note(self, checked_at: float, changed_at: float) -> None:
        self._touch()
        if self.kept is not None:
            self.kept = Kept(self.kept.raw, checked_at, changed_at)

    def quarantine(self) -> None:
        self._touch()
        self.set_aside = self.kept.raw if self.kept else None
        self.kept = None

    def floor(self, name: str) -> Floor:
        self._touch()
        return self.floors.get(name, Floor())

    def set_floor(self, name: str, floor: Floor) -> None:
        self._touch()
        self.floors[name] = floor

    def _times(self) -> tuple[float, float]:
        return (self.kept.checked_at, self.kept.changed_at) if self.kept else (0.0, 0.0)

    def _touch(self) -> None:
        if self.failing:
            raise StoreError("made to fail")
