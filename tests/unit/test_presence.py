"""Presence: whom an order would hit is what decisions would deny."""

import asyncio

import pytest

from sidecar.core.killswitch import Command, Kind, Order, scope
from sidecar.core.model import Caller, Door
from sidecar.service.asked import Asked
from sidecar.service.killswitch.presence import Presence
from tests.fakes.house import House
from tests.tools.bundles import request

# One name in its two forms of Unicode: composed, and with a combining accent.
NFC, NFD = "caf\u00e9", "cafe\u0301"


@pytest.mark.parametrize(("written", "halted"), [(NFC, NFD), (NFD, NFC), (NFD, NFD)], ids=range(3))
def test_a_group_is_known_in_whatever_form_its_name_is_written(written, halted):
    house = House("rules: []\n", agents=f'"agent:a": {{groups: ["{written}"]}}\n')
    presence = Presence(house.state)
    presence.saw(Asked(request("agent:a"), Caller(), Door.AUTHZEN), None, 0)
    order = Order(Command.BLOCK, scope(Kind.GROUP, halted), "c")
    assert presence.hit_by(order, 0.0) == ["agent:a"]
    assert asyncio.run(presence.within([order.scope])) == {order.scope: ["agent:a"]}
    whole, _ = presence.targets("agent:a")
    assert whole.groups == (NFC,)
    assert presence.hit_by(Order(Command.BLOCK, scope(Kind.GROUP, "cafe"), "c"), 0.0) == []
