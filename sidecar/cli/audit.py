"""`audit`: read the decision log, verify it, prove a record of it. Needs no daemon, and disturbs none."""

from typing import Annotated, Final

import typer

from sidecar.adapters.audit_files.proving import prove as prove_record
from sidecar.adapters.audit_files.verifying import Report, verify_log
from sidecar.cli.edge import Edge, edge_of
from sidecar.cli.exits import Exit, UsageError
from sidecar.cli.inputs import read_input
from sidecar.cli.options import Json, StateDir, config_of
from sidecar.cli.progress import Progress
from sidecar.cli.proofs import check_proof, verifier_key
from sidecar.cli.screen import Screen
from sidecar.cli.showing import show
from sidecar.core.errors import AuditError
from sidecar.core.model import Object
from sidecar.core.note import MAX_NOTE, NoteError

_VERIFY: Final = """\b
Examples:
  ascend-sidecar audit verify
  ascend-sidecar audit verify --against /mnt/witness/checkpoint --vkey log.vkey
  ascend-sidecar audit verify --proof 12.proof --record 12.jsonl --vkey log.vkey

Exit codes: 0 whole, 1 broken or not proven, 78 there is no log.
"""
_SHOW: Final = """\b
Examples:
  ascend-sidecar audit show --verdict deny --since 1h
  ascend-sidecar audit show --subject 'agent:*' --follow --json
  ascend-sidecar audit show --seq 12 --json > 12.jsonl
"""
_PROVE: Final = """\b
Examples:
  ascend-sidecar audit prove 12 > 12.proof
"""

Against = Annotated[
    str | None,
    typer.Option("--against", metavar="FILE", help="Checkpoint kept elsewhere, such as a witness's."),
]
VkeyText = Annotated[
    str | None,
    typer.Option(
        "--vkey", metavar="KEY", help="Verifier key of the log, or a file with it. [default: beside the log]"
    ),
]
ProofFile = Annotated[
    str | None, typer.Option("--proof", metavar="FILE", help="Check this proof; needs no log.")
]
RecordFile = Annotated[
    str | None, typer.Option("--record", metavar="FILE", help="The record that it proves.")
]
Number = Annotated[int, typer.Argument(metavar="SEQ", min=0, help="Number of the record.")]


def build() -> typer.Typer:
    app = typer.Typer(name="audit", help="Read, verify and prove the decision log.", rich_markup_mode=None)
    app.command(epilog=_VERIFY)(verify)
    app.command(epilog=_SHOW)(show)
    app.command(epilog=_PROVE)(prove)
    return app


def verify(
    context: typer.Context,
    *,
    against: Against = None,
    vkey: VkeyText = None,
    proof: ProofFile = None,
    record: RecordFile = None,
    state_dir: StateDir = None,
    json: Json = False,
) -> int:
    """Verify the whole log: chain, tree, checkpoints. With --proof, one record without the log."""
    edge = edge_of(context)
    if proof is None and record is None:
        return _verify_log(edge, against, vkey, state_dir, json)
    if proof is None or record is None or vkey is None or against is not None:
        raise UsageError("--proof, --record and --vkey belong together, without --against")
    return _verify_proof(edge, proof, record, vkey, json)


def _verify_log(edge: Edge, against: str | None, vkey: str | None, state_dir: str | None, json: bool) -> Exit:
    key = verifier_key(vkey) if vkey is not None else None
    witness = read_input("--against", against, MAX_NOTE) if against is not None else None
    state = config_of(edge, state_dir).state_dir
    with Progress(edge, "verifying") as progress:
        report = verify_log(state, key=key, against=witness, progress=progress.advance)
    if json:
        edge.emit(_report_json(report))
    else:
        _show_report(edge, report)
    return Exit.OK if report.ok else Exit.DENIED


def _report_json(report: Report) -> Object:
    return {
        "ok": report.ok,
        "first": report.first,
        "size": report.size,
        "signed": report.signed,
        "findings": report.findings,
    }


def _show_report(edge: Edge, report: Report) -> None:
    screen = Screen(edge)
    for finding in report.findings:
        screen.line("FAILED", str(finding))
    if report.ok:
        screen.line("ok", f"{report.size} records, {report.signed} of them under a signed checkpoint")
        if report.first:
            edge.say(f"   records before {report.first} are no longer kept; the tree still proves them")


def _verify_proof(edge: Edge, proof: str, record: str, vkey: str, json: bool) -> Exit:
    try:
        checkpoint = check_proof(proof, record, verifier_key(vkey))
    except NoteError as error:
        return _not_proven(edge, error, json)
    if json:
        edge.emit({"ok": True, "origin": checkpoint.origin, "size": checkpoint.size})
    else:
        Screen(edge).line(
            "ok", f"the record is in {checkpoint.origin}, which then had {checkpoint.size} records"
        )
    return Exit.OK


def _not_proven(edge: Edge, error: NoteError, json: bool) -> Exit:
    if json:
        edge.emit({"ok": False, "problem": str(error)})
    else:
        Screen(edge).line("FAILED", str(error))
    return Exit.DENIED


def prove(context: typer.Context, seq: Number, *, state_dir: StateDir = None, json: Json = False) -> int:
    """Print the proof that a record is in the log (c2sp.org/tlog-proof@v1), for people who do not have the log."""
    edge = edge_of(context)
    try:
        proof = prove_record(config_of(edge, state_dir).state_dir, seq)
    except AuditError as error:
        edge.complain(str(error))
        return Exit.DENIED
    if json:
        edge.emit({"index": proof.index, "hashes": proof.hashes, "checkpoint": proof.checkpoint.decode()})
    else:
        edge.stdout.write(str(proof))
    return Exit.OK
