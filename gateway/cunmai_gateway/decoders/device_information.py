"""Device Information Service (DIS 1.1) and Battery Service (BAS 1.0)."""

from __future__ import annotations

from dataclasses import dataclass

from cunmai_gateway.decoders.cursor import Cursor, Malformed


@dataclass(frozen=True, slots=True)
class DeviceText:
    """2A24 model, 2A25 serial, 2A26 firmware, 2A27 hardware, 2A28 software, 2A29 manufacturer."""

    text: str


@dataclass(frozen=True, slots=True)
class SystemId:
    """2A23: organisation and device, as the maker numbered them."""

    manufacturer: int
    organisation: int


@dataclass(frozen=True, slots=True)
class PnpId:
    """2A50. `vendor_source`: 1 Bluetooth SIG, 2 USB Implementers Forum."""

    vendor_source: int
    vendor: int
    product: int
    version: int


@dataclass(frozen=True, slots=True)
class BatteryLevel:
    """2A19."""

    battery_pct: int


def decode_text(frame: bytes) -> DeviceText:
    """Decode a text value: UTF-8, often padded with NUL or blanks. Raises Malformed."""
    try:
        text = frame.decode().rstrip("\0 \r\n")
    except UnicodeDecodeError as error:
        raise Malformed(f"text: not UTF-8 at byte {error.start}") from None
    if not text.isprintable():
        raise Malformed("text: has characters that cannot be shown")
    return DeviceText(text)


def decode_system_id(frame: bytes) -> SystemId:
    """Decode a 2A23 value. Raises Malformed."""
    cursor = Cursor(frame)
    manufacturer = cursor.unsigned(5, "manufacturer's identifier")
    organisation = cursor.unsigned(3, "organisation")
    cursor.end()
    return SystemId(manufacturer, organisation)


def decode_pnp_id(frame: bytes) -> PnpId:
    """Decode a 2A50 value. Raises Malformed."""
    cursor = Cursor(frame)
    source = cursor.unsigned(1, "vendor source")
    vendor, product, version = (cursor.unsigned(2, name) for name in ("vendor", "product", "version"))
    cursor.end()
    if source not in (1, 2):
        raise Malformed(f"vendor source: {source} is reserved")
    return PnpId(source, vendor, product, version)


def decode_battery(frame: bytes) -> BatteryLevel:
    """Decode a 2A19 value. Raises Malformed."""
    cursor = Cursor(frame)
    level = cursor.unsigned(1, "battery level")
    cursor.end()
    if level > 100:
        raise Malformed(f"battery level: {level} percent")
    return BatteryLevel(level)
