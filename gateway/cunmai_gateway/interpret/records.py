"""The name of one measurement within its device, so that a record fetched twice is one reading."""

from __future__ import annotations

from cunmai_gateway.decoders.cursor import DeviceTime


def record_name(time: DeviceTime | None, *values: object) -> str | None:
    """A name made of the device's time and the values; None where the device does not know the day.

    The values are in it because a clock that fell back shows the same time twice. Status bits are not:
    a device may set "from storage" when it sends a record again. Without a day there is no name, as
    equal values would make two measurements one.
    """
    if time is None or not time.known:
        return None
    return f"{time}:" + ":".join(str(value) for value in values)
