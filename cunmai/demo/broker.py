"""The demo's broker: mosquitto on a port of its own where it is installed, else amqtt in this process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import socket
from collections.abc import AsyncIterator
from enum import StrEnum
from pathlib import Path

from cunmai_runtime.errors import UserError
from cunmai_runtime.mqtt import MqttSettings, Protocol

START_S = 10.0

# The settings that matter of deploy/mosquitto/cunmai.conf; the reasons stand there.
_MOSQUITTO = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {folder}/
autosave_interval 1
max_queued_messages 100000
max_queued_bytes 268435456
max_inflight_messages 1000
max_packet_size 1100000
log_dest file {folder}/mosquitto.log
# Looked at only when root runs the demo: otherwise it would change to a user that may not write here.
user root
"""


class Choice(StrEnum):
    """Which broker to use."""

    AUTO = "auto"
    MOSQUITTO = "mosquitto"
    AMQTT = "amqtt"


@contextlib.asynccontextmanager
async def running_broker(choice: Choice, folder: Path) -> AsyncIterator[tuple[str, MqttSettings]]:
    """A broker's name and how to reach it, for as long as the block lasts. Raises UserError."""
    path = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if choice is Choice.MOSQUITTO and path is None:
        raise UserError(
            "没有找到 mosquitto, 请安装或改用 amqtt / mosquitto is not installed: install it or use amqtt"
        )
    if path is None or choice is Choice.AMQTT:
        async with _amqtt() as settings:
            yield "amqtt", settings
    else:
        async with _mosquitto(path, folder) as settings:
            yield "mosquitto", settings


@contextlib.asynccontextmanager
async def _mosquitto(program: str, folder: Path) -> AsyncIterator[MqttSettings]:
    port = free_port()
    config = _write_config(folder, port)
    process = await asyncio.create_subprocess_exec(
        program,
        "-c",
        str(config),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        # A terminal's Ctrl-C goes to its whole group: the broker is still needed for what is on its way.
        start_new_session=True,
    )
    try:
        await _listening(port, process)
        yield MqttSettings(port=port)
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


def _write_config(folder: Path, port: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "mosquitto.conf"
    config.write_text(_MOSQUITTO.format(port=port, folder=folder))
    return config


async def _listening(port: int, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(START_S):
        while process.returncode is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            await writer.wait_closed()
            return
    raise UserError("mosquitto 没有启动 / mosquitto did not start")


@contextlib.asynccontextmanager
async def _amqtt() -> AsyncIterator[MqttSettings]:
    from amqtt.broker import Broker  # noqa: PLC0415 - loaded only where it is used: it is slow to import

    # What it logs of itself is no news to the person who watches, and its tasks fail when clients hang up.
    for name in ("amqtt", "transitions", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    port = free_port()
    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        }
    )
    await broker.start()
    try:
        yield MqttSettings(port=port, protocol=Protocol.V311)
    finally:
        await broker.shutdown()


def free_port(preferred: int = 0) -> int:
    """The preferred port of loopback where it is free, else another one."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", preferred))
        except OSError:
            return free_port()
        port: int = probe.getsockname()[1]
        return port
