"""What rules do otherwise than before, rule by rule, in the words of `rules preview`. Pure.

A rule is known by its id. Words that judge nothing (title, source, `one_sided`) are passed over, and so is a rule
that moved to another pack as it was. What goes altogether is told by `withdrawn.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cunmai_rules.thresholds.forms import Spell
from cunmai_rules.thresholds.labels import Pair
from cunmai_rules.thresholds.pack import Rule
from cunmai_rules.thresholds.scored import ScoreAt, ScoreBand
from cunmai_rules.thresholds.sentence import span
from cunmai_rules.tools.preview.lines import SOURCE, lines_of

Rules = Mapping[str, Rule]
"""By id."""

_NOTHING: Pair = ("无", "nothing")
_ADDED: Pair = ("新增", "added")
_SAID_BY: dict[Pair, tuple[str, ...]] = {
    ("给谁用", "For"): ("applies",),
    ("什么时候报警", "It raises when"): ("when",),
    ("报警后", "Then"): ("grade", "lane", "priority"),
    ("一体机", "At the kiosk"): ("prompt",),
    ("什么时候解除", "It ends"): ("clear",),
    ("没有数据时", "Without data"): ("stale_after_s",),
}
"""Which keys of a rule a line of the preview tells of."""
_GAP: Pair = ("隔多久的测量算同一次异常", "One spell, for readings no further apart than")
_ACCEPT: Pair = ("不影响判断的质量标志", "Quality flags that do not matter")


@dataclass(frozen=True, slots=True)
class Changed:
    """One thing that a rule does otherwise."""

    rule: str
    head: Pair
    was: Pair | None
    """None: the rule is new."""
    now: Pair


def changed(before: Rules, after: Rules) -> list[Changed]:
    """What the rules of both do otherwise, then the rules that are new; each by its id."""
    found = [one for id_ in sorted(before.keys() & after.keys()) for one in _changes(before[id_], after[id_])]
    return found + [_added(after[id_]) for id_ in sorted(after.keys() - before.keys())]


def told(changes: Sequence[Changed]) -> str:
    """A line for each."""
    return "\n".join(f"  {one.rule} {_line(one)}" for one in changes)


def _line(one: Changed) -> str:
    if one.was is None:
        return f"{one.head[0]}: {one.now[0]} / {one.head[1]}: {one.now[1]}"
    zh, en = (f"{one.head[at]}: {one.was[at]} {arrow} {one.now[at]}" for at, arrow in enumerate(("→", "->")))
    return f"{zh} / {en}"


def _added(rule: Rule) -> Changed:
    said = [line for line in lines_of(rule) if line.head != SOURCE][:3]
    zh = "; ".join(f"{line.head[0]}: {line.text[0]}" for line in said)
    en = "; ".join(f"{line.head[1]}: {line.text[1]}" for line in said)
    return Changed(rule.id, _ADDED, None, (f"{rule.title.zh}; {zh}", f"{rule.title.en}; {en}"))


def _changes(before: Rule, after: Rule) -> Iterator[Changed]:
    seen: set[str] = set()
    was, now = _said(before), _said(after)
    for head in dict.fromkeys((*was, *now)):
        if was.get(head) != now.get(head):
            seen.update(_SAID_BY.get(head, ()))
            yield Changed(after.id, head, was.get(head, _NOTHING), now.get(head, _NOTHING))
    yield from _unsaid(before, after, seen)


def _said(rule: Rule) -> dict[Pair, Pair]:
    """By heading: the lines of the preview, and what those leave out."""
    lines = {line.head: line.text for line in lines_of(rule) if line.head != SOURCE}
    if isinstance(rule.when, Spell):
        lines[_GAP] = span(rule.when.gap_s, "zh"), span(rule.when.gap_s, "en")
    if rule.quality.accept:
        flags = sorted(rule.quality.accept)
        lines[_ACCEPT] = "、".join(flags), ", ".join(flags)
    for leaf in rule.leaves:
        if isinstance(leaf, ScoreAt | ScoreBand):
            title = leaf.scorer.table.title
            lines[f"评分表 {title.zh}", f"Score table {title.en}"] = leaf.scorer.digest, leaf.scorer.digest
    return lines


def _unsaid(before: Rule, after: Rule, seen: set[str]) -> Iterator[Changed]:
    """What is written otherwise and reads the same in words: by its key, so that nothing changes in silence."""
    was, now = _written(before), _written(after)
    for key in dict.fromkeys((*was, *now)):
        if was.get(key) != now.get(key) and key.split(".")[0] not in seen:
            values = [str(one.get(key, "-")) for one in (was, now)]
            yield Changed(after.id, (key, key), (values[0], values[0]), (values[1], values[1]))


def _written(rule: Rule) -> dict[str, Any]:
    """Each value by the keys that lead to it, but what `_said` always tells of."""
    words = {"title", "source", "one_sided", "quality"}
    given = rule.model_dump(mode="json", exclude=words, exclude_none=True)
    if isinstance(given["when"], dict):
        given["when"].pop("gap_s", None)
    given["priority"] = rule.urgency.value
    return dict(_flat("", given))


def _flat(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(f"{path}.{key}" if path else str(key), inner)
    elif isinstance(value, list):
        for n, inner in enumerate(value):
            yield from _flat(f"{path}.{n}", inner)
    else:
        yield path, value
