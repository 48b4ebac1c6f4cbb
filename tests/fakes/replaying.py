"""Records for replays: a request decided, masked, written and read back, as a daemon and its log would."""

import msgspec

from sidecar.core.bundle import Bundle
from sidecar.core.delegation import Kin, standing
from sidecar.core.flips import Logged
from sidecar.core.judge import judge
from sidecar.core.masking import Masker
from sidecar.core.model import Caller, Door, Request
from sidecar.core.platform import Scored, Unavailable
from sidecar.core.record import DecisionRecord, encode_decision, parse_decision
from sidecar.core.replay import Replay
from sidecar.core.scoring import Facts
from sidecar.core.snapshot import Snapshot

NOW = 1_700_000_000.0
TIME = "2023-11-14T22:13:20.000000Z"


def recorded(
    bundle: Bundle,
    request: Request,
    caller: Caller = Caller(),
    now: float = NOW,
    granted: tuple[str, ...] = (),
    kin: Kin = None,
    facts: Facts = None,
) -> DecisionRecord:
    """What the log holds of the request once this bundle has decided it, with what people had granted."""
    decision = judge(Snapshot(bundle), request, caller, now, granted=frozenset(granted), facts=facts, kin=kin)
    record = DecisionRecord(
        Door.AUTHZEN,
        caller,
        request,
        decision,
        granted=granted,
        scored=facts if isinstance(facts, Scored) else None,
        unavailable=facts if isinstance(facts, Unavailable) else None,
        delegated=standing(request.context, kin),
    )
    return read_back(record, Masker(bundle.masking, b"k" * 32))


def read_back(record: DecisionRecord, masker: Masker) -> DecisionRecord:
    return parse_decision(msgspec.json.decode(encode_decision(record, masker)))


def logged(record: DecisionRecord, seq: int = 0, *, is_void: bool = False) -> Logged:
    return Logged(seq, TIME, "decision", record, is_void)


def replayed(bundle: Bundle, *records: DecisionRecord, keeps_others: bool = True) -> Replay:
    """The records, numbered from 0, replayed under a bundle."""
    replay = Replay(bundle, keeps_others=keeps_others)
    for seq, record in enumerate(records):
        replay.take(logged(record, seq))
    return replay
