"""A state document that keys of their own sign is no matter of the keys that bundles are signed by."""

import msgspec
import pytest

from sidecar.adapters.metrics_prometheus import PrometheusMetrics
from sidecar.config import Config
from sidecar.config.killswitch import KillSwitch
from sidecar.core.killswitch.document_form import write_document
from sidecar.daemon.authority import build_overseeing
from tests.fakes.by_hand import ByHand
from tests.tools.signing import KEY, key

HALTS = key(2)


class BundleOfLaterKeys:
    """A state whose bundle was checked by keys that came after the first."""

    keys_version = 5


@pytest.mark.parametrize(
    ("own", "signer", "is_read"), [(True, HALTS, True), (True, KEY, False), (False, KEY, False)]
)
async def test_only_they_sign_it_whatever_keys_bundles_have(tmp_path, own, signer, is_read):
    house = await ByHand(tmp_path, has_feed=True).start()
    place, now = tmp_path / "halts.dsse", house.clock.now()
    place.write_bytes(write_document("default", 1, now - 1, now + 60, [], [], [signer]))
    config = Config()
    trust = msgspec.structs.replace(config.trust, keys=(KEY.public.text,))
    switch = KillSwitch(state=str(place), keys=(HALTS.public.text,) if own else ())
    config = msgspec.structs.replace(config, trust=trust, killswitch=switch)
    overseeing = build_overseeing(
        config, BundleOfLaterKeys(), house.switch, house.clock, PrometheusMetrics(), None
    )
    authority = overseeing.authority
    assert await authority.read() is is_read, authority.failing
    why = {} if is_read else {"untrusted" if own else "rolled_back": 1}
    assert msgspec.to_builtins(authority.status()) == {
        "name": authority.name,
        "failing": authority.failing,
        "reads": int(is_read),
        "failures": why,
    }
    assert bool(authority.failing) is not is_read
    await overseeing.close()
    await house.close()
