"""`policy replay`: what other policies would have decided of the requests in a log."""

from pathlib import Path
from typing import Annotated, Final

import typer

from sidecar.adapters.audit_files.recent import find_decisions, read_decisions
from sidecar.cli.edge import Edge, edge_of
from sidecar.cli.exits import Exit
from sidecar.cli.local import open_place
from sidecar.cli.options import Json, Labels, PubKeys, Threshold, TrustedName, config_of, trust_words
from sidecar.cli.progress import Progress
from sidecar.cli.screen import Screen
from sidecar.core.flips import Compared, Flip, Outcome
from sidecar.core.model import Object
from sidecar.core.replay import Replay

EXAMPLES: Final = """\b
Examples:
  ascend-sidecar policy replay --bundle ./policies
  ascend-sidecar policy replay --log .state --bundle ./policies --last 100000 --max-allow-flips 3
  ascend-sidecar policy replay --log .state --bundle default --all --json
  ascend-sidecar policy replay --bundle prod.dsse --pub release.pub

A request whose masked parts a rule could look at is undecidable, and listed as that. `audit verify` proves the log,
which is read here but not proven: run it first.

Exit codes: 0 within the limit, 1 more requests would newly be allowed than --max-allow-flips, 64 usage error, 78 the
policies or the log cannot be read.
"""
_MOST: Final = 1_000_000
_STEP: Final = 1000

Log = Annotated[
    str | None,
    typer.Option("--log", metavar="DIR", help="State folder of the log. [default: that of the daemon here]"),
]
Bundle = Annotated[
    str,
    typer.Option("--bundle", metavar="DIR|FILE", help="Folder of policies, `default`, or a signed bundle."),
]
Last = Annotated[int, typer.Option("--last", min=1, max=_MOST, help="The last so many decisions.")]
MaxAllowFlips = Annotated[
    int, typer.Option("--max-allow-flips", min=0, help="So many requests may newly be allowed.")
]
All = Annotated[
    bool, typer.Option("--all", help="List decisions of the same verdict for another reason, too.")
]


def replay(
    context: typer.Context,
    bundle: Bundle,
    *,
    log: Log = None,
    last: Last = 1000,
    max_allow_flips: MaxAllowFlips = 0,
    everything: All = False,
    pub: PubKeys = None,
    threshold: Threshold = None,
    name: TrustedName = None,
    audience: Labels = None,
    json: Json = False,
) -> int:
    """Decide the last requests of a log again under other policies, and list what would change.

    Each is judged with the risk, the caller and the time that its record holds.
    """
    edge = edge_of(context)
    opened = open_place(edge, bundle, trust_words(pub, threshold, name, audience)).bundle
    replayed = Replay(opened, keeps_others=everything)
    _run(edge, config_of(edge, log).state_dir, last, replayed)
    is_within = replayed.allow_flips <= max_allow_flips
    if json:
        edge.emit(_as_json(replayed, opened.revision, max_allow_flips))
    else:
        _show(edge, replayed)
        _conclude(edge, replayed, max_allow_flips)
    return Exit.OK if is_within else Exit.DENIED


def _run(edge: Edge, state: Path, last: int, replayed: Replay) -> None:
    with Progress(edge, "replaying") as progress:
        stretch = find_decisions(state, last)
        total = stretch.end - stretch.start
        for done, logged in enumerate(read_decisions(state, stretch), 1):
            replayed.take(logged)
            if done % _STEP == 0 or done == total:
                progress.advance(done, total)


def _as_json(replayed: Replay, revision: str, limit: int) -> Object:
    return {
        "ok": replayed.allow_flips <= limit,
        "revision": revision,
        "allow_flips": replayed.allow_flips,
        "max_allow_flips": limit,
        "totals": {
            "replayed": replayed.replayed,
            "same": replayed.same,
            "other_reason": replayed.others,
            "undecidable": len(replayed.undecidable),
            "skipped": replayed.skipped.total(),
        },
        "flips": {flip.name.lower(): replayed.flips[flip] for flip in Flip},
        "undecidable": replayed.undecidable,
        "other_reasons": replayed.other_reasons,
        "skipped": replayed.skipped,
    }


def _show(edge: Edge, replayed: Replay) -> None:
    for flip in Flip:
        _list(edge, _phrase(flip), replayed.flips[flip])
    _list(edge, "undecidable", replayed.undecidable)
    _list(edge, "same verdict, other reason", replayed.other_reasons)


def _list(edge: Edge, title: str, found: list[Compared]) -> None:
    if found:
        edge.say(f"{title}: {len(found)}")
        for compared in found:
            edge.say(_line(compared))


def _line(compared: Compared) -> str:
    """One request on one line, whatever its agent wrote into it."""
    told = (
        f"{compared.seq:>8}  {compared.time}  {compared.subject}  {compared.action}  {compared.resource}"
        f"  {_outcome(compared.before)}  ->  {_after(compared)}"
    )
    return told.replace("\n", r"\n")


def _after(compared: Compared) -> str:
    if compared.after is not None:
        return _outcome(compared.after)
    return ", ".join(f"rule {one.rule} could look at {one.path}, which is masked" for one in compared.unseen)


def _outcome(outcome: Outcome) -> str:
    rules = f" [{', '.join(outcome.rules)}]" if outcome.rules else ""
    return f"{outcome.verdict.word} {outcome.code}{rules}"


def _phrase(flip: Flip) -> str:
    before, after = flip.value
    return f"{before.word} -> {after.word}"


def _conclude(edge: Edge, replayed: Replay, limit: int) -> None:
    counts = [f"{_phrase(flip)} {len(found)}" for flip, found in replayed.flips.items() if found]
    edge.say(f"replayed {replayed.replayed}: {', '.join([f'same {replayed.same}', *counts])}")
    edge.say(f"same verdict, other reason {replayed.others}; undecidable {len(replayed.undecidable)}")
    skipped = ", ".join(f"{count} {why}" for why, count in sorted(replayed.skipped.items()))
    edge.say(f"skipped {replayed.skipped.total()}{': ' if skipped else ''}{skipped}")
    word = "ok" if replayed.allow_flips <= limit else "failed"
    Screen(edge).line(word, f"{replayed.allow_flips} newly allowed, at most {limit} may be")
