"""How many segments a text is sent and billed in (3GPP TS 23.038 and 23.040). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

_GSM7 = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM7_TWICE = set("^{}\\[~]|€\f")
"""These take two places each."""


@dataclass(frozen=True, slots=True)
class Segments:
    """What a text takes: its alphabet, its length in that alphabet's units, and the segments."""

    alphabet: str
    units: int
    segments: int


def segments(text: str) -> Segments:
    """160 or 153 units of GSM-7, 70 or 67 of UCS-2: the smaller figures where there are several segments."""
    if all(char in _GSM7 or char in _GSM7_TWICE for char in text):
        units = sum(2 if char in _GSM7_TWICE else 1 for char in text)
        return Segments("GSM-7", units, 1 if units <= 160 else ceil(units / 153))
    units = len(text.encode("utf-16-be")) // 2
    return Segments("UCS-2", units, 1 if units <= 70 else ceil(units / 67))
