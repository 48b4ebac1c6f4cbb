"""Who may halt and release: keys of their own, or those that sign bundles."""

import pytest

from sidecar.config import load, resolve
from sidecar.config.trust import read_halts_trust, read_trust
from sidecar.core.errors import ConfigError
from tests.tools.signing import key

BUNDLES, HALTS, MORE = key(1).public, key(2).public, key(3).public
BUNDLE_KEYS, HALT_KEYS = "ASCEND_SIDECAR_TRUST_KEYS", "ASCEND_SIDECAR_KILLSWITCH_KEYS"
THRESHOLD = "ASCEND_SIDECAR_KILLSWITCH_THRESHOLD"
STATE = {"ASCEND_SIDECAR_KILLSWITCH_STATE": "/halts.dsse"}
RAW = {
    "ASCEND_SIDECAR_KILLSWITCH_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/q",
    "ASCEND_SIDECAR_KILLSWITCH_DELIVERY": "raw",
}


def config(**environ):
    return resolve(None, environ, {}).config


def findings(**environ):
    with pytest.raises(ConfigError) as raised:
        load(None, environ, {"policies": "default"})
    return str(raised.value)


def test_by_default_it_is_the_keys_of_bundles():
    made = config(**{BUNDLE_KEYS: BUNDLES.text})
    assert read_halts_trust(made) == read_trust(made)
    assert read_halts_trust(config()) is None


def test_keys_of_their_own_take_the_place_of_those_and_sign_no_bundle():
    names = {"ASCEND_SIDECAR_TRUST_NAME": "prod", "ASCEND_SIDECAR_TRUST_CLOCK_SKEW": "5s"}
    keys = {BUNDLE_KEYS: BUNDLES.text, HALT_KEYS: f"{HALTS.text},{MORE.text}", THRESHOLD: "2"}
    made = config(**keys, **names)
    halts = read_halts_trust(made)
    assert (halts.keys.keys, halts.keys.threshold) == ((HALTS, MORE), 2)
    assert (halts.name, halts.skew) == ("prod", 5.0)
    assert read_trust(made).keys.keys == (BUNDLES,)
    assert read_trust(config(**{HALT_KEYS: HALTS.text})) is None


def test_a_trusted_folder_goes_with_keys_that_sign_halts_only():
    given = {**STATE, HALT_KEYS: HALTS.text}
    assert load(None, given, {"policies": "default"}).can_verify_halts
    with pytest.raises(ConfigError, match=r"unsigned folder beside trust\.keys") as raised:
        load(None, {**STATE, BUNDLE_KEYS: BUNDLES.text}, {"policies": "default"})
    assert "killswitch.keys" in str(raised.value)


@pytest.mark.parametrize("settings", [STATE, RAW], ids=["state", "raw"])
def test_what_is_signed_needs_one_of_both(settings):
    for keys in (BUNDLE_KEYS, HALT_KEYS):
        config(**settings, **{keys: HALTS.text})
    assert "set killswitch.keys or trust.keys" in findings(**settings)


def test_what_could_never_sign_is_told_at_its_key():
    assert "killswitch.threshold: 2 of 1 keys" in findings(**{HALT_KEYS: HALTS.text, THRESHOLD: "2"})
    assert "killswitch.threshold: a number of keys" in findings(**{BUNDLE_KEYS: BUNDLES.text, THRESHOLD: "2"})


@pytest.mark.parametrize(
    ("text", "told"),
    [("nothing", "number 1: `nothing`"), (f"{HALTS.text},{HALTS.text}", ".*twice")],
    ids=["no key", "twice"],
)
def test_keys_that_are_none_are_told_at_their_key(text, told):
    with pytest.raises(ConfigError, match=f"killswitch.keys: {told}"):
        read_halts_trust(config(**{HALT_KEYS: text}))
