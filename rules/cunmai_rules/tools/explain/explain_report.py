"""An explanation as text, in the order in which somebody would ask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import typer

from cunmai_rules.moments import show_moment
from cunmai_rules.pages.words import ANSWERS, CLOSED_BECAUSE, FLAGS, HISTORY, WHY_OVERDUE
from cunmai_rules.thresholds.catalogue import NUMBERS
from cunmai_rules.thresholds.events import Reason
from cunmai_rules.thresholds.labels import KINDS, Pair, field_label, unit_sign, word_label
from cunmai_rules.tools.check import Language
from cunmai_rules.tools.explain.explaining import REASONS, Counted, Explained
from cunmai_rules.tools.explain.past import Asked, Past, recorded_of
from cunmai_rules.tools.preview.rule_words import GRADES, LANES, raises

_GRAVITY = {"red": 0, "yellow": 1, "grey": 2, "green": 3}


def print_explanation(past: Past, told: list[Explained], at_ms: int, offset: int, lang: Language) -> None:
    """All of it, what is gravest first."""
    words = _Words(offset, lang)
    when = show_moment(at_ms, offset)
    typer.echo(words.say((f"{past.subject.id}, {when}", f"{past.subject.id}, {when}")))
    if past.cut:
        typer.echo(words.say(("(更早的测量值没有读入)", "(earlier readings were not read)")))
    kept = {(one.event.stream, one.event.seq): one for one in past.readings}
    for one in sorted(told, key=lambda one: (not one.applies, _GRAVITY[one.grade])):
        typer.echo("\n" + "\n".join(_rule(one, kept, words)))
    typer.echo("\n" + "\n".join(_escalations(past, at_ms, words)))


class _Words:
    def __init__(self, offset: int, lang: Language) -> None:
        self._offset = offset
        self._lang = lang

    def say(self, pair: Pair) -> str:
        return pair[0] if pair[0] == pair[1] else self._lang.of(*pair)

    def time(self, t_ms: int) -> str:
        return show_moment(t_ms, self._offset)


def _rule(one: Explained, kept: Mapping[tuple[str, int], Any], words: _Words) -> Iterator[str]:
    rule = one.rule.rule
    grade = words.say(GRADES[one.grade]) if one.applies else words.say(("不适用", "does not apply"))
    since = (
        f", {words.say(('自', 'since'))} {words.time(one.since_ms)}" if one.since_ms and one.applies else ""
    )
    yield f"■ {grade}{since}  {words.say((rule.title.zh, rule.title.en))} ({rule.id}, {one.rule.version})"
    yield f"   {words.say(('规则', 'rule'))}: {words.say(raises(rule))}"
    for line in one.why:
        yield f"   - {words.say(line)}"
    for counted in one.readings:
        yield "     " + _reading(one, counted, kept, words)


def _reading(one: Explained, counted: Counted, kept: Mapping[tuple[str, int], Any], words: _Words) -> str:
    event = counted.event
    row = kept[event.stream, event.seq]
    parts = [words.time(event.t_ms), _values(one, counted, words)]
    if event.quality:
        parts.append(
            "[" + ", ".join(words.say(FLAGS.get(flag, (flag, flag))) for flag in event.quality) + "]"
        )
    parts.append(row.device)
    if event.late:
        arrived = words.time(event.arrived_ms or event.t_ms)
        parts.append(words.say((f"迟到, {arrived} 收到", f"late, came at {arrived}")))
    parts.append(f"→ {words.say(REASONS[counted.reason])}")
    recorded = recorded_of(row, one.rule.rule.id, counted.said_of)
    if recorded is not None and recorded != counted.reason:
        then = words.say(REASONS[Reason(recorded)])
        parts.append(words.say((f"(当时判为: {then})", f"(judged then: {then})")))
    return "  ".join(parts)


def _values(one: Explained, counted: Counted, words: _Words) -> str:
    """The values that the rule reads; where it only listens, that it was heard."""
    event = counted.event
    fields = [one_.field.rstrip("?") for one_ in one.rule.inputs.get(event.kind, ())]
    shown = [
        f"{words.say(field_label(f'{event.kind}.{name}'))} "
        f"{_value(f'{event.kind}.{name}', event.values[name], words)}"
        for name in dict.fromkeys(fields)
        if name in event.values
    ]
    return ", ".join(shown) or words.say(KINDS.get(event.kind, (event.kind, event.kind)))


def _value(name: str, value: object, words: _Words) -> str:
    if isinstance(value, bool):
        return words.say(("是", "yes") if value else ("否", "no"))
    if isinstance(value, str):
        return words.say(word_label(name, value))
    unit = words.say(unit_sign(NUMBERS[name].ucum)) if name in NUMBERS else ""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return f"{text} {unit}".rstrip()


# -- who was asked --------------------------------------------------------------------------------------------


def _escalations(past: Past, at_ms: int, words: _Words) -> Iterator[str]:
    if not past.asked:
        yield words.say(("没有预警上报。", "Nothing was escalated."))
        return
    yield words.say(("预警上报 (到今天为止的全部经过)", "Escalated (and all that became of it)"))
    for one in past.asked:
        yield from _one(one, at_ms, words)


def _one(asked: Asked, at_ms: int, words: _Words) -> Iterator[str]:
    one = asked.escalation
    reason = REASONS.get(Reason(one.reason), (one.reason, one.reason))
    yield (
        f"▲ {words.time(one.opened_ms)}  {words.say(GRADES[one.grade])}, {words.say(LANES[one.lane])}: "
        f"{one.rule} ({one.version}) {words.say(reason)}  {one.id}"
    )
    later = False
    for entry in asked.history:
        if entry.t_ms > at_ms and not later:
            later = True
            yield "     " + words.say(("-- 其后 --", "-- later --"))
        yield f"     {words.time(entry.t_ms)}  {_what(entry.type, entry.detail, words)}  {entry.actor}"


def _what(type_: str, detail: Mapping[str, Any], words: _Words) -> str:
    text = words.say(HISTORY.get(type_, (type_, type_)))
    answer = next((pair for one, pair in ANSWERS.items() if one == detail.get("answer")), None)
    more = [
        words.say(pair)
        for pair in (
            answer,
            WHY_OVERDUE.get(detail.get("why", "")),
            CLOSED_BECAUSE.get(detail.get("reason", "")),
        )
        if pair is not None and words.say(pair) != text
    ]
    more += [str(detail[name]) for name in ("contact", "error") if name in detail]
    return text + (f" ({', '.join(more)})" if more else "")
