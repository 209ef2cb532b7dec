"""The whole examination, in the order in which a person would mend things."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from cunmai_gateway.clocktrust import NOT_BEFORE_MS, read_clock_trust
from cunmai_gateway.configuration import Configuration
from cunmai_gateway.doctor.bluetooth import check_bluetooth
from cunmai_gateway.doctor.broker import check_broker
from cunmai_gateway.doctor.disk import check_disk
from cunmai_gateway.doctor.finding import Finding
from cunmai_gateway.doctor.page import check_page
from cunmai_gateway.settings import GatewaySettings
from cunmai_runtime.clock import Clock, system_clock
from cunmai_runtime.errors import UserError
from cunmai_runtime.yamlfile import load_model
from cunmai_wire.base import ClockTrust


def examine(config: Path) -> Iterator[Finding]:
    """Every finding as it is made. A configuration that cannot be read ends the examination."""
    try:
        local = load_model(config, GatewaySettings)
    except UserError as error:
        yield Finding(
            "configuration", f"配置文件有误:\n{error}", "the configuration file is wrong",
            f"请改正 {config}", f"mend {config}",
        )  # fmt: skip
        return
    configuration = Configuration(local)
    yield check_configuration(configuration)
    settings = configuration.in_force
    yield check_clock()
    yield from check_disk(settings)
    yield from check_bluetooth()
    yield from check_page(settings.kiosk)
    yield from check_broker(settings)


def check_configuration(configuration: Configuration) -> Finding:
    """Whether what the server sent still fits the local file."""
    if configuration.refused is not None:
        return Finding(
            "configuration",
            f"县里下发的配置 (版本 {configuration.refused.version}) 未生效: {configuration.refused.detail}",
            f"the server's configuration (version {configuration.refused.version}) is not in force",
            "本机文件生效; 请县里重新下发配置",
            "the local file is in force; ask the county to send its configuration again",
        )
    devices = len(configuration.in_force.devices)
    source_zh, source_en = ("本机文件", "local file")
    if configuration.version is not None:
        source_zh, source_en = (
            f"县里下发, 版本 {configuration.version}",
            f"sent, version {configuration.version}",
        )
    return Finding(
        "configuration",
        f"配置正确 ({source_zh}), {devices} 台设备",
        f"configuration is right ({source_en}), {devices} devices",
    )


def check_clock(
    clock: Clock = system_clock, read_trust: Callable[[], ClockTrust] = read_clock_trust
) -> Finding:
    """Whether readings will be dated rightly."""
    now_ms, trust = clock(), read_trust()
    shown = f"{datetime.fromtimestamp(now_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"
    todo = (
        "执行: sudo timedatectl set-ntp true, 并确认能访问时间服务器; 此前的测量值会注明时间不可信",
        "run: sudo timedatectl set-ntp true, with a time server in reach; until then readings are not dated surely",
    )
    if now_ms < NOT_BEFORE_MS:
        return Finding("clock", f"时钟错误: {shown}", f"the clock is wrong: {shown}", *todo)
    if trust is ClockTrust.TRUSTED:
        return Finding("clock", f"时钟已同步: {shown}", f"the clock is synchronised: {shown}")
    return Finding("clock", f"时钟未同步: {shown}", f"the clock is not synchronised: {shown}", *todo)
