"""Changes of one thing at a time: signing a resident to a team, handing over a shift. Each is noted in the audit."""

from __future__ import annotations

from datetime import date, timedelta

from cunmai_rules.journal.database import Database
from cunmai_rules.moments import CHINA_MINUTES, day_of
from cunmai_rules.registry import audit, store
from cunmai_rules.registry.contacts import can_be_reached, on_duty_by

MOST_BACKDATED_MS = 24 * 3_600_000


class NotDone(Exception):
    """A change that cannot be: a named reason, and what to do in both languages."""

    def __init__(self, reason: str, zh: str, en: str) -> None:
        super().__init__(f"{zh} / {en}")
        self.reason = reason
        self.zh = zh
        self.en = en


def sign(
    db: Database, resident: str, team: str, from_day: str, until_day: str | None, who: str, now_ms: int
) -> None:
    """From this day on the resident is the team's; another team's signing ends the day before. Raises NotDone."""
    if until_day is not None and until_day < from_day:
        raise NotDone("bad_days", "截止日期早于开始日期", "the last day is before the first")
    if not _there(db, "residents", resident):
        raise NotDone("no_resident", "没有这位居民", "there is no such resident")
    if not _there(db, "teams", team):
        raise NotDone("no_team", "没有这个团队", "there is no such team")
    with db.transaction():
        store.change(db)
        # One that had not begun by then never does.
        db.execute("DELETE FROM signings WHERE resident = ? AND from_day >= ?", [resident, from_day])
        before = (date.fromisoformat(from_day) - timedelta(days=1)).isoformat()
        db.execute(
            "UPDATE signings SET until_day = ? WHERE resident = ? AND (until_day IS NULL OR until_day > ?)",
            [before, resident, before],
        )
        db.execute(
            "INSERT INTO signings (resident, team, from_day, until_day) VALUES (?, ?, ?, ?)",
            [resident, team, from_day, until_day],
        )
        what = f"sign: {team} from {from_day}" + (f" until {until_day}" if until_day else "")
        audit.note(db, [audit.Entry(now_ms, who, what, "residents", resident, "signing")])


def hand_over(
    db: Database, roster: str, from_staff: str, to_staff: str, at_ms: int, who: str, now_ms: int,
    utc_offset_minutes: int = CHINA_MINUTES,
) -> None:  # fmt: skip
    """From `at_ms` on `to_staff` stands in for the rest of the other's shift. Raises NotDone."""
    if not now_ms - MOST_BACKDATED_MS <= at_ms <= now_ms:
        raise NotDone(
            "bad_time", "交接时间应在最近一天之内", "the time of a handover lies within the last day"
        )
    if from_staff == to_staff:
        raise NotDone("same_person", "交接双方是同一人", "both are the same person")
    if not can_be_reached(db, to_staff, day_of(now_ms, utc_offset_minutes)):
        raise NotDone(
            "not_reachable", "接班人没有可用的手机号码或已离岗", "the successor has no number or has left"
        )
    with db.transaction():
        store.change(db)
        if from_staff not in on_duty_by(db, roster, at_ms):
            raise NotDone("not_on_duty", "交班人此时不在班", "who hands over was not on duty then")
        db.execute(
            "INSERT INTO handovers (roster, at_ms, from_staff, to_staff, noted_ms, noted_by)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            [roster, at_ms, from_staff, to_staff, now_ms, who],
        )
        what = f"handover: {from_staff} to {to_staff}"
        audit.note(db, [audit.Entry(now_ms, who, what, "rosters", roster, "handover")])


def _there(db: Database, table: str, id_: str) -> bool:
    return db.execute(f"SELECT 1 FROM {table} WHERE id = ?", [id_]).fetchone() is not None  # noqa: S608 - ours
