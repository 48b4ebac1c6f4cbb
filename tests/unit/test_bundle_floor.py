"""The floor: what was in force here is not gone back behind, unless by a signed downgrade, and by each only once."""

import msgspec
import pytest

from sidecar.core.bundle import Floor, verify
from sidecar.core.errors import RolledBackBundle
from tests.tools.signing import DAY, ISSUED, KEY, NOW, key, signed, trust

OTHER_RULES = "rules: [{id: writes, match: {actions: [write]}, effect: deny}]\n"


def check(raw, trusted=None, floor=Floor()):
    return verify(raw, trusted or trust(), floor, NOW)


def refused(match, raw, trusted=None, floor=Floor()):
    with pytest.raises(RolledBackBundle, match=match):
        check(raw, trusted, floor)


def in_force(raw, floor=Floor()):
    """The floor once this bundle is in force."""
    verified = check(raw, None, floor)
    return floor.after(verified.signed, verified.payload.digest)


def downgrade(revision=5, to=5, issued_at=ISSUED + 1):
    return signed(revision=revision, allow_rollback_to=to, issued_at=issued_at)


def test_a_revision_below_the_floor_is_refused():
    floor = Floor(revision=7)
    refused("revision 6 is below 7", signed(revision=6), floor=floor)
    for revision in (7, 8):
        assert check(signed(revision=revision), floor=floor)


def test_a_revision_below_the_operators_minimum_is_refused():
    refused(
        r"revision 6 is below trust\.min_revision, 7",
        signed(revision=6),
        trust(min_revision=7),
    )
    assert check(signed(revision=7), trust(min_revision=7))


def test_no_signed_downgrade_goes_below_the_operators_minimum():
    raw = signed(revision=6, allow_rollback_to=1, issued_at=NOW)
    assert check(raw, floor=Floor(revision=9, issued_at=ISSUED))
    refused(r"trust\.min_revision", raw, trust(min_revision=7), Floor(9, issued_at=ISSUED))


def test_one_revision_has_one_content():
    floor = in_force(signed(revision=7))
    assert check(signed(revision=7), floor=floor)
    refused("another content", signed(OTHER_RULES, revision=7), floor=floor)
    again = signed(OTHER_RULES, revision=7, allow_rollback_to=7, issued_at=NOW)
    refused("another content", again, floor=floor)


def test_other_signatures_are_no_other_content():
    floor = in_force(signed(revision=7))
    assert check(signed(revision=7, key=(KEY, key(2))), floor=floor)


def test_a_signed_downgrade_may_go_below_the_floor():
    floor = in_force(signed(revision=9))
    for raw in (downgrade(), downgrade(revision=8), downgrade(revision=5, to=1)):
        assert check(raw, floor=floor)


def test_a_downgrade_below_its_own_grant_is_none():
    refused("revision 4 is below 9", downgrade(revision=4), floor=in_force(signed(revision=9)))


@pytest.mark.parametrize("issued_at", [ISSUED - 1, ISSUED])
def test_a_downgrade_that_is_not_newer_than_what_it_replaces_is_refused(issued_at):
    floor = in_force(signed(revision=9))
    refused("sign it again", downgrade(issued_at=issued_at), floor=floor)


def test_a_downgrade_cannot_be_replayed_later():
    lowered = in_force(downgrade(), in_force(signed(revision=9)))
    assert check(downgrade(), floor=lowered)
    raised = in_force(signed(revision=10, issued_at=ISSUED + 2), lowered)
    refused("sign it again", downgrade(), floor=raised)


def test_a_downgrade_cannot_be_replayed_although_its_successor_was_issued_before_it():
    raised = in_force(
        signed(revision=10, issued_at=ISSUED), in_force(downgrade(), in_force(signed(revision=9)))
    )
    refused("sign it again", downgrade(), floor=raised)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (signed(revision=9), (9, True, ISSUED)),
        (signed(revision=9, issued_at=ISSUED - DAY), (9, True, ISSUED - DAY)),
        (downgrade(revision=9, to=9), (9, True, ISSUED + 1)),
        (downgrade(revision=9, to=5), (5, False, ISSUED + 1)),
        (downgrade(revision=9, to=12), (9, True, ISSUED + 1)),
    ],
    ids=["plain", "issued earlier", "grant of itself", "grant below", "grant above"],
)
def test_the_floor_after_a_first_bundle(raw, expected):
    floor, digest = in_force(raw), check(raw).payload.digest
    revision, keeps_digest, issued_at = expected
    assert floor == Floor(revision, digest if keeps_digest else "", issued_at, 0)


def test_the_floor_forgets_neither_times_nor_keys():
    before = Floor(revision=3, digest="x", issued_at=NOW, keys_version=4)
    verified = verify(signed(revision=5), trust(version=2), Floor(), NOW)
    assert before.after(verified.signed, "y") == Floor(5, "y", NOW, 4)


def test_a_floor_reads_back_as_it_was_written():
    floor = in_force(signed(revision=9))
    assert msgspec.json.decode(msgspec.json.encode(floor), type=Floor) == floor
