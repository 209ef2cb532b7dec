"""Hostile messages, generated: what is wrong with each is known from how it was made, not from the code under test."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from support.messages import T0_MS, envelope

_TEXTS = [
    "a,b",
    "a b",
    "a\nb",
    'a"b',
    "a\\",
    "😷",
    "王",
    "",
    "x" * 65,
    "\x00",
    "a=b",
    "#",
    "%0A",
    "' OR 1=1 --",
]
_NO_NUMBER: list[Any] = ["97", None, [], {}, [97], {"v": 97}, "", "NaN", True]
_NO_INTEGER = [*_NO_NUMBER, 1.5, -1, 10**30, -(10**400)]

BAD_FIELDS: dict[str, list[Any]] = {
    "seq": [*_NO_INTEGER, 0, 2**53],
    "t": [*_NO_INTEGER, 253_402_300_800_000],
    "clock": [*_TEXTS, 5, None, "Trusted"],
    "device": [*_TEXTS, 5, None, "-x", "名"],
    "resident": [*_TEXTS, 5, [], "13912345678", "11010519491231002X", "r 1"],
    "kind": [*_TEXTS, 5, None, "aura", "Oximetry", {}],
    "mode": [*_TEXTS, 5, None],
    "spo2_pct": [*_NO_NUMBER, -1, 101, 1e308, 10**400],
    "pulse_bpm": ["72", [], {}, -1, 401, True],
    "quality": ["poor_signal", 5, ["a b"], ["A"], ["x,y"], ["é"], ["a"] * 17, [None]],
    "corrects": [5, "x", [], {"seq": 1}, {"stream": "x", "seq": 1}],
}
"""Of a continuous oximetry reading: values that version 1 of the contract does not have."""

BAD_HEADERS: dict[str, list[Any]] = {
    "v": [2, 0, "1", None, 1.5, True, {}],
    "gateway": [*_TEXTS, None, 5, "Clinic-01", "clinic-02"],
    "stream": [*_TEXTS, None, 5, "11111111-2222-3333-4444-55555555555X"],
    "sent": _NO_INTEGER,
    "clock": [*_TEXTS, None, 5],
    "readings": [None, 5, "x", {}, []],
}

_GARBAGE = [
    b"",
    b"\xff\xfe\x00",
    b'{"v": 1, "gateway": ',
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b"null",
    b"[]",
    b'"\xed\xa0\x80"',
    b" " * (10 << 20),
    b'{"v": 1, "readings": [' + b"[[]]," * 200_000 + b"0]}",
]

_text = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30) | st.sampled_from(
    [text for text in _TEXTS if 0 < len(text) <= 64]
)


@dataclass
class Hostile:
    """One message, and what must become of it."""

    payload: bytes
    good: list[dict[str, Any]] = field(default_factory=list)
    """Readings of it that must be stored."""
    bad: list[int | None] = field(default_factory=list)
    """The numbers that must be set aside; None for what has no readable number."""


_numbers = itertools.count(1)


def good_reading(draw: st.DrawFn | None = None) -> dict[str, Any]:
    """A reading that must be stored as it is; with hostile text where the contract takes any text."""
    seq = next(_numbers)
    about = {"seq": seq, "t": T0_MS + seq, "clock": "trusted", "device": "plx-1", "resident": f"r-{seq % 7}x"}
    if draw is None or draw(st.booleans()):
        return {**about, "kind": "oximetry", "mode": "continuous", "spo2_pct": seq % 1000 / 10}
    if draw(st.booleans()):
        return {**about, "kind": "temperature", "temperature_c": seq % 600 / 10, "site": draw(_text)}
    stock = draw(st.dictionaries(_text, st.floats(0, 10_000), min_size=1, max_size=3))
    return {**about, "kind": "site_status", "stock_days": stock}


@st.composite
def hostile(draw: st.DrawFn) -> Hostile:
    """One hostile message."""
    how = draw(st.sampled_from(["fields", "fields", "fields", "header", "garbage", "bytes", "nan", "cut"]))
    if how == "garbage":
        return Hostile(draw(st.sampled_from(_GARBAGE)), bad=[None])
    if how == "bytes":
        return Hostile(draw(st.binary(max_size=60)), bad=[None])
    if how == "header":
        name = draw(st.sampled_from(sorted(BAD_HEADERS)))
        value = draw(st.sampled_from(BAD_HEADERS[name]))
        document = {**json.loads(envelope([good_reading()])), name: value}
        return Hostile(json.dumps(document, ensure_ascii=False).encode(), bad=[None])
    if how == "nan":  # Not JSON, whatever else is in it.
        number = draw(st.sampled_from([float("nan"), float("inf"), float("-inf")]))
        return Hostile(envelope([good_reading() | {"spo2_pct": number}]), bad=[None])
    if how == "cut":
        whole = envelope([good_reading(), good_reading()])
        return Hostile(whole[: draw(st.integers(0, 10**6)) % len(whole)], bad=[None])
    return _with_bad_readings(draw)


def _with_bad_readings(draw: st.DrawFn) -> Hostile:
    made = Hostile(b"")
    readings = []
    for _ in range(draw(st.integers(1, 4))):
        if draw(st.booleans()):
            made.good.append(good_reading(draw))
            readings.append(made.good[-1])
        name = draw(st.sampled_from(sorted(BAD_FIELDS)))
        seq = next(_numbers)
        bad: Any = {
            "seq": seq,
            "t": T0_MS,
            "clock": "trusted",
            "device": "plx-1",
            "kind": "oximetry",
            "mode": "continuous",
            "spo2_pct": 97.0,
            name: draw(st.sampled_from(BAD_FIELDS[name])),
        }
        made.bad.append(None if name == "seq" else seq)
        if draw(st.integers(0, 9)) == 0:
            bad, made.bad[-1] = draw(st.sampled_from([None, 5, "x", [], [{}]])), None
        readings.append(bad)
    made.payload = envelope(readings)
    return made
