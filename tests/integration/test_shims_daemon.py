"""Every shim with a real daemon: what it asks is judged, what people and operators do reaches it."""

import tempfile
from pathlib import Path

import pytest

from tests.tools.shim_daemon import governed
from tests.tools.shim_drivers import LANGUAGES, Driver
from tests.tools.shim_vectors import Client

AGENTS = {language.name: f"agent:{language.name} ü" for language in LANGUAGES}


@pytest.fixture(scope="module")
def house():
    with tempfile.TemporaryDirectory() as folder, governed(Path(folder)) as running:
        yield running


@pytest.fixture(scope="module", params=LANGUAGES, ids=lambda language: language.name)
def language(request):
    if missing := request.param.missing():
        pytest.skip(f"{', '.join(missing)}: not installed")
    return request.param.name, request.param.command()


@pytest.fixture(params=["unix", "tcp"])
def driver(request, language, house):
    name, command = language
    driver = Driver(command)
    driver.open(house.address(request.param), Client(agent=AGENTS[name], deadline=20.0, wait=40.0))
    yield driver
    driver.shut()
    driver.close()


def test_it_is_allowed_and_what_became_of_it_is_on_record(house, driver):
    came = driver.authorize("read", "thing:t", {"amount": 5, "note": "é"}, {"ticket": "X"})
    assert (came["allowed"], came["error"], came["code"]) == (True, "", "allowed")
    assert came["reason"] == "Reading is free: café."
    assert 0 <= int(came["risk"]) <= 100
    assert driver.say("report", "completed", '{"rows": 3}') == ["reported", ""]
    decided = next(one for one in house.records("decision") if str(one["seq"]) == came["id"])
    assert decided["request"]["action"] == {"name": "read", "properties": {"amount": 5, "note": "é"}}
    assert decided["request"]["context"] == {"ticket": "X"}
    outcome = house.records("outcome")[-1]
    assert (str(outcome["decision"]), outcome["outcome"]) == (came["id"], "completed")
    assert outcome["details"] == {"rows": 3}


def test_it_is_denied_with_the_reason(driver):
    came = driver.authorize("drop", "table:users")
    assert (came["allowed"], came["error"], came["code"]) == (False, "denied", "policy_denied")
    assert came["reason"] == "Nothing is dropped."


def test_what_it_would_be_obliged_to_is_not_allowed(driver):
    came = driver.authorize("send", "mail:1")
    assert (came["allowed"], came["error"]) == (False, "obliged")


@pytest.mark.parametrize(
    ("verb", "expected"),
    [("approve", (True, "", "approved")), ("deny", (False, "denied", "approval_denied"))],
)
def test_it_waits_for_people(house, driver, verb, expected):
    with house.somebody(verb):
        came = driver.authorize("pay", "account:42", {"amount": 10000, "which": verb})
    assert (came["allowed"], came["error"], came["code"]) == expected


def test_a_halt_reaches_it_without_being_asked_and_is_released(house, driver, language):
    agent = AGENTS[language[0]]
    assert driver.say("watch") == ["watching", "clear"]
    assert driver.say("blocked") == ["blocked", "no"]
    house.halt(agent)
    try:
        assert driver.say("await", "yes") == ["blocked", "yes"]
        decided = len(house.records("decision"))
        came = driver.authorize("read", "thing:t")
        assert (came["allowed"], came["error"], came["code"]) == (False, "blocked", "halted")
        assert len(house.records("decision")) == decided
    finally:
        house.release(agent)
    assert driver.say("await", "no") == ["blocked", "no"]
    assert driver.authorize("read", "thing:t")["allowed"] is True


def test_a_halt_is_the_daemons_deny_for_who_does_not_watch(house, driver, language):
    house.halt(AGENTS[language[0]])
    try:
        came = driver.authorize("read", "thing:t")
        assert (came["allowed"], came["error"], came["code"]) == (False, "denied", "halted")
    finally:
        house.release(AGENTS[language[0]])
