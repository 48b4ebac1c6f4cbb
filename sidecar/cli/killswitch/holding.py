"""Holding: a state document where hosts read it, changed and signed anew as one step, whoever else changes it too."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Annotated, Final

import typer

from sidecar.adapters.aws.s3 import Changed
from sidecar.adapters.whole_files import WholeFile
from sidecar.cli.edge import Edge
from sidecar.cli.exits import Exit, UsageError
from sidecar.cli.moments import span
from sidecar.cli.options import TrustWords, config_of
from sidecar.cli.screen import Screen
from sidecar.cli.targets import Target, target_of
from sidecar.cli.trusting import find_halts_trust
from sidecar.config.trust import read_halts_trust
from sidecar.core.bundle import Trust
from sidecar.core.errors import KillSwitchError
from sidecar.core.killswitch.document_form import MOST_BYTES
from sidecar.core.killswitch.held import Held, name_in, read_held, sign_held
from sidecar.core.model import Object
from sidecar.core.times import rfc3339
from sidecar.core.trust import Signer

_DAY: Final = 86_400.0
# Of an object that others keep changing, so many versions are tried before it is given up.
_ATTEMPTS: Final = 8

StateFile = Annotated[
    str, typer.Option("--file", metavar="FILE", help="State document, a file or s3://bucket/key.")
]
ValidFor = Annotated[
    str | None,
    typer.Option(
        "--valid-for", metavar="TIME", help="Hosts act on it for so long. [default: as before, at first 1d]"
    ),
]


@dataclass(frozen=True, slots=True)
class Keeping:
    """Whoever keeps the document. `trust` is that of the hosts: what they would not take is never written."""

    place: Target
    signers: Sequence[Signer]
    trust: Trust
    lasting: float | None = None
    is_of_any_name: bool = False

    def make(self, held: Held) -> Held:
        """Where nothing is yet. Raises KillSwitchError, CannotWrite, RemoteRefused, RemoteUnreachable, UsageError."""
        with self._alone():
            if self.place.read(0) is not None:
                raise UsageError(
                    f"{self.place.name} is there already; `killswitch state renew` signs it anew"
                )
            return self._write(held, None, self.trust)

    def change(self, edit: Callable[[Held], Held]) -> Held:
        """What `edit` makes of it is there instead, and given back. Raises as `make` does."""
        for _ in range(_ATTEMPTS - 1):
            try:
                return self._change(edit)
            except Changed:
                continue
        return self._change(edit)

    def _change(self, edit: Callable[[Held], Held]) -> Held:
        with self._alone():
            found = self.place.read(MOST_BYTES)
            if found is None:
                raise UsageError(f"nothing is at {self.place.name}; `killswitch state new` makes it")
            trust = self._trust_in(found[0])
            return self._write(edit(read_held(found[0], trust)), found[1], trust)

    def _write(self, held: Held, mark: str | None, trust: Trust) -> Held:
        now = time.time()
        lasting = self.lasting or held.expires_at - held.issued_at or _DAY
        raw = sign_held(held, now, lasting, self.signers, trust)
        self.place.write(raw, mark, guarded=True)
        return read_held(raw, trust)

    def _trust_in(self, raw: bytes) -> Trust:
        return replace(self.trust, name=name_in(raw)) if self.is_of_any_name else self.trust

    def _alone(self) -> AbstractContextManager[None]:
        """S3 itself refuses to replace what was changed meanwhile; a file system does not."""
        return self.place.alone() if isinstance(self.place, WholeFile) else nullcontext()


def keeping(
    edge: Edge,
    option: str,
    file: str,
    signers: Sequence[Signer],
    words: TrustWords = TrustWords(),  # noqa: B008 - frozen
    valid_for: str | None = None,
) -> Keeping:
    """Raises UsageError, ConfigError."""
    lasting = span("--valid-for", valid_for).total_seconds() if valid_for is not None else None
    trust = find_halts_trust(edge, words, signers)
    # Where nobody says which name it must have, it keeps the one that it has.
    is_of_any_name = words.name is None and read_halts_trust(config_of(edge)) is None
    return Keeping(target_of(option, file), signers, trust, lasting, is_of_any_name)


def head_of(place: str, held: Held) -> Object:
    """What is told of it in JSON."""
    return {
        "file": place,
        "name": held.name,
        "epoch": held.epoch,
        "issued_at": rfc3339(held.issued_at),
        "expires_at": rfc3339(held.expires_at),
    }


def tell_head(edge: Edge, place: str, held: Held) -> None:
    told = f"{held.name} epoch {held.epoch}, good until {rfc3339(held.expires_at)}"
    Screen(edge).line("ok", f"{place}: {told}")


def refuse(edge: Edge, error: KillSwitchError, *, json: bool) -> Exit:
    """Say why it is not what hosts would act on."""
    if json:
        edge.emit({"ok": False, "kind": error.what, "problem": str(error)})
    else:
        Screen(edge).line("FAILED", f"{error.what}: {error}")
    return Exit.DENIED
