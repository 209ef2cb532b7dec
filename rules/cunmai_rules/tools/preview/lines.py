"""What one rule says, line by line, each under its heading. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cunmai_rules.thresholds.labels import Pair
from cunmai_rules.thresholds.pack import Rule
from cunmai_rules.thresholds.ruleset import compile_rule
from cunmai_rules.tools.preview.rule_words import applies_to, clears, prompts, silence, trusts, what_then
from cunmai_rules.tools.preview.spoken import when_spoken

SOURCE: Pair = ("依据", "Source")


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that a rule says, under its heading."""

    head: Pair
    text: Pair


def lines_of(rule: Rule) -> Iterator[Line]:
    """What one rule says, in the order in which it is asked."""
    prompt, trusted = prompts(rule), trusts(rule)
    whom = applies_to(compile_rule(rule, ""))
    yield Line(("给谁用", "For"), _joined(whom))
    yield Line(("什么时候报警", "It raises when"), when_spoken(rule))
    yield Line(("报警后", "Then"), what_then(rule))
    if prompt is not None:
        yield Line(("一体机", "At the kiosk"), prompt)
    yield Line(("什么时候解除", "It ends"), clears(rule))
    yield Line(("没有数据时", "Without data"), silence(rule))
    if trusted is not None:
        yield Line(("信号不好时", "Poor signal"), trusted)
    yield Line(SOURCE, (rule.source, rule.source))


def _joined(parts: list[Pair]) -> Pair:
    return "; ".join(one[0] for one in parts), "; ".join(one[1] for one in parts)
