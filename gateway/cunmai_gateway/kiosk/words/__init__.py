"""Every sentence of the kiosk's pages, Chinese and English side by side. Codes are the snapshot's."""

from __future__ import annotations

from cunmai_gateway.kiosk.words.answers import ANSWERS, REFUSALS
from cunmai_gateway.kiosk.words.kinds import KINDS, UNITS
from cunmai_gateway.kiosk.words.observe import CHOICES, OBSERVE
from cunmai_gateway.kiosk.words.page import PAGE
from cunmai_gateway.kiosk.words.pair import Lang, Pair, say
from cunmai_gateway.kiosk.words.visit import ADVICE, ADVICE_MARKS, DELIVERY, ENDED, HINTS, NEXT

__all__ = [
    "ADVICE",
    "ADVICE_MARKS",
    "ANSWERS",
    "CHOICES",
    "DELIVERY",
    "ENDED",
    "HINTS",
    "KINDS",
    "NEXT",
    "OBSERVE",
    "PAGE",
    "REFUSALS",
    "UNITS",
    "Lang",
    "Pair",
    "say",
]
