"""What the rules may know of a subject: its facts from the registry, kept in memory while they hold.

Asked for every reading, so it answers from memory: at most `kept` residents, and at most until the local day
ends or the registry changes, which is looked at once a second. What is not known stays None.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from cunmai_rules.journal.database import Database
from cunmai_rules.journal.judgements import Subject
from cunmai_rules.moments import day_of
from cunmai_rules.registry import store
from cunmai_rules.settings import RulesSettings
from cunmai_rules.thresholds.applies import NOTHING_KNOWN, Facts, PersonalLimits
from cunmai_runtime.clock import Clock

KEPT = 50_000
LOOK_EVERY_MS = 1000
_DAY_MS = 86_400_000
_NEARLY_A_YEAR = 1 - 1 / 366


@dataclass(frozen=True, slots=True)
class Known:
    """Facts, and for how long they are right."""

    facts: Facts
    from_ms: int
    until_ms: int


class RegistryFacts:
    """Belongs to the thread of its connection. It is the `facts_of` of an engine."""

    def __init__(self, db: Database, settings: RulesSettings, clock: Clock, kept: int = KEPT) -> None:
        self._db = db
        self._clock = clock
        self._kept = kept
        self._offset_minutes = settings.utc_offset_minutes
        self._altitudes = {site.gateway: site.altitude_m for site in settings.sites}
        self._known: OrderedDict[tuple[str | None, str], Known] = OrderedDict()
        self._version: int | None = None
        self._looked_ms = 0

    def __call__(self, subject: Subject) -> Facts:
        return self.facts_of(subject.resident, subject.gateway, self._clock())

    def facts_of(self, resident: str | None, gateway: str, now_ms: int) -> Facts:
        """What is known of a resident who is measured at this gateway, now. Raises Retryable."""
        if not 0 <= now_ms - self._looked_ms < LOOK_EVERY_MS:
            self._look(now_ms)
        key = (resident, gateway)
        known = self._known.get(key)
        if known is None or not known.from_ms <= now_ms < known.until_ms:
            known = self._read(resident, gateway, now_ms)
            self._known[key] = known
            if len(self._known) > self._kept:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return known.facts

    def _look(self, now_ms: int) -> None:
        """Forget everything where the registry has changed."""
        version = store.version(self._db)
        if version != self._version:
            self._known.clear()
            self._version = version
        self._looked_ms = now_ms

    def _read(self, resident: str | None, gateway: str, now_ms: int) -> Known:
        starts_ms = (
            now_ms + self._offset_minutes * 60_000
        ) // _DAY_MS * _DAY_MS - self._offset_minutes * 60_000
        today = day_of(now_ms, self._offset_minutes)
        altitude = self._altitude(gateway)
        row: Sequence[Any] | None = None
        if resident is not None and self._version:  # Version 0: nothing was ever put in.
            row = self._db.execute(
                "SELECT birth, age_band, conditions, pregnant, pregnant_until, risk_colour FROM residents WHERE id = ?",
                [resident],
            ).fetchone()
        if resident is None or row is None:
            facts = NOTHING_KNOWN if altitude is None else Facts(altitude_m=altitude)
        else:
            facts = facts_from(row, altitude, self._limits(resident, today), today)
        return Known(facts, starts_ms, starts_ms + _DAY_MS)

    def _altitude(self, gateway: str) -> int | None:
        """Of the gateway's site: what the registry says, or else rules.yaml."""
        if self._version:
            row = self._db.execute(
                "SELECT altitude_m FROM gateways JOIN sites ON sites.id = gateways.site WHERE gateway = ?",
                [gateway],
            ).fetchone()
            if row is not None and row[0] is not None:
                return int(row[0])
        return self._altitudes.get(gateway)

    def _limits(self, resident: str, today: str) -> dict[str, PersonalLimits]:
        rows = self._db.execute(
            "SELECT rule, raises, clears FROM limits WHERE resident = ? AND from_day <= ? AND until_day >= ?",
            [resident, today, today],
        )
        return {rule: PersonalLimits(float(raises), float(clears)) for rule, raises, clears in rows}


def facts_from(
    row: Sequence[Any], altitude_m: float | None, limits: dict[str, PersonalLimits], today: str
) -> Facts:
    """Facts from a resident's row: birth, age_band, conditions, pregnant, pregnant_until, risk_colour."""
    birth, band, conditions, pregnant, pregnant_until, colour = row
    months = None if birth is None else age_months(birth, today)
    return Facts(
        age_years=None if months is None else months / 12,
        age_months=months,
        age_band_years=None if band is None else band_years(band),
        pregnant=_pregnant(pregnant, pregnant_until, today),
        conditions=None if conditions is None else frozenset(filter(None, conditions.split(";"))),
        risk_colour=colour,
        altitude_m=altitude_m,
        limits=limits,
    )


def facts_record(facts: Facts) -> dict[str, Any]:
    """Facts as plain values."""
    conditions = None if facts.conditions is None else sorted(facts.conditions)
    return asdict(facts) | {"conditions": conditions}


def age_months(birth: str, today: str) -> int | None:
    """Whole months since the month of birth; that month counts from its first day."""
    months = (int(today[:4]) - int(birth[:4])) * 12 + int(today[5:7]) - int(birth[5:7])
    return months if months >= 0 else None


def band_years(band: str) -> tuple[float, float]:
    """The lowest and the highest age of a band: someone in 65-79 may be one day short of 80."""
    low, _, high = band.removesuffix("+").partition("-")
    return float(low), float(high) + _NEARLY_A_YEAR if high else 150.0


def _pregnant(pregnant: int | None, until: str | None, today: str) -> bool | None:
    """Past the date that it was expected to end on, it is not known."""
    if pregnant is None or (pregnant and until is not None and until < today):
        return None
    return bool(pregnant)
