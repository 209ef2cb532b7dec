"""The configuration in force: the kiosk's own file, and over it what the server has sent, kept on disk."""

from __future__ import annotations

import json
from pathlib import Path

import structlog
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from cunmai_gateway.remote import ConfigurationFault, check_version, merged
from cunmai_gateway.settings import GatewaySettings
from cunmai_gateway.spool_thread import SpoolUnavailable
from cunmai_runtime.wholefile import write_whole
from cunmai_wire.commands import Configure
from cunmai_wire.state import ConfigurationRefused

MAX_BYTES = 1 << 20


class Kept(BaseModel):
    """The file: the newest configuration that was taken, and by which command."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int
    id: str
    configuration: dict[str, JsonValue]


class Configuration:
    """Read once at the start; changed by `take`."""

    def __init__(self, local: GatewaySettings) -> None:
        """Raises nothing: where the kept configuration no longer fits, the local file alone is in force."""
        self._local = local
        self.path = configuration_path(local)
        self.in_force = local
        self.refused: ConfigurationRefused | None = None
        self._kept: Kept | None = None
        self._log = structlog.get_logger("configuration")
        try:
            self._kept = read_kept(self.path)
            if self._kept is not None:
                self.in_force = merged(local, self._kept.configuration)
        except ConfigurationFault as fault:
            self._log.error("configuration.not_in_force", why=fault.detail, file=str(self.path))
            self.refused = _refused(
                self._kept.id if self._kept is not None else "unreadable",
                self._kept.version if self._kept is not None else 0,
                fault,
            )
            self._kept = None

    @property
    def version(self) -> int | None:
        """Of the server's configuration; None while the local file alone is in force."""
        return self._kept.version if self._kept is not None else None

    def take(self, command: Configure) -> bool:
        """Take a configuration whole, or refuse it whole (`refused` says why). Whether it was taken.

        Taken means on the disk. Raises SpoolUnavailable where the disk does not take it now.
        """
        if self._kept is not None and command.id == self._kept.id:
            return True  # taken before a crash, and delivered again
        try:
            check_version(command.version, self.version)
            settings = merged(self._local, command.configuration)
        except ConfigurationFault as fault:
            self.refused = _refused(command.id, command.version, fault)
            self._log.error(
                "configuration.refused", version=command.version, reason=fault.reason, why=fault.detail
            )
            return False
        kept = Kept(version=command.version, id=command.id, configuration=command.configuration)
        try:
            write_whole(self.path, kept.model_dump_json(indent=2).encode())
        except OSError as error:
            raise SpoolUnavailable(
                f"配置写不到磁盘 / the configuration cannot be written to the disk: {error.strerror}"
            ) from error
        self._kept, self.in_force, self.refused = kept, settings, None
        self._log.info("configuration.taken", version=command.version, devices=len(settings.devices))
        return True


def configuration_path(local: GatewaySettings) -> Path:
    """Where the server's configuration is kept."""
    return local.data_dir / "configuration.json"


def read_kept(path: Path) -> Kept | None:
    """The kept configuration; None where there is none. Raises ConfigurationFault."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigurationFault("invalid", f"larger than {MAX_BYTES} bytes")
        return Kept.model_validate(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, ValidationError) as error:
        raise ConfigurationFault(
            "invalid", f"配置文件读不出 / cannot be read: {type(error).__name__}"
        ) from None


def _refused(id_: str, version: int, fault: ConfigurationFault) -> ConfigurationRefused:
    return ConfigurationRefused(id=id_, version=version, reason=fault.reason, detail=fault.detail)
