"""What a broker may refuse: a subscription that the session can do without."""

from __future__ import annotations

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from cunmai_runtime.mqtt import Handlers, MqttSession, MqttSettings

_GRANTED, _DENIED = 0x01, 0x87


@pytest.mark.parametrize(
    ("codes", "ups"),
    [
        ((_GRANTED, _GRANTED), 1),
        ((_GRANTED, _DENIED), 1),
        ((_DENIED, _GRANTED), 0),
        ((_DENIED, _DENIED), 0),
    ],
)
def test_a_refused_subscription_keeps_the_session_down_unless_it_is_optional(
    codes: tuple[int, int], ups: int
) -> None:
    told: list[int] = []
    handlers = Handlers(on_message=lambda *_: None, on_up=told.append)
    session = MqttSession(
        MqttSettings(port=1), "one", ["needed", "optional"], handlers, optional=["optional"]
    )
    answers = [ReasonCode(PacketTypes.SUBACK, identifier=code) for code in codes]
    session._on_subscribe(None, None, 1, answers, None)  # type: ignore[arg-type]
    assert len(told) == ups
