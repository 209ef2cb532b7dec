"""Encoders for oximeters that do not speak the Pulse Oximeter Service: their frames as published. Pure.

They share nothing with the gateway's decoders, so that each checks the other.
"""

from __future__ import annotations

from cunmai_sim.scenario import Sample

NO_PULSE_FF = 0xFF
NO_SPO2 = 127

YUWELL_SERVICE, YUWELL_NOTIFY = "FFE0", "FFE4"
CONTEC_SERVICE, CONTEC_WRITE, CONTEC_NOTIFY = "FF12", "FF01", "FF02"
BERRY_SERVICE = "49535343-FE7D-4AE5-8FA9-9FAFD205E455"
BERRY_NOTIFY = "49535343-1E4D-4BD9-BA61-23C647249616"
PC60_SERVICE = "6E400001-B5A3-F393-E0A9-E50E24DCCA9E"
PC60_WRITE = "6E400002-B5A3-F393-E0A9-E50E24DCCA9E"
PC60_NOTIFY = "6E400003-B5A3-F393-E0A9-E50E24DCCA9E"

CONTEC_START = bytes.fromhex("9b011c")
CONTEC_KEEPALIVE = bytes.fromhex("9a1a")
CONTEC_STOP = bytes.fromhex("9b7f1a")


def yuwell_frame(sample: Sample, *, sum_with_header: bool = True) -> bytes:
    """FE 0A 55, pulse u16, SpO2, perfusion u16 in 1/1000 %, counter, sum.

    Yuwell counts the FE into the sum, other makers of the same board do not. Pulse 511 and SpO2 127: none.
    """
    pulse = 511 if sample.pulse_bpm is None else round(sample.pulse_bpm)
    perfusion = round((sample.perfusion_index_pct or 0) * 1000)
    body = (
        bytes.fromhex("fe0a55")
        + pulse.to_bytes(2, "big")
        + bytes([_spo2(sample)])
        + perfusion.to_bytes(2, "big")
        + bytes([int(sample.at_s) & 0xFF])
    )
    return body + bytes([sum(body if sum_with_header else body[1:]) & 0xFF])


def yuwell_wave(height: int) -> bytes:
    """FE 08 56, one point of the wave, two bytes as captured, counter, sum without the FE."""
    body = bytes([0xFE, 0x08, 0x56, height & 0x7F, 0x00, 0x05, 0x22])
    return body + bytes([sum(body[1:]) & 0xFF])


def contec_frame(sample: Sample) -> bytes:
    """EB 01 05, pulse, SpO2, 7F 00, seven bits of sum."""
    pulse = NO_PULSE_FF if sample.pulse_bpm is None else round(sample.pulse_bpm)
    body = bytes([0xEB, 0x01, 0x05, pulse, _spo2(sample), 0x7F, 0x00])
    return body + bytes([sum(body) & 0x7F])


def berry_bci_frame(sample: Sample, *, wave: int = 40) -> bytes:
    """Five bytes, bit 7 only in the first: signal, wave, bar and flags, pulse, SpO2 (255 and 127: none)."""
    pulse = NO_PULSE_FF if sample.pulse_bpm is None else round(sample.pulse_bpm)
    flags = (wave >> 3) & 0x0F | (pulse >> 7) << 6 | (0 if sample.finger else 1 << 4)
    return bytes([0x80 | 0x06, wave & 0x7F, flags, pulse & 0x7F, _spo2(sample)])


def pc60_frame(sample: Sample, *, battery: int = 3) -> bytes:
    """AA 55 0F 08 01, SpO2, pulse u16 little-endian, perfusion in 1/10 %, status, battery, CRC-8/MAXIM."""
    body = (
        bytes.fromhex("aa550f0801")
        + bytes([0 if sample.spo2_pct is None else round(sample.spo2_pct)])
        + round(sample.pulse_bpm or 0).to_bytes(2, "little")
        + bytes([round((sample.perfusion_index_pct or 0) * 10), 0 if sample.finger else 2, battery << 6])
    )
    return body + bytes([crc8_maxim(body)])


def pc60_wave() -> bytes:
    """AA 55 0F 07 02 and five flat points, as captured."""
    body = bytes.fromhex("aa550f07020000000000")
    return body + bytes([crc8_maxim(body)])


def crc8_maxim(data: bytes) -> int:
    """CRC-8/MAXIM-DOW: polynomial 0x31 reflected, initial value 0. Check value of `123456789` is 0xA1."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8C if crc & 1 else 0)
    return crc


def _spo2(sample: Sample) -> int:
    return NO_SPO2 if sample.spo2_pct is None else round(sample.spo2_pct)
