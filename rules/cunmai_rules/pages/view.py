"""What the page shows, gathered from the journal into plain values for the template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from markupsafe import Markup

from cunmai_rules.escalation.policy import Escalation, Status
from cunmai_rules.journal.escalations import Entry, Escalations
from cunmai_rules.journal.judgements import Judged, Judgements
from cunmai_rules.notify.message import Finding, finding
from cunmai_rules.pages.chart import Dot, Line, trend_svg
from cunmai_rules.pages.words import ANSWERS, GRADES, HISTORY, REASONS, STATUSES, Lang, say
from cunmai_rules.settings import RulesSettings
from cunmai_rules.thresholds.conditions import Value
from cunmai_rules.thresholds.events import Reason
from cunmai_rules.thresholds.forms import ClearLimit
from cunmai_rules.thresholds.ruleset import RuleSet, VersionedRule
from cunmai_rules.thresholds.sentence import rule_sentence
from cunmai_wire.events import Answer

TREND_BEFORE_MS = 30 * 60_000
TREND_AFTER_MS = 60 * 60_000


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
    trend: Markup
    reason: str
    sentence: str | None
    rule: str
    version: str
    source: str | None
    status: str
    closed: bool
    answers: tuple[tuple[str, str], ...]
    history: tuple[Row, ...]


def escalation_view(
    escalation: Escalation,
    judgements: Judgements,
    escalations: Escalations,
    settings: RulesSettings,
    rules: RuleSet,
    lang: Lang,
) -> EscalationView:
    """Gather one escalation for its page."""
    rule = rules.by_id.get(escalation.rule)
    t_ms = escalation.reading_t_ms
    readings = judgements.around(escalation.subject, t_ms - TREND_BEFORE_MS, t_ms + TREND_AFTER_MS)
    site = settings.site_of(escalation.gateway)
    return EscalationView(
        grade=say(GRADES[escalation.grade], lang),
        grade_css=escalation.grade,
        who=escalation.resident or f"? {escalation.device}",
        site=site.name if site else escalation.gateway,
        measured=_local(t_ms, settings.utc_offset_minutes),
        found=finding(escalation, rule, [reading for reading in readings if reading.t_ms <= t_ms]),
        trend=_trend(readings, rule, settings.utc_offset_minutes, lang),
        reason=say(REASONS[Reason(escalation.reason)], lang),
        sentence=rule_sentence(rule.rule, lang) if rule else None,
        rule=escalation.rule,
        version=escalation.version,
        source=rule.rule.source if rule else None,
        status=say(STATUSES[escalation.status], lang),
        closed=escalation.status is Status.CLOSED,
        answers=tuple((answer.value, say(words, lang)) for answer, words in ANSWERS.items()),
        history=tuple(
            _row(entry, settings, lang)
            for entry in _without_repeated_looks(escalations.history(escalation.id))
        ),
    )


def _trend(
    readings: Sequence[Judged], rule: VersionedRule | None, utc_offset_minutes: int, lang: Lang
) -> Markup:
    main = rule.rule.main if rule else None
    if rule is None or main is None:
        return Markup()
    kind, field = main.kind_and_field
    accepted = rule.rule.quality.accept
    dots = [
        Dot(reading.t_ms, float(reading.values[field]), all(flag in accepted for flag in reading.quality))
        for reading in readings
        if reading.kind == kind and field in reading.values
    ]
    lines = []
    if isinstance(main, Value):
        lines.append(Line(main.value, f"{main.value:g}", "raises"))
    if isinstance(rule.rule.clear, ClearLimit):
        lines.append(Line(rule.rule.clear.value, f"{rule.rule.clear.value:g}", "clears"))
    title = rule.rule.title.zh if lang == "zh" else rule.rule.title.en
    # Built by chart.py from numbers and escaped labels.
    return Markup(trend_svg(dots, lines, title=title, utc_offset_minutes=utc_offset_minutes))  # noqa: S704


def _without_repeated_looks(entries: Sequence[Entry]) -> list[Entry]:
    """The same person looking again and again is one line on the page; the journal keeps each look."""
    return [
        entry
        for before, entry in zip((None, *entries), entries, strict=False)
        if before is None or entry.type != "viewed" or (before.type, before.actor) != ("viewed", entry.actor)
    ]


def _row(entry: Entry, settings: RulesSettings, lang: Lang) -> Row:
    what = say(HISTORY.get(entry.type, (entry.type, entry.type)), lang)
    if entry.type == "answered":
        what = f"{what}: {say(ANSWERS[Answer(entry.detail['answer'])], lang)}"
    if "error" in entry.detail:
        what = f"{what} ({entry.detail['error']})"
    contact = settings.contact(str(entry.detail.get("contact", entry.actor)))
    return Row(_local(entry.t_ms, settings.utc_offset_minutes), what, contact.role if contact else "")


def _local(t_ms: int, utc_offset_minutes: int) -> str:
    moment = datetime.fromtimestamp(t_ms / 1000, UTC) + timedelta(minutes=utc_offset_minutes)
    return f"{moment:%m-%d %H:%M:%S}"
