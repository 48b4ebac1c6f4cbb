"""Forward auth in the config: off, and what can never work is told at its key."""

import pytest

from sidecar.api.forward_auth_request import Reading
from sidecar.config import resolve
from sidecar.core.errors import ConfigError
from sidecar.daemon.forward_auth import reading_of

KEY = "ASCEND_SIDECAR_FORWARD_AUTH_"


def settings(**given):
    return resolve(None, {KEY + name.upper(): value for name, value in given.items()}, {}).config.forward_auth


def test_it_is_off_and_believes_tokens_only():
    assert settings().enabled is False
    assert reading_of(settings()) == Reading()


@pytest.mark.parametrize(
    ("given", "reading"),
    [
        ({"subject_from": "fixed", "subject": "service:spiffe://a:b"}, Reading(subject=("service", "spiffe://a:b"))),
        ({"subject_from": "header"}, Reading(subject_header="x-agent-id")),
        (
            {"subject_from": "header", "subject_header": "X-Who", "subject_type": "user"},
            Reading(subject_header="x-who", subject_type="user"),
        ),
        ({"subject_from": "certificate"}, Reading(by_certificate=True)),
        ({"action": "web.{method}", "headers": "X-Tenant, x-zone"},
         Reading(action="web.{method}", headers=("x-tenant", "x-zone"))),
    ],
)  # fmt: skip
def test_what_the_operator_says_is_how_requests_are_read(given, reading):
    assert reading_of(settings(**given)) == reading


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"subject_from": "fixed"}, "forward_auth.subject: no subject"),
        ({"subject_from": "fixed", "subject": "a"}, "forward_auth.subject: no subject"),
        ({"subject": "agent:a"}, "forward_auth.subject: never used"),
        ({"subject_from": "guess"}, "forward_auth.subject_from"),
        ({"subject_type": "a:b"}, "forward_auth.subject_type: `a:b` has a colon"),
        ({"subject_header": "x agent"}, "forward_auth.subject_header: `x agent` is not the name"),
        ({"subject_header": "Authorization"}, "forward_auth.subject_header: Authorization holds"),
        ({"headers": "x-a,cookie"}, "forward_auth.headers: cookie holds"),
        ({"headers": "x_a"}, "forward_auth.headers: `x_a` is not the name"),
        ({"action": "http.{verb}"}, "forward_auth.action: `http.{verb}` holds another brace"),
        ({"timeout": "19ms"}, "forward_auth.timeout"),
        ({"timeout": "11s"}, "forward_auth.timeout"),
    ],
)
def test_what_can_never_work_is_told_at_its_key(given, told):
    with pytest.raises(ConfigError) as raised:
        settings(**given)
    assert told in str(raised.value)
