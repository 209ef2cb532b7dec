"""How many messages a person gets for what they are asked about: by itself, or in a summary. Pure.

It asks `escalation.folding` as the service does. Left out is what depends on people and carriers: quiet hours, messages
that fail, and those that nobody is owed any more because somebody has answered while they waited.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from cunmai_rules.escalation.folding import Folding, Hold, Owed, Together, Told, Weight, decide


@dataclass(frozen=True, slots=True)
class Asked:
    """One message that somebody is owed."""

    at_ms: int
    team: str
    """Whom it is counted for: contacts, nearest first."""
    site: str
    weight: Weight

    @property
    def person(self) -> str:
        """Who is asked first, and, as every message is answered, alone."""
        return self.team.partition(" > ")[0]


@dataclass(frozen=True, slots=True)
class Sent:
    """One message that goes out: by itself, or a summary."""

    at_ms: int
    team: str


def sent(asked: Iterable[Asked], folding: Folding) -> Iterator[Sent]:
    """What goes out, person by person. Without folding, everything by itself."""
    by_person: dict[str, list[Asked]] = defaultdict(list)
    for one in asked:
        by_person[one.person].append(one)
    for those in by_person.values():
        those.sort(key=lambda one: one.at_ms)
        if folding.looks_back_s:
            yield from _Person(folding).take(those)
        else:
            yield from (Sent(one.at_ms, one.team) for one in those)


@dataclass
class _Person:
    folding: Folding
    _waiting: dict[str, tuple[Owed, int, str]] = field(default_factory=dict)
    """By id: what waits, until when, and for which team."""
    _told: deque[Told] = field(default_factory=deque)

    def take(self, asked: Iterable[Asked]) -> Iterator[Sent]:
        for number, one in enumerate(asked):
            yield from self._due(one.at_ms)
            yield from self._look(Owed(str(number), one.site, one.weight, one.at_ms), one.team, one.at_ms)
        while self._waiting:
            yield from self._due(min(until_ms for _, until_ms, _ in self._waiting.values()))

    def _due(self, now_ms: int) -> Iterator[Sent]:
        """Those whose wait is over by then, each at its own time."""
        while self._waiting:
            owed, until_ms, team = min(self._waiting.values(), key=lambda one: one[1])
            if until_ms > now_ms:
                return
            yield from self._look(owed, team, until_ms)

    def _look(self, one: Owed, team: str, now_ms: int) -> Iterator[Sent]:
        self._waiting.pop(one.id, None)
        while self._told and self._told[0].t_ms < now_ms - self.folding.looks_back_s * 1000:
            self._told.popleft()
        others = [owed for owed, _, _ in self._waiting.values()]
        match decide(one, others, list(self._told), self.folding, now_ms):
            case Hold(why, until_ms):
                held = replace(one, held_ms=now_ms if one.held_ms is None else one.held_ms, held_why=why)
                self._waiting[one.id] = (held, until_ms, team)
                return
            case Together(ids):
                parts = [one, *(self._waiting.pop(id_)[0] for id_ in ids if id_ != one.id)]
                new_red = any(part.weight is Weight.FIRST_RED for part in parts)
                weight = Weight.FIRST_RED if new_red else one.weight
                self._told.append(Told(now_ms, weight, frozenset(part.site for part in parts), together=True))
            case _:
                self._told.append(Told(now_ms, one.weight, frozenset({one.site})))
        yield Sent(now_ms, team)
