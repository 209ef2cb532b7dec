"""What the page shows, gathered from the journal into plain values for the template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from cunmai_rules.escalation.states import Escalation, Status
from cunmai_rules.journal.escalations import Entry, Escalations
from cunmai_rules.journal.judgements import Judged, Judgements
from cunmai_rules.moments import local_time
from cunmai_rules.notify.message import Finding, figure, finding
from cunmai_rules.pages.chart import Dot, Line, trend_svg
from cunmai_rules.pages.words import (
    ANSWERS,
    CLOSED_BECAUSE,
    GRADES,
    HISTORY,
    REASONS,
    STATUSES,
    TEXT,
    WHY_OVERDUE,
    Lang,
    say,
)
from cunmai_rules.registry.directory import Directory
from cunmai_rules.thresholds.forms import ClearLimit
from cunmai_rules.thresholds.leaves import Value
from cunmai_rules.thresholds.ruleset import RuleSet, VersionedRule
from cunmai_rules.thresholds.sentence import rule_sentence
from cunmai_wire.events import Answer

MARGIN_MS = 10 * 60_000
"""What the trend shows before the alarm and after the end of the episode."""
LONGEST_TREND_MS = 6 * 3_600_000
MOST_READINGS = 10_000


@dataclass(frozen=True, slots=True)
class Row:
    """One line of history."""

    when: str
    what: str
    who: str


@dataclass(frozen=True, slots=True)
class EscalationView:
    """Everything the template needs, in the reader's language."""

    grade: str
    grade_css: str
    who: str
    site: str
    measured: str
    found: Finding | None
    latest: Finding | None
    """The newest sound value, where it is another one than the one that raised the alarm."""
    said: str
    """What the rule's score came to."""
    found_at: str
    latest_at: str
    trend: Markup
    reason: str
    sentence: str | None
    rule: str
    version: str
    source: str | None
    status: str
    heading: str
    heading_css: str
    chosen: str | None
    """The answer that counts now."""
    still: str
    """What follows where it was answered and has not recovered; empty where that is not so."""
    answers: tuple[tuple[str, str], ...]
    history: tuple[Row, ...]


def escalation_view(
    escalation: Escalation,
    judgements: Judgements,
    escalations: Escalations,
    directory: Directory,
    rules: RuleSet,
    lang: Lang,
    now_ms: int,
    quiet_s: int,
) -> EscalationView:
    """Gather one escalation for its page. `quiet_s`: how long a repeat after an outcome is only a task."""
    rule = rules.by_id.get(escalation.rule)
    t_ms = escalation.reading_t_ms
    readings = judgements.around(
        escalation.subject, t_ms - MARGIN_MS, _until_ms(escalation, now_ms), MOST_READINGS
    )
    found = finding(escalation, rule, [reading for reading in readings if reading.t_ms <= t_ms])
    newest = finding(escalation, rule, readings, newest=True)
    latest = newest if newest is not None and newest.t_ms > t_ms else None
    offset = directory.utc_offset_minutes
    chosen = _chosen(escalation)
    return EscalationView(
        grade=say(GRADES[escalation.grade], lang),
        grade_css=escalation.grade,
        who=who_of(escalation, lang),
        site=directory.site_name(escalation.gateway),
        measured=_local(t_ms, offset),
        found=found,
        latest=latest,
        said=escalation.said_zh if lang == "zh" else escalation.said_en,
        found_at=_clock_time(found.t_ms, offset) if found else "",
        latest_at=_clock_time(latest.t_ms, offset) if latest else "",
        trend=_trend(readings, rule, t_ms, offset, lang),
        reason=_reason(escalation.reason, lang),
        sentence=rule_sentence(rule.rule, lang) if rule else None,
        rule=escalation.rule,
        version=escalation.version,
        source=rule.rule.source if rule else None,
        status=say(STATUSES[escalation.status], lang),
        heading=_heading(escalation, chosen, lang),
        heading_css="closed" if escalation.status is Status.CLOSED else escalation.grade,
        chosen=chosen,
        still=_still(escalation, chosen, quiet_s, lang),
        answers=tuple((answer.value, say(words, lang)) for answer, words in ANSWERS.items()),
        history=tuple(
            _row(entry, directory, rules, lang)
            for entry in _without_repeated_looks(escalations.history(escalation.id))
        ),
    )


def who_of(escalation: Escalation, lang: Lang) -> str:
    """Whom or what it is about."""
    if escalation.resident is None and escalation.device == escalation.gateway:
        return f"{say(TEXT['gateway'], lang)} {escalation.gateway}"
    return escalation.resident or f"? {escalation.device}"


def _until_ms(escalation: Escalation, now_ms: int) -> int:
    """The end of the episode, and a little more: what comes later is another story."""
    end_ms = now_ms
    if not escalation.raised and escalation.recovered_ms is not None:
        end_ms = escalation.recovered_ms
    if escalation.closed_ms is not None:
        end_ms = min(end_ms, escalation.closed_ms)
    return min(end_ms + MARGIN_MS, escalation.reading_t_ms + LONGEST_TREND_MS)


def _chosen(escalation: Escalation) -> str | None:
    if escalation.status is Status.SEEN:
        return Answer.SEEN.value
    because = escalation.closed_because or ""
    return because.removeprefix("answered_") if because.startswith("answered_") else None


def _heading(escalation: Escalation, chosen: str | None, lang: Lang) -> str:
    if escalation.status is not Status.CLOSED:
        return say(GRADES[escalation.grade], lang)
    how = say(ANSWERS[Answer(chosen)], lang) if chosen else _because(escalation.closed_because or "", lang)
    return f"{say(TEXT['handled'], lang)}: {how}"


def _still(escalation: Escalation, chosen: str | None, quiet_s: int, lang: Lang) -> str:
    if escalation.status is not Status.CLOSED or chosen is None or not escalation.raised:
        return ""
    return say(TEXT["still"], lang).format(minutes=max(quiet_s // 60, 1))


def _reason(reason: str, lang: Lang) -> str:
    words = next((pair for known, pair in REASONS.items() if known == reason), (reason, reason))
    return say(words, lang)


def _because(because: str, lang: Lang) -> str:
    answer = because.removeprefix("answered_")
    if answer in list(Answer):
        return say(ANSWERS[Answer(answer)], lang)
    return say(CLOSED_BECAUSE.get(because, (because, because)), lang)


def _trend(
    readings: Sequence[Judged],
    rule: VersionedRule | None,
    raised_ms: int,
    utc_offset_minutes: int,
    lang: Lang,
) -> Markup:
    main = rule.rule.main if rule else None
    if rule is None or main is None:
        return Markup()
    accepted = rule.rule.quality.accept
    dots = [
        Dot(reading.t_ms, value, all(flag in accepted for flag in reading.quality))
        for reading in readings
        if (value := figure(reading, rule)) is not None
    ]
    lines = []
    if isinstance(main, Value):
        lines.append(Line(main.value, f"{main.value:g}", "raises"))
    if isinstance(rule.rule.clear, ClearLimit):
        lines.append(Line(rule.rule.clear.value, f"{rule.rule.clear.value:g}", "clears"))
    title = rule.rule.title.zh if lang == "zh" else rule.rule.title.en
    svg = trend_svg(dots, lines, title=title, utc_offset_minutes=utc_offset_minutes, raised_ms=raised_ms)
    # Built by chart.py from numbers and escaped labels.
    return Markup(svg)  # noqa: S704


def _without_repeated_looks(entries: Sequence[Entry]) -> list[Entry]:
    """The same person looking again and again is one line on the page; the journal keeps each look."""
    return [
        entry
        for before, entry in zip((None, *entries), entries, strict=False)
        if before is None or entry.type != "viewed" or (before.type, before.actor) != ("viewed", entry.actor)
    ]


def _row(entry: Entry, directory: Directory, rules: RuleSet, lang: Lang) -> Row:
    what = say(HISTORY.get(entry.type, (entry.type, entry.type)), lang)
    detail = entry.detail
    match entry.type:
        case "answered" | "answered_meanwhile" | "answered_earlier":
            what = f"{what}: {say(ANSWERS[Answer(detail['answer'])], lang)}"
        case "joined" | "recovered":
            what = f"{what}: {_title(detail['rule'], rules, lang)}"
        case "overdue":
            why = detail.get("why", "")
            what = say(WHY_OVERDUE.get(why, (what, what)), lang)
        case (
            "handed_over"
            | "referral_requested"
            | "referral_accepted"
            | "referral_declined"
            | "referral_returned"
        ):
            note = f" ({detail['note']})" if detail.get("note") else ""
            to = directory.role_of(str(detail["to"]))
            what = f"{what}: {to or detail['to']}{note}"
        case "closed":
            what = f"{what}: {_because(str(detail['reason']), lang)}"
        case _ if "error" in detail:
            what = f"{what} ({detail['error']})"
    role = directory.role_of(str(detail.get("contact", entry.actor)))
    return Row(_local(entry.t_ms, directory.utc_offset_minutes), what, role or "")


def _title(rule_id: str, rules: RuleSet, lang: Lang) -> str:
    rule = rules.by_id.get(rule_id)
    return rule_id if rule is None else say((rule.rule.title.zh, rule.rule.title.en), lang)


def _clock_time(t_ms: int, utc_offset_minutes: int) -> str:
    return f"{local_time(t_ms, utc_offset_minutes):%H:%M:%S}"


def _local(t_ms: int, utc_offset_minutes: int) -> str:
    return f"{local_time(t_ms, utc_offset_minutes):%m-%d %H:%M:%S}"
