"""`bundle rotate`: hosts follow signed steps to other keys."""

import pytest

from tests.fakes.terminal import type_in
from tests.tools.workshop import done, trusting


def test_hosts_follow_signed_steps_to_other_keys(built, folder, keys):
    step = keys / "step.dsse"
    done(type_in(
        *("bundle", "rotate", "--version", 1, "--next-pub", keys / "b.pub", "--key", keys / "a.key", "--out", step)
    ))  # fmt: skip
    out = built("--keys", step, signers=("b",))
    told = done(type_in("bundle", "verify", out, *trusting(keys, "a"), "--json")).json
    assert told["keys_version"] == 1
    shown = done(type_in("bundle", "inspect", out, *trusting(keys, "a"), "--json")).json
    assert [one["version"] for one in shown["key_steps"]] == [1]
    assert type_in("bundle", "verify", built("--keys", step), *trusting(keys, "a")).code == 1
    assert type_in("bundle", "verify", built(signers=("b",)), *trusting(keys, "a")).code == 1


def test_steps_are_put_into_their_order(built, keys):
    steps = []
    for version, (old, new) in enumerate([("a", "b"), ("b", "c")], start=1):
        if new == "c":
            done(type_in("bundle", "keygen", "c", "--out-dir", keys))
        steps.append(keys / f"step{version}")
        done(type_in(
            *("bundle", "rotate", "--version", version, "--next-pub", keys / f"{new}.pub"),
            *("--key", keys / f"{old}.key", "--out", steps[-1]),
        ))  # fmt: skip
    out = built("--keys", steps[1], "--keys", steps[0], signers=("c",))
    assert done(type_in("bundle", "verify", out, *trusting(keys, "a"), "--json")).json["keys_version"] == 2


def test_a_step_too_is_signed_by_one_after_another(built, keys):
    step = keys / "step.dsse"
    done(type_in(
        *("bundle", "rotate", "--version", 1, "--next-pub", keys / "b.pub", "--key", keys / "a.key", "--out", step)
    ))  # fmt: skip
    both = trusting(keys, "a", "b", threshold=2)
    assert type_in("bundle", "verify", built("--keys", step, signers=("b",)), *both).code == 1
    ran = done(type_in("bundle", "sign", step, "--key", keys / "b.key"))
    assert "version 1 of the keys of default" in ran.out
    assert type_in("bundle", "verify", built("--keys", step, signers=("b",)), *both).code == 0


def test_a_step_of_another_name_or_twice_is_a_usage_error(folder, keys):
    step = keys / "step.dsse"
    rotate = ("bundle", "rotate", "--version", 1, "--next-pub", keys / "b.pub", "--key", keys / "a.key")
    build = ("bundle", "build", folder, "--revision", 1, "--out", keys / "x")
    done(type_in(*rotate, "--name", "other", "--out", step))
    assert type_in(*build, "--keys", step).code == 64
    done(type_in(*rotate, "--out", step))
    assert type_in(*build, "--keys", step, "--keys", step).code == 64
    done(type_in(*build, "--keys", step))
    assert type_in(*build, "--keys", keys / "x").code == 64


@pytest.mark.parametrize(
    "options",
    [
        ("--version", 1, "--next-pub", "nonsense", "--key", "a.key"),
        ("--version", 0, "--next-pub", "b.pub", "--key", "a.key"),
        ("--version", 1, "--next-pub", "b.pub"),
        ("--version", 1, "--key", "a.key"),
        ("--version", 1, "--threshold", 2, "--next-pub", "b.pub", "--key", "a.key"),
        ("--version", 1, "--next-pub", "b.pub", "--next-pub", "b.pub", "--key", "a.key"),
    ],
)
def test_a_step_that_leads_nowhere_is_a_usage_error(keys, options, monkeypatch):
    monkeypatch.chdir(keys)
    assert type_in("bundle", "rotate", "--out", "step", *options).code == 64
    assert not (keys / "step").exists()
