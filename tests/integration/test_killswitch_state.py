"""`killswitch state`: a signed document that hosts act on is made, changed by several at once, shown and verified."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from sidecar.adapters.aws.s3 import Changed
from sidecar.adapters.whole_files import CannotWrite, WholeFile
from sidecar.cli.killswitch.holding import Keeping
from sidecar.cli.trusting import private_key, public_key
from sidecar.core.killswitch import Command, Kind, Order, scope
from sidecar.core.killswitch.book import Book, Epoch, reconcile
from sidecar.core.killswitch.document import read_document
from sidecar.core.killswitch.document_form import write_document
from sidecar.core.killswitch.held import with_halt
from sidecar.core.trust import KeySet
from tests.fakes.aws import aws, make_bucket
from tests.fakes.terminal import type_in
from tests.tools import signing
from tests.tools.workshop import done

BUCKET = "halts"
PAY = ("--agent", "agent:pay-7")
BLOCK = (*PAY, "--reason", "pays twice")


@pytest.fixture
def place(tmp_path):
    return tmp_path / "halts.dsse"


@pytest.fixture
def state(keys, place):
    """Types in a verb about the document, signed by a.key."""

    def run(verb, *words, by="a", **more):
        signer = () if verb in {"show", "verify"} else ("--key", keys / f"{by}.key")
        return type_in("killswitch", "state", verb, "--file", place, *signer, *words, **more)

    return run


@pytest.fixture(scope="module")
def bucket():
    with pytest.MonkeyPatch.context() as environment, aws(environment):
        make_bucket(BUCKET)
        yield f"s3://{BUCKET}"


def shown(state):
    return done(state("show", "--json")).json


def test_it_is_made_once_and_says_that_nothing_is_halted(state, place, keys):
    told = done(state("new", "--valid-for", "6h", "--json")).json
    assert (told["epoch"], told["halts"], told["name"]) == (1, 0, "default")
    verified = done(state("verify", "--pub", keys / "a.pub", "--json")).json
    assert (verified["ok"], verified["halts"], verified["released"]) == (True, [], [])
    again = state("new")
    assert (again.code, "is there already" in again.err) == (64, True)
    assert shown(state)["epoch"] == 1


def test_halts_come_and_go_with_their_numbers_and_each_change_is_another_epoch(state):
    done(state("new"))
    done(state("block", *BLOCK, "--issued-by", "ann", "--for", "30m", "--seq", "41"))
    done(state("block", "--tool", "Shell", "--reason", "x"))
    told = shown(state)
    assert told["epoch"] == 3
    pay, tool = told["halts"]
    assert (pay["scope"], pay["seq"]) == ({"kind": "agent", "name": "agent:pay-7"}, 41)
    assert (pay["issued_by"], pay["reason"], bool(pay["expires_at"])) == ("ann", "pays twice", True)
    assert tool["scope"] == {"kind": "tool", "name": "shell"}
    assert "is released; 1 halts in all" in done(state("unblock", *PAY)).out
    told = shown(state)
    assert [halt["scope"]["kind"] for halt in told["halts"]] == ["tool"]
    assert told["released"] == [{"scope": pay["scope"], "seq": 41}]
    done(state("block", *BLOCK))
    assert shown(state)["halts"][1]["seq"] > 41


def test_a_number_that_hosts_would_not_heed_is_refused_and_changes_nothing(state, place):
    done(state("new"))
    done(state("block", *BLOCK, "--seq", "41"))
    before = place.read_bytes()
    for verb, words in (("block", BLOCK), ("unblock", PAY)):
        ran = state(verb, *words, "--seq", "41", "--json")
        assert (ran.code, ran.json["kind"]) == (1, "overtaken")
    assert place.read_bytes() == before
    done(state("unblock", *PAY, "--seq", "50"))
    assert shown(state)["released"][0]["seq"] == 49, "of two orders of one number the halt counts"
    assert state("block", *BLOCK, "--seq", "49").code == 1


def test_a_release_of_what_is_not_halted_there_needs_its_number(state):
    done(state("new"))
    ran = state("unblock", *PAY)
    assert (ran.code, "give --seq" in ran.err) == (64, True)
    done(state("unblock", *PAY, "--seq", "8"))
    assert shown(state)["released"][0]["seq"] == 7


def test_a_halt_without_a_number_is_released_too(state, place, keys):
    done(state("new"))
    order = Order(Command.BLOCK, scope(Kind.AGENT, "agent:pay-7"), "c", issued_at=1.0)
    place.write_bytes(write_document("default", 7, 1.0, 9e9, [order], [], [private_key(str(keys / "a.key"))]))
    done(state("unblock", *PAY))
    assert (shown(state)["halts"], shown(state)["released"], shown(state)["epoch"]) == ([], [], 8)


def test_renewing_says_the_same_for_as_long_again(state, keys, place):
    done(state("new", "--valid-for", "6h"))
    done(state("block", *BLOCK))
    first = shown(state)
    done(state("renew"))
    second = shown(state)
    assert second["epoch"] == first["epoch"] + 1
    assert second["issued_at"] > first["issued_at"]
    assert second["expires_at"] > first["expires_at"]
    assert (second["halts"], second["released"]) == (first["halts"], first["released"])
    done(state("renew", "--valid-for", "1h"))
    assert shown(state)["expires_at"] < second["expires_at"]


def test_one_that_is_over_is_shown_as_such_is_no_longer_good_and_can_be_renewed(state, keys, place):
    place.write_bytes(write_document("default", 7, 1.0, 2.0, [], [], [private_key(str(keys / "a.key"))]))
    assert "over since 1970" in done(state("show")).out
    ran = state("verify", "--pub", keys / "a.pub")
    assert (ran.code, ran.out.startswith("FAILED expired")) == (1, True)
    done(state("renew", "--valid-for", "1h"))
    done(state("verify", "--pub", keys / "a.pub"))


def test_hosts_follow_it_from_epoch_to_epoch(state, keys, place):
    """The book of a host that reads each version."""
    key_set = KeySet((public_key("--pub", str(keys / "a.pub")),))
    trust = signing.trust(keys=key_set)
    held, epoch = Book(), Epoch()
    for verb, words, expected in (
        ("new", (), 0),
        ("block", BLOCK, 1),
        ("renew", (), 1),
        ("unblock", PAY, 0),
        ("block", BLOCK, 1),
    ):
        done(state(verb, *words))
        told = shown(state)
        now = datetime.fromisoformat(told["issued_at"]).timestamp() + 1
        document = read_document(place.read_bytes(), trust, epoch, now, now)
        held, _ = reconcile(held, document.state)
        epoch = document.epoch
        assert len(list(held.halts())) == expected, verb


def test_a_dry_run_of_publish_takes_the_number_from_it_and_changes_nothing(state, place, tmp_path):
    done(state("new"))
    done(state("block", *BLOCK, "--seq", "41"))
    before = place.read_bytes()
    words = (
        "publish",
        "unblock",
        *PAY,
        "--state",
        place,
        "--dry-run",
        "--state-dir",
        tmp_path / "none",
        "--json",
    )
    assert done(type_in("killswitch", *words)).json["seq"] == 42
    assert place.read_bytes() == before
    place.write_bytes(b"{}")
    assert type_in("killswitch", *words).code == 78


def test_those_who_change_it_at_once_lose_nothing(state):
    done(state("new"))
    with ThreadPoolExecutor(4) as pool:
        ran = list(pool.map(lambda n: state("block", "--agent", f"a{n}", "--reason", "x"), range(12)))
    assert [one.code for one in ran] == [0] * 12
    told = shown(state)
    assert (told["epoch"], len(told["halts"])) == (13, 12)


class Contested:
    """An object that somebody else changes between each read and write, so many times."""

    name = "contested"

    def __init__(self, raw, times):
        self.raw, self.times, self.writes = raw, times, 0

    def read(self, most):
        return self.raw, str(self.writes)

    def write(self, raw, mark, *, guarded):
        assert guarded
        self.writes += 1
        if self.writes <= self.times:
            raise Changed("changed by somebody else")
        assert mark == str(self.writes - 1), "what was read last"
        self.raw = raw


@pytest.mark.parametrize("times", [3, 100])
def test_an_object_that_others_change_is_read_anew(times):
    first = write_document("default", 1, 1.0, 9e9, [], [], [signing.KEY])
    place = Contested(first, times)
    keeper = Keeping(place, [signing.KEY], signing.trust())
    order = Order(Command.BLOCK, scope(Kind.AGENT, "a"), "c", seq=1, issued_at=1.0)
    if times == 100:
        with pytest.raises(Changed):
            keeper.change(lambda held: with_halt(held, order))
        assert (place.raw, place.writes) == (first, 8)
    else:
        assert keeper.change(lambda held: with_halt(held, order)).epoch == 2
        assert place.raw != first


def test_a_file_is_changed_by_one_at_a_time(place):
    with ThreadPoolExecutor(1) as pool, WholeFile(str(place)).alone():

        def wait():
            with WholeFile(str(place)).alone():
                return place.exists()

        waiting = pool.submit(wait)
        WholeFile(str(place)).write(b"x", None, guarded=True)
    assert waiting.result()


def test_a_folder_that_is_not_there_cannot_be_written(tmp_path):
    with pytest.raises(CannotWrite, match="No such file"), WholeFile(str(tmp_path / "none" / "x")).alone():
        pass


def test_what_hosts_would_not_take_is_never_written(state, keys, place):
    ran = state("new", "--pub", keys / "b.pub", "--json")
    assert (ran.code, ran.json["kind"]) == (1, "untrusted")
    assert not place.exists()
    both = ("--pub", keys / "a.pub", "--pub", keys / "b.pub", "--threshold", "2")
    assert state("new", *both).code == 1
    done(state("new", *both, "--key", keys / "b.key"))
    before = place.read_bytes()
    assert state("renew", *both).code == 1
    assert state("block", *BLOCK, "--pub", keys / "b.pub").code == 1
    assert place.read_bytes() == before


def test_it_is_signed_by_the_keys_that_the_config_has_for_halts(state, keys):
    environ = {"ASCEND_SIDECAR_KILLSWITCH_KEYS": str(keys / "b.pub"), "ASCEND_SIDECAR_TRUST_NAME": "prod"}
    assert state("new", environ=environ).code == 1
    done(state("new", by="b", environ=environ))
    assert done(state("verify", "--json", environ=environ)).json["name"] == "prod"
    assert state("verify", environ={**environ, "ASCEND_SIDECAR_TRUST_NAME": "other"}).code == 1
    done(state("renew", by="b"))
    assert shown(state)["name"] == "prod", "who is told no name keeps the one that it has"
    assert state("renew", "--name", "other", by="b").code == 1


@pytest.mark.parametrize("raw", [b"", b"{}", b"<html>"])
@pytest.mark.parametrize("verb", ["show", "verify", "renew"])
def test_what_is_no_document_is_1_and_stays(state, place, keys, raw, verb):
    place.write_bytes(raw)
    ran = state(verb, *(("--pub", keys / "a.pub") if verb == "verify" else ()))
    assert (ran.code, ran.out.startswith("FAILED"), ran.err) == (1, True, "")
    assert place.read_bytes() == raw


def test_a_bundle_is_no_document(built, state, place, keys):
    place.write_bytes(built().read_bytes())
    for verb, words in (("show", ()), ("verify", ("--pub", keys / "a.pub")), ("renew", ())):
        assert state(verb, *words).out.startswith("FAILED wrong_payload_type"), verb


@pytest.mark.parametrize(
    "words",
    [
        ("renew",),
        ("show",),
        ("block", "--reason", "x"),
        ("block", "--agent", "a"),
        ("new", "--valid-for", "soon"),
        ("new", "--epoch", "0"),
        ("verify",),
    ],
    ids=" ".join,
)
def test_what_cannot_be_done_is_a_usage_error(state, place, words):
    ran = state(*words)
    assert (ran.code, ran.out, place.exists()) == (64, "", False)


def test_nobody_to_sign_and_no_place_are_usage_errors(keys):
    assert type_in("killswitch", "state", "new", "--file", "x").code == 64
    ran = type_in("killswitch", "state", "new", "--file", "https://x/y", "--key", keys / "a.key")
    assert (ran.code, "--file `https://x/y`" in ran.err) == (64, True)


def test_it_may_lie_in_s3(bucket, keys):
    words = ("--file", f"{bucket}/halts.dsse", "--key", keys / "a.key")
    done(type_in("killswitch", "state", "new", *words))
    assert type_in("killswitch", "state", "new", *words).code == 64
    done(type_in("killswitch", "state", "block", *words, *BLOCK))
    told = done(type_in("killswitch", "state", "verify", *words[:2], "--pub", keys / "a.pub", "--json")).json
    assert (told["epoch"], len(told["halts"])) == (2, 1)
    assert type_in("killswitch", "state", "show", "--file", "s3://nobodys/x").code == 78
