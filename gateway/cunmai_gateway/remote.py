"""What a server may change of a gateway's settings, and whether a configuration may be taken. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue, ValidationError

from cunmai_gateway.settings import GatewaySettings
from cunmai_wire.parsing import explain

REMOTE_KEYS = ("devices", "assignments", "uplink")
"""`assignments`: resident (or null) by device id, over the devices. All else is the kiosk's own file's."""
_MOST_CHARS = 300


class ConfigurationFault(ValueError):
    """Why a configuration is not taken: a named reason, and a sentence without the values of it."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail[:_MOST_CHARS]


def check_version(version: int, in_force: int | None) -> None:
    """Only a later one is taken. Raises ConfigurationFault."""
    if in_force is None or version > in_force:
        return
    reason = "same_version" if version == in_force else "older_version"
    raise ConfigurationFault(
        reason,
        f"当前版本为 {in_force}, 新配置的版本须更大 / version {in_force} is in force: send a higher one",
    )


def merged(local: GatewaySettings, configuration: Mapping[str, JsonValue]) -> GatewaySettings:
    """The local file's settings with the server's over them: what it leaves out is as the file says.

    Raises ConfigurationFault: `not_remote`, `unknown_device`, `invalid`.
    """
    strange = sorted(configuration.keys() - set(REMOTE_KEYS))
    if strange:
        names, may = ", ".join(strange)[:100], ", ".join(REMOTE_KEYS)
        raise ConfigurationFault(
            "not_remote",
            f"{names} 不能远程更改, 可以: {may} / {names} cannot be changed from afar; {may} can",
        )
    values = local.model_dump() | {key: configuration[key] for key in configuration if key != "assignments"}
    try:
        settings = GatewaySettings.model_validate(values)
        return _assigned(settings, configuration.get("assignments", {}))
    except ValidationError as error:
        raise ConfigurationFault("invalid", explain(error)) from None


def _assigned(settings: GatewaySettings, assignments: JsonValue) -> GatewaySettings:
    if not isinstance(assignments, dict):
        raise ConfigurationFault(
            "invalid", "assignments 应为 设备: 居民 的对照 / assignments: should be residents by device"
        )
    known = {device.id for device in settings.devices}
    strange = sorted(assignments.keys() - known)
    if strange:
        names = ", ".join(strange)[:100]
        raise ConfigurationFault(
            "unknown_device", f"没有设备 {names} / assignments: there is no device called {names}"
        )
    devices = [
        device.model_dump() | ({"resident": assignments[device.id]} if device.id in assignments else {})
        for device in settings.devices
    ]
    return GatewaySettings.model_validate(settings.model_dump() | {"devices": devices})
