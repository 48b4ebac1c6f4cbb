"""Where bundles are pushed to: one suite for a file and for an object in S3 (moto), then what each adds."""

import os
import stat

import pytest

from sidecar.adapters.aws.s3 import NotAnObject, parse_s3
from sidecar.adapters.whole_files import CannotWrite, WholeFile, make_file
from sidecar.core.errors import RemoteRefused, RemoteUnreachable
from tests.fakes.aws import aws, make_bucket, object_of
from tests.tools.s3 import access_control

BUCKET = "policies"


@pytest.fixture(scope="module")
def server():
    with pytest.MonkeyPatch.context() as environment, aws(environment) as address:
        make_bucket(BUCKET)
        yield address


@pytest.fixture(params=["file", "s3"])
def target(request, server, tmp_path):
    if request.param == "file":
        return WholeFile(str(tmp_path / "bundle.dsse"))
    return parse_s3(f"s3://{BUCKET}/{tmp_path.name}/bundle.dsse")


def test_where_nothing_is_nothing_is_read(target):
    assert target.read(100) is None


def test_what_was_written_is_read_and_can_be_replaced(target):
    target.write(b"one", None, guarded=True)
    raw, mark = target.read(100)
    assert raw == b"one"
    target.write(b"two", mark, guarded=True)
    assert target.read(100)[0] == b"two"
    target.write(b"three", None, guarded=False)
    assert target.read(100)[0] == b"three"


def test_no_more_is_read_than_shows_that_it_is_too_much(target):
    target.write(b"12345678", None, guarded=True)
    assert target.read(3)[0] == b"1234"


def test_an_object_says_what_it_is_and_is_not_encoded(server):
    parse_s3(f"s3://{BUCKET}/typed").write(b"{}", None, guarded=True)
    raw, told = object_of(BUCKET, "typed")
    assert raw == b"{}"
    assert told["ContentType"] == "application/vnd.dsse.envelope.v1+json"
    assert "ContentEncoding" not in told


@pytest.mark.parametrize("mark", [None, '"0123456789abcdef0123456789abcdef"'])
def test_what_somebody_else_changed_meanwhile_stays(server, mark):
    place = parse_s3(f"s3://{BUCKET}/raced")
    place.write(b"theirs", None, guarded=False)
    with pytest.raises(RemoteRefused, match="s3://policies/raced was changed by somebody else meanwhile"):
        place.write(b"ours", mark, guarded=True)
    assert place.read(100)[0] == b"theirs"


def test_a_bucket_that_is_not_there_is_one_sentence(server):
    place = parse_s3("s3://no-such-bucket/key")
    with pytest.raises(RemoteRefused, match="s3://no-such-bucket/key: AWS says NoSuchBucket"):
        place.read(100)
    with pytest.raises(RemoteRefused, match="NoSuchBucket"):
        place.write(b"x", None, guarded=True)


def test_nobody_there_is_unreachable(server, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(RemoteUnreachable, match="AWS does not answer"):
        parse_s3(f"s3://{BUCKET}/key").read(100)


def test_without_a_policy_that_allows_it_it_is_refused(server, monkeypatch):
    """moto asks IAM once it is told to: these keys are nobody's."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    with access_control(server), pytest.raises(RemoteRefused, match="AWS says InvalidAccessKeyId"):
        parse_s3(f"s3://{BUCKET}/key").read(100)


@pytest.mark.parametrize("text", ["s3://", "s3://bucket", "s3://bucket/", "s3:///key", "s3://b/k", "x"])
def test_what_is_no_address_is_named(text):
    with pytest.raises(NotAnObject):
        parse_s3(text)


def test_a_file_is_replaced_whole_and_leaves_nothing_beside_it(tmp_path):
    place = WholeFile(str(tmp_path / "b"))
    place.write(b"old", None, guarded=True)
    with (tmp_path / "b").open("rb") as reader:
        place.write(b"new", "", guarded=True)
        assert reader.read() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["b"]
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o644 & ~_umask()


def test_a_file_that_cannot_be_written_says_why_and_leaves_nothing(tmp_path):
    (tmp_path / "folder").mkdir()
    for place, why in (("folder", "directory"), ("none/b", "No such file"), ("x" * 300, "too long")):
        with pytest.raises(CannotWrite, match=why):
            WholeFile(str(tmp_path / place)).write(b"x", None, guarded=True)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_private_file_is_for_its_owner_and_is_never_overwritten(tmp_path):
    make_file(tmp_path / "k", b"secret", private=True)
    assert stat.S_IMODE((tmp_path / "k").stat().st_mode) == 0o600
    with pytest.raises(CannotWrite, match="is there already, and is never overwritten"):
        make_file(tmp_path / "k", b"other", private=True)
    assert (tmp_path / "k").read_bytes() == b"secret"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
