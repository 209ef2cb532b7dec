"""A replay as one page that opens offline: what was counted, and a picture of each resident who matters most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape

from cunmai_rules.journal.judgements import Subject
from cunmai_rules.thresholds.events import Observation
from cunmai_rules.thresholds.forms import ClearLimit
from cunmai_rules.thresholds.labels import unit_sign
from cunmai_rules.thresholds.leaves import Value
from cunmai_rules.thresholds.sentence import rule_sentence
from cunmai_rules.tools.replay.offline import both, page, table
from cunmai_rules.tools.replay.playback import TakenBack
from cunmai_rules.tools.replay.replay_report import span_text
from cunmai_rules.tools.replay.replaying import Replayed, Setting, play_one
from cunmai_rules.tools.replay.tally import SubjectTally
from cunmai_rules.tools.replay.tape import Tape
from cunmai_rules.tools.replay.timeline import Band, Level, timeline_svg
from cunmai_wire.codes import CODES

MOST_RESIDENTS = 40
MOST_VALUES = 4
"""Pictures of one resident."""

Events = Sequence[Observation | TakenBack]


def replay_page(tape: Tape, replayed: Replayed, setting: Setting) -> str:
    """The page as text."""
    chosen = most_telling(replayed)
    shown = {
        subject.id: _resident(subject, events, replayed, setting) for subject, events in tape.subjects(chosen)
    }
    more = len({subject for _, tally in replayed.tallies for subject in tally.by_subject}) - len(chosen)
    parts = [
        _head(replayed, setting),
        _rules_table(replayed),
        *(shown[subject] for subject in chosen if subject in shown),
        both("p", f"还有 {more} 位有预警的居民未画出。", f"{more} more residents with alarms are not drawn.")
        if more
        else "",
    ]
    return page("规则重演", "Rules replayed", "".join(parts))


def most_telling(replayed: Replayed) -> list[str]:
    """Whom to draw: those for whom the rule sets differ most, then those with most alarms."""
    differ = Counter(
        one.alarm.subject for index in range(1, len(replayed.tallies)) for one in replayed.differences(index)
    )
    alarms: Counter[str] = Counter()
    for _, tally in replayed.tallies:
        alarms.update(tally.by_subject)
    ranked = sorted(alarms | differ, key=lambda subject: (-differ[subject], -alarms[subject], subject))
    return ranked[:MOST_RESIDENTS]


def _head(replayed: Replayed, setting: Setting) -> str:
    when = f"{setting.time(replayed.from_ms)} - {setting.time(replayed.to_ms)}"
    people, days, readings = replayed.subjects, replayed.resident_days, replayed.span.readings
    return both(
        "p",
        f"{when}: {people} 人, {days} 人日, {readings} 次测量。假设通知后 {setting.answered_after_s} 秒有处理结果。",
        f"{when}: {people} residents, {days} resident-days, {readings} readings. Assumed: an outcome "
        f"{setting.answered_after_s} s after each message.",
    )


def _rules_table(replayed: Replayed) -> str:
    rows = []
    for named, tally in replayed.tallies:
        days = max(1, replayed.resident_days)
        whole = f"{tally.alarm_count} ({tally.alarm_count / days:.3f})"
        rows.append(
            [f"<b>{escape(named.name)}</b>", "", f"<b>{whole}</b>", f"<b>{tally.message_count}</b>", ""]
        )
        for rule, versioned in named.rules.by_id.items():
            one = tally.rules[rule]
            sentence = both("span", *(escape(rule_sentence(versioned.rule, lang)) for lang in ("zh", "en")))
            rows.append([escape(rule), sentence, str(one.alarms), "", span_text(one.raised_ms)])
    heads = [
        ("规则", "rule"), ("条件", "condition"), ("预警(每人日)", "alarms (per resident-day)"),
        ("通知", "messages"), ("持续", "raised for"),
    ]  # fmt: skip
    return table(heads, rows)


def _resident(subject: Subject, events: Events, replayed: Replayed, setting: Setting) -> str:
    readings = sorted((one for one in events if isinstance(one, Observation)), key=lambda one: one.t_ms)
    found = [play_one(subject, events, named, setting, replayed.to_ms)[0] for named, _ in replayed.tallies]
    pictures = [
        timeline_svg(
            _dots(readings, key),
            list(_levels(replayed, key, found)),
            list(_bands(replayed, key, found)),
            title=f"{subject.id} {key}",
            utc_offset_minutes=setting.utc_offset_minutes,
        )
        for key in _values(replayed, found)[:MOST_VALUES]
    ]
    if not any(pictures):
        pictures = [both("p", "没有可画的数值。", "There is no value to draw.")]
    return f"<section><h2>{escape(subject.id)}</h2>{''.join(pictures)}</section>"


def _values(replayed: Replayed, found: Sequence[SubjectTally]) -> list[str]:
    """What the rules that were raised for this resident read: `kind.field`."""
    raised = [{alarm.rule for alarm in one.alarms()} for one in found]
    keys = [
        versioned.rule.main.reads
        for (named, _), rules in zip(replayed.tallies, raised, strict=True)
        for rule, versioned in named.rules.by_id.items()
        if rule in rules and isinstance(versioned.rule.main, Value)
    ]
    return list(dict.fromkeys(keys))


def _dots(readings: Sequence[Observation], key: str) -> list[tuple[int, float]]:
    kind, _, field = key.partition(".")
    return [
        (one.t_ms, float(value))
        for one in readings
        if one.kind == kind and isinstance(value := one.values.get(field), (int, float))
    ]


def _levels(replayed: Replayed, key: str, found: Sequence[SubjectTally]) -> Iterator[Level]:
    """Each limit once."""
    drawn: set[tuple[float, str]] = set()
    for (named, _), one in zip(replayed.tallies, found, strict=True):
        raised = {alarm.rule for alarm in one.alarms()}
        for rule, versioned in named.rules.by_id.items():
            main, clear = versioned.rule.main, versioned.rule.clear
            if rule not in raised or not isinstance(main, Value) or main.reads != key:
                continue
            limits = [(main.value, "raise")] + (
                [(clear.value, "clear")] if isinstance(clear, ClearLimit) else []
            )
            for limit in limits:
                if limit not in drawn:
                    drawn.add(limit)
                    unit = unit_sign(CODES[main.kind_and_field].ucum)[0]
                    yield Level(*limit, f"{rule}: {limit[0]:g} {unit}")


def _bands(replayed: Replayed, key: str, found: Sequence[SubjectTally]) -> Iterator[Band]:
    for (named, _), one in zip(replayed.tallies, found, strict=True):
        spans, alarms = one.spans(replayed.to_ms), one.alarms()
        for rule, versioned in named.rules.by_id.items():
            main = versioned.rule.main
            if main is not None and main.reads == key and rule in {*spans, *(alarm.rule for alarm in alarms)}:
                at = [alarm.t_ms for alarm in alarms if alarm.rule == rule]
                yield Band(f"{named.name}: {rule} ({len(at)})", versioned.rule.grade, spans.get(rule, []), at)
