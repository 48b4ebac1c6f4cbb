"""Records of the kill switch, as `audit show` has them on a line."""

import msgspec

from sidecar.adapters.audit_files.reading import Entry
from sidecar.cli.records import line_of
from sidecar.core.killswitch import Command, Kind, Origin, Proof
from sidecar.core.killswitch.ack import Hit, ack_of
from sidecar.core.killswitch.book import Outcome
from sidecar.core.killswitch.record import OrderRecord, ResetRecord, ack_record
from sidecar.core.record import encode_record
from tests.fakes.acking import order


def line(record):
    found = msgspec.json.decode(encode_record(record)) | {"time": "T"}
    return line_of(Entry(7, msgspec.json.encode(found)))


def test_an_order_with_what_came_of_it_and_who_gave_it():
    given = order(issued_by="on-call", reason="rogue")
    told = line(OrderRecord(given, Outcome.APPLIED, 1.0, 2.0, 3.0))
    assert told == '       7  T  BLOCK    agent "bot"  applied  fleet, sns  by "on-call"  "rogue"'


def test_one_of_this_host_with_all_that_is_left_out():
    given = order(command=Command.UNBLOCK, kind=Kind.HOST, name="*", origin=Origin.SIGNAL, proof=Proof.LOCAL)
    told = line(OrderRecord(given, Outcome.APPLIED, 1.0, 2.0, 3.0))
    assert told == '       7  T  UNBLOCK  host "*"  applied  signal, local  by ""  ""'


def test_what_a_sender_wrote_makes_no_second_line():
    given = order(reason="x\n       8  T  UNBLOCK", name="a\nb")
    assert "\n" not in line(OrderRecord(given, Outcome.APPLIED, 1.0, 2.0, 3.0))


def test_an_acknowledgement_to_whom_and_how_many_agents():
    told = line(ack_record(ack_of(order(), 1.0), Hit(2, ("agent:a", "agent:b")), "platform", 3.0))
    assert told == '       7  T  told     platform of BLOCK agent "bot"  2 agents here'


def test_that_somebody_gave_up_on_what_was_lost():
    told = line(ResetRecord("uid:0 (root)", True, 3.0))
    assert told == '       7  T  RESET    lost halts are given up, by force, by "uid:0 (root)"'
