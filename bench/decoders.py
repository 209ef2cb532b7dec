"""What decoding costs: microseconds of CPU per frame, for each format, beside a bare `struct.unpack`.

    ./dev run python bench/decoders.py                 # every format, 0.2 s of CPU each
    ./dev run python bench/decoders.py --cpu-s 1 2A5F PC60-NUS

The baseline unpacks the same bytes into as many little-endian integers as fit and makes nothing of them: the
least that Python can do with a frame. "decode" is the strict decoder, "meaning" its record to the contract's
values, "listener" both, with the cutting of a stream where the format has one. The goal is a decoder under 10 us.
"""

from __future__ import annotations

import argparse
import json
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cunmai_gateway.decoders.format import FrameType
from cunmai_gateway.decoders.registry import FRAME_TYPES
from cunmai_gateway.interpret.listener import Listener

GOAL_US = 10.0
_FORMATS = Path(__file__).resolve().parent.parent / "tests" / "vectors" / "formats.json"
_PLX = {
    "SFLOAT": "7200",
    "2A5E": "0facf3bef5e8070b1d170839204022000066e3",
    "2A5F": "1fdef3caf3caf35af5d4f3b2f220010000007ae3",
    "2A60": "a3004010800100",
    "FE-FFE4-PARAM": "fe0a55004f6314bf391d",
    "FE-FFE4-WAVE": "fe08561f000522a4",
    "VIATOM-OXY-REQ": "aa17e8000000001b",
    "OXYII-REQ": "a5e11e00020000bf",
}
"""Published frames of the formats that tests/vectors/formats.json leaves to the recorded data."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Microseconds of CPU per frame; the medians of five runs."""

    name: str
    size: int
    unpack_us: float
    decode_us: float
    meaning_us: float | None
    listener_us: float


def frames() -> dict[str, bytes]:
    """The longest good frame of every format: the dearest one."""
    found = {name: bytes.fromhex(text) for name, text in _PLX.items()}
    for vector in json.loads(_FORMATS.read_text()):
        name, frame = vector["characteristic"], bytes.fromhex(vector["hex"])
        if not vector["expected"].get("error") and len(frame) >= len(found.get(name, b"")):
            found[name] = frame
    return found


def cpu_us(work: Callable[[], object], budget_s: float) -> float:
    """CPU microseconds of one call of `work`: the median of five runs within the budget."""
    count = 16
    while (spent := _run(work, count)) < budget_s / 50:
        count *= 2
    runs = max(5, int(budget_s / spent / 5) * 5)
    return sorted(_run(work, count) for _ in range(min(runs, 15)))[2] / count * 1e6


def _run(work: Callable[[], object], count: int) -> float:
    begun = time.process_time()
    for _ in range(count):
        work()
    return time.process_time() - begun


def measure(frame_type: FrameType, frame: bytes, budget_s: float) -> Cost:
    """All costs of one format."""
    integers = struct.Struct(f"<{len(frame) // 2}H{len(frame) % 2}B")
    record = frame_type.decode(frame)
    interpret, listener = frame_type.interpret, Listener(frame_type, "BO-YX110")
    return Cost(
        frame_type.name,
        len(frame),
        cpu_us(lambda: integers.unpack(frame), budget_s),
        cpu_us(lambda: frame_type.decode(frame), budget_s),
        None if interpret is None else cpu_us(lambda: interpret(record), budget_s),
        cpu_us(lambda: listener.feed(frame), budget_s),
    )


def table(costs: list[Cost]) -> str:
    """As text, the dearest decoder first."""
    heads = f"{'unpack':>8} {'decode':>8} {'ratio':>6} {'meaning':>8} {'listener':>9}"
    lines = [f"{'format':18} {'bytes':>5} {heads}  (CPU us per frame)"]
    for cost in sorted(costs, key=lambda cost: -cost.decode_us):
        meaning = "" if cost.meaning_us is None else f"{cost.meaning_us:.2f}"
        lines.append(
            f"{cost.name:18} {cost.size:5} {cost.unpack_us:8.3f} {cost.decode_us:8.2f} "
            f"{cost.decode_us / cost.unpack_us:6.0f} {meaning:>8} {cost.listener_us:9.2f}"
        )
    over = [cost.name for cost in costs if cost.decode_us >= GOAL_US]
    under = f"{len(costs) - len(over)} of {len(costs)} decoders under {GOAL_US:g} us"
    return "\n".join([*lines, f"{under}; over: {', '.join(over) or 'none'}"])


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="CPU cost of the decoders")
    parser.add_argument("formats", nargs="*", help="all when left out")
    parser.add_argument("--cpu-s", type=float, default=0.2, help="CPU seconds for each figure, about")
    chosen = parser.parse_args(arguments)
    samples = frames()
    costs = [
        measure(FRAME_TYPES[name], samples[name], chosen.cpu_s / 4) for name in chosen.formats or FRAME_TYPES
    ]
    print(table(costs))


if __name__ == "__main__":
    main()
