"""Whose orders a daemon believes, as its config says, and a config by which none could be believed."""

import msgspec
import pytest

from sidecar.config import Config
from sidecar.config.killswitch import Delivery, KillSwitch
from sidecar.core.errors import ConfigError
from sidecar.core.killswitch import Command, Kind, Order, Scope
from sidecar.core.killswitch.wire import Refusal, write_order
from sidecar.daemon.reading import build_reader
from sidecar.service.ports import Message
from tests.tools.raw_server import answer, raw_server
from tests.tools.signing import KEY, trust
from tests.tools.sns import TOPIC, notification, pem

ORDER = Order(Command.BLOCK, Scope(Kind.AGENT, "a"), "c", seq=1)
BLOCK = {"command_type": "BLOCK", "agent_id": "a", "organization_id": "acme"}


def config(state, **switch):
    return msgspec.structs.replace(Config(), state_dir=state, killswitch=KillSwitch(**switch))


async def read(reader, body):
    return await reader.read(Message("m", body, "h"), 1.0)


async def test_the_envelope_is_verified_with_what_is_configured(tmp_path):
    async with raw_server(answer(pem())) as (url, server):
        settings = {"topic_arn": TOPIC, "certificates": url, "organization": "acme"}
        reader = build_reader(config(tmp_path, **settings), trust())
        assert (await read(reader, notification(BLOCK))).scope == ORDER.scope
        foreign = notification({**BLOCK, "organization_id": "other"})
        assert (await read(reader, foreign)).why is Refusal.FOREIGN
        assert len(server.asked) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["certificates"]


async def test_raw_delivery_takes_signed_orders_only(tmp_path):
    reader = build_reader(config(tmp_path, topic_arn=TOPIC, delivery=Delivery.RAW), trust())
    assert (await read(reader, write_order(ORDER, [KEY]).decode())).seq == 1
    assert (await read(reader, notification(BLOCK))).why is Refusal.UNSIGNED


@pytest.mark.parametrize(
    ("switch", "trusted", "expected"),
    [
        ({"topic_arn": "halts"}, trust(), "killswitch.topic_arn: the topic must look like"),
        ({"topic_arn": TOPIC, "certificates": "http://10.0.0.1:1"}, trust(), "only on this machine"),
        ({"topic_arn": TOPIC, "delivery": Delivery.RAW}, None, "without keys no order"),
        ({}, None, "without keys no order"),
    ],
    ids=range(4),
)
def test_a_config_by_which_nothing_could_be_believed_is_none(tmp_path, switch, trusted, expected):
    with pytest.raises(ConfigError, match=expected):
        build_reader(config(tmp_path, **switch), trusted)
