"""Beurer BM85 and its kin (BM59, Elite 900): service 1810 and characteristic 2A35, but not as the service says.

The user byte is always sent, though flag 3 is clear, and pulse and status are big-endian. The strict decoder
of 2A35 refuses such a frame for its left-over byte; this one is for devices that are known to do so.
"""

from __future__ import annotations

from cunmai_gateway.decoders.blood_pressure import BloodPressureMeasurement
from cunmai_gateway.decoders.cursor import Cursor, Malformed
from cunmai_gateway.decoders.format import FrameType
from cunmai_gateway.decoders.sfloat import sfloat
from cunmai_gateway.interpret.blood_pressure import interpret_blood_pressure

_TIME_PULSE_STATUS, _USER = 0x16, 0x08


def decode(frame: bytes) -> BloodPressureMeasurement:
    """Decode a 2A35 indication of such a device. Raises Malformed."""
    cursor = Cursor(frame)
    flags = cursor.unsigned(1, "flags")
    if flags & _TIME_PULSE_STATUS != _TIME_PULSE_STATUS or flags & _USER:
        raise Malformed(f"flags: {flags:#04x} is not what these devices send (time, pulse, status, no user)")
    systolic = cursor.sfloat("systolic")
    diastolic = cursor.sfloat("diastolic")
    mean = cursor.sfloat("mean arterial pressure")
    timestamp = cursor.device_time("timestamp")
    pulse = sfloat(cursor.unsigned_big(2, "pulse rate"))
    user = cursor.unsigned(1, "user")
    status = cursor.unsigned_big(2, "measurement status")
    cursor.end()
    unit = "kPa" if flags & 0x01 else "mmHg"
    return BloodPressureMeasurement(flags, unit, systolic, diastolic, mean, timestamp, pulse, user, status)


FORMATS = (
    FrameType("2A35-BEURER-BM85", "Beurer blood pressure measurement", decode, interpret_blood_pressure),
)
