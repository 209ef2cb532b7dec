"""Configuration from afar: taken whole or refused whole with a named reason, and kept over restarts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cunmai_gateway.configuration import Configuration
from cunmai_gateway.settings import DeviceSettings, GatewaySettings, UplinkSettings
from cunmai_gateway.spool_thread import SpoolUnavailable
from cunmai_runtime.mqtt import MqttSettings
from cunmai_wire.commands import Configure

OXIMETER = {"id": "oxi-1", "driver": "plx", "address": "F0:0D:00:00:18:22"}
SECOND = {"id": "oxi-2", "driver": "plx", "name": "OXI"}


@pytest.fixture
def local(tmp_path: Path) -> GatewaySettings:
    return GatewaySettings(
        gateway="cz-01",
        data_dir=tmp_path,
        mqtt=MqttSettings(host="broker.example", username="cz-01", password="secret-word"),  # type: ignore[arg-type]
        devices=(DeviceSettings.model_validate(OXIMETER),),
    )


def command(version: int, id_: str | None = None, **configuration: Any) -> Configure:
    return Configure(
        v=1, id=id_ or f"c{version}", at=1, command="configure", version=version, configuration=configuration
    )


def ids(settings: GatewaySettings) -> list[str]:
    return [device.id for device in settings.devices]


def test_without_a_command_the_local_file_is_in_force(local: GatewaySettings) -> None:
    configuration = Configuration(local)
    assert (configuration.in_force, configuration.version, configuration.refused) == (local, None, None)


def test_what_is_taken_is_in_force_and_still_is_after_a_restart(local: GatewaySettings) -> None:
    configuration = Configuration(local)
    assert configuration.take(
        command(
            3,
            devices=[OXIMETER, SECOND | {"expected_every_s": 600}],
            assignments={"oxi-2": "R-7F3K"},
            uplink={"backlog_readings_per_s": 50},
        )
    )
    for taken in (configuration, Configuration(local)):
        settings = taken.in_force
        assert (ids(settings), taken.version, taken.refused) == (["oxi-1", "oxi-2"], 3, None)
        assert settings.devices[1].resident == "R-7F3K"
        assert settings.devices[1].expected_every_s == 600
        assert settings.uplink == UplinkSettings(backlog_readings_per_s=50)
        assert settings.mqtt == local.mqtt
        assert settings.mqtt.password is not None
        assert settings.mqtt.password.get_secret_value() == "secret-word"


def test_what_is_left_out_is_as_the_local_file_says_not_as_before(local: GatewaySettings) -> None:
    configuration = Configuration(local)
    configuration.take(command(1, devices=[OXIMETER, SECOND], uplink={"resend_after_s": 30}))
    assert configuration.take(command(2, assignments={"oxi-1": "R-2"}))
    assert ids(configuration.in_force) == ["oxi-1"]
    assert configuration.in_force.devices[0].resident == "R-2"
    assert configuration.in_force.uplink == UplinkSettings()


def test_an_assignment_can_be_taken_back(local: GatewaySettings) -> None:
    configuration = Configuration(local)
    configuration.take(command(1, devices=[OXIMETER | {"resident": "R-1"}], assignments={"oxi-1": None}))
    assert configuration.in_force.devices[0].resident is None


@pytest.mark.parametrize(
    ("configuration", "reason", "words"),
    [
        ({"gateway": "cz-02"}, "not_remote", "gateway 不能远程更改"),
        ({"mqtt": {"host": "elsewhere"}}, "not_remote", "mqtt 不能远程更改"),
        ({"data_dir": "/tmp"}, "not_remote", "data_dir 不能远程更改"),
        ({"spool": {"max_mb": 64}, "devices": []}, "not_remote", "spool 不能远程更改"),
        ({"metrics_port": 9100}, "not_remote", "metrics_port 不能远程更改"),
        ({"devices": [OXIMETER, OXIMETER]}, "invalid", "given twice: oxi-1"),
        (
            {"devices": [OXIMETER, OXIMETER | {"id": "oxi-2", "address": "f0:0d:00:00:18:22"}]},
            "invalid",
            "listed twice: F0:0D:00:00:18:22",
        ),
        ({"devices": [OXIMETER | {"address": "not an address"}]}, "invalid", "devices.0.address"),
        ({"devices": [SECOND | {"name": ""}]}, "invalid", "devices.0.name"),
        ({"devices": [OXIMETER | {"driver": "telepathy"}]}, "invalid", "no driver is called telepathy"),
        ({"devices": [{"id": "oxi-1", "driver": "plx"}]}, "invalid", "address or advertised name"),
        ({"devices": [OXIMETER | {"colour": "red"}]}, "invalid", "devices.0.colour"),
        ({"devices": "all"}, "invalid", "devices: "),
        ({"utc_offset_minutes": 360}, "not_remote", "utc_offset_minutes 不能远程更改"),
        ({"uplink": {"resend_after_s": 0}}, "invalid", "uplink.resend_after_s: "),
        ({"assignments": {"oxi-9": "R-1"}}, "unknown_device", "no device called oxi-9"),
        ({"assignments": ["oxi-1"]}, "invalid", "residents by device"),
        ({"assignments": {"oxi-1": "13912345678"}}, "invalid", "looks like a phone"),
    ],
)
def test_a_bad_one_is_refused_whole_and_the_old_one_kept(
    local: GatewaySettings, configuration: dict[str, Any], reason: str, words: str
) -> None:
    kept = Configuration(local)
    kept.take(command(1, devices=[SECOND]))
    assert not kept.take(command(2, **configuration))
    assert kept.refused is not None
    assert (kept.refused.id, kept.refused.version, kept.refused.reason) == ("c2", 2, reason)
    assert words in kept.refused.detail
    assert "13912345678" not in kept.refused.detail
    assert (ids(kept.in_force), kept.version) == (["oxi-2"], 1)
    assert ids(Configuration(local).in_force) == ["oxi-2"]


@pytest.mark.parametrize(("version", "reason"), [(4, "older_version"), (5, "same_version")])
def test_an_older_or_equal_version_is_named_and_ignored(
    local: GatewaySettings, version: int, reason: str
) -> None:
    configuration = Configuration(local)
    configuration.take(command(5, devices=[SECOND]))
    assert not configuration.take(command(version, id_="another", devices=[]))
    assert configuration.refused is not None
    assert configuration.refused.reason == reason
    assert (ids(configuration.in_force), configuration.version) == (["oxi-2"], 5)


def test_a_refusal_is_over_when_a_later_one_is_taken(local: GatewaySettings) -> None:
    configuration = Configuration(local)
    configuration.take(command(1, gateway="cz-02"))
    assert configuration.take(command(1, devices=[]))
    assert (configuration.refused, configuration.version) == (None, 1)


def test_the_same_command_delivered_again_is_no_refusal(local: GatewaySettings) -> None:
    configuration = Configuration(local)
    assert configuration.take(command(5, devices=[SECOND]))
    again = Configuration(local)
    assert again.take(command(5, devices=[SECOND]))
    assert again.refused is None


def test_a_kept_one_that_no_longer_fits_leaves_the_local_file_in_force(local: GatewaySettings) -> None:
    Configuration(local).take(command(5, assignments={"oxi-1": "R-1"}))
    renamed = local.model_copy(update={"devices": (DeviceSettings.model_validate(SECOND),)})
    configuration = Configuration(renamed)
    assert (ids(configuration.in_force), configuration.version) == (["oxi-2"], None)
    assert configuration.refused is not None
    assert (configuration.refused.version, configuration.refused.reason) == (5, "unknown_device")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"version": 1}', b"\xff\xfe"])
def test_a_spoilt_file_leaves_the_local_file_in_force(local: GatewaySettings, content: bytes) -> None:
    Configuration(local).path.write_bytes(content)
    configuration = Configuration(local)
    assert (configuration.in_force, configuration.version) == (local, None)
    assert configuration.take(command(1, devices=[]))
    assert Configuration(local).version == 1


def test_cut_off_while_writing_the_old_one_stands(
    local: GatewaySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    Configuration(local).take(command(1, devices=[SECOND]))

    def no_space(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", no_space)
        configuration = Configuration(local)
        with pytest.raises(SpoolUnavailable, match="No space left"):
            configuration.take(command(2, devices=[]))
        assert configuration.version == 1
    assert ids(Configuration(local).in_force) == ["oxi-2"]
    assert json.loads(Configuration(local).path.read_bytes())["version"] == 1
