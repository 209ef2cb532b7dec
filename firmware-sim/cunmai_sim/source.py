"""What is played: a recording or a scenario, once or again and again. Pure but for reading the file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cunmai_sim.errors import SimError
from cunmai_sim.replay import Recording, read_recording
from cunmai_sim.replay_columns import parse_map
from cunmai_sim.scenario import SCENARIOS, Sample, endless


@dataclass(frozen=True, slots=True)
class Source:
    """Samples to play. `count` and `skipped_rows` are of one round."""

    told: str
    make: Callable[[], Iterable[Sample]]
    count: int
    skipped_rows: int = 0

    def samples(self, *, loop: bool) -> Iterator[Sample]:
        return endless(self.make) if loop else iter(self.make())


def recorded(file: Path, column_map: str | None) -> tuple[Source, Recording]:
    """A recording as a source. Raises SimError."""
    recording = read_recording(file, parse_map(column_map) if column_map else None)
    told = f"{recording.path.name} ({recording.columns.told})"
    return Source(told, lambda: recording.samples, len(recording.samples), len(recording.skipped)), recording


def scripted(name: str, seed: int) -> Source:
    """A scenario as a source. Raises SimError."""
    scenario = SCENARIOS.get(name)
    if scenario is None:
        known = ", ".join(SCENARIOS)
        raise SimError(f"没有名为 {name} 的场景, 可用: {known}", f"no scenario {name}; there are {known}")
    return Source(scenario.name, lambda: scenario.make(seed), sum(1 for _ in scenario.make(seed)))
