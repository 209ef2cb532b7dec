"""The rules in force, compiled for the step. Pure."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from pydantic import ValidationError

from cunmai_rules.thresholds.applies import Applies, PersonalLimits
from cunmai_rules.thresholds.forms import ClearLimit, Silence, When, WhenCount
from cunmai_rules.thresholds.leaves import Need
from cunmai_rules.thresholds.pack import Rule
from cunmai_rules.thresholds.scored import ScoreAt, ScoreBand


@dataclass(frozen=True, slots=True)
class Input:
    """One value that a rule reads, and how much of it the rule must remember."""

    key: str
    """By which it is remembered: see `leaves.Need`."""
    field: str
    """Empty: that a reading came. With `?` behind it: whether the value was there."""
    lowest: bool
    """Of a value that is a table (days of stock by medicine): whether its lowest or its highest counts."""
    keeps: int
    keeps_ms: int


Inputs = Mapping[str, tuple[Input, ...]]


@dataclass(frozen=True, slots=True)
class VersionedRule:
    """A rule, and the exact file that it came from."""

    rule: Rule
    version: str
    """`<version of the pack>-<first 8 hex digits of the file's SHA-256>`: what every SMS carries."""
    digest: str
    """Of what the rule does: a new title, source or comment leaves it as it was."""
    inputs: Inputs
    """By kind. Rules with the same inputs have the same mapping of them."""
    plain: bool
    """One value against one limit: nothing need be remembered of it."""
    reads_spo2: bool

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of reading that can change this rule's state."""
        when = self.rule.when
        if isinstance(when, Silence):
            return (*when.nothing_heard, *((when.after,) if when.after else ()))
        return tuple(self.inputs)


Question = tuple[Applies, bool]
"""Whom a rule applies to, and whether it reads SpO2."""


@dataclass(frozen=True, eq=False)
class RuleSet:
    """All rules in force. `plan_of` says which of them apply to a subject."""

    by_id: dict[str, VersionedRule] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    """Pack to version."""
    digest: str = ""
    """Of what all of them do together."""
    questions: tuple[Question, ...] = ()
    """Everything that is asked of a subject to know which rules apply, each once."""
    question_of: tuple[int, ...] = ()
    """Of each rule of `by_id`, in its order."""


def index_rules(rules: Iterable[VersionedRule], versions: dict[str, str]) -> RuleSet:
    """A rule set of compiled rules."""
    by_id = {rule.rule.id: rule for rule in rules}
    places: dict[str, int] = {}
    questions: list[Question] = []
    question_of: list[int] = []
    for rule in by_id.values():
        said = f"{rule.rule.applies.model_dump_json()} {rule.reads_spo2}"
        if said not in places:
            places[said] = len(questions)
            questions.append((rule.rule.applies, rule.reads_spo2))
        question_of.append(places[said])
    return RuleSet(by_id, versions, digest_of(by_id.values()), tuple(questions), tuple(question_of))


def digest_of(rules: Iterable[VersionedRule]) -> str:
    """Of what rules do together."""
    does = "\n".join(sorted(f"{rule.rule.id} {rule.digest}" for rule in rules))
    return hashlib.sha256(does.encode()).hexdigest()[:12]


def compile_rule(rule: Rule, version: str) -> VersionedRule:
    """Work out once what a rule reads and must remember."""
    needs: dict[str, list[Need]] = defaultdict(list)
    for leaf in rule.leaves:
        for need in leaf.needs():
            needs[need.name].append(need)
    inputs: dict[str, list[Input]] = defaultdict(list)
    for name, those in needs.items():
        kind, _, field_ = name.partition(".")
        inputs[kind].append(_input(name, field_, those, rule.stale_after_s))
    return VersionedRule(
        rule,
        version,
        _digest(rule),
        _one_mapping(tuple((kind, tuple(those)) for kind, those in inputs.items())),
        plain=isinstance(rule.when, When)
        and isinstance(rule.clear, ClearLimit)
        and rule.when.within_s is None,
        reads_spo2="oximetry.spo2_pct" in needs,
    )


def _input(name: str, field_: str, needs: list[Need], stale_after_s: int) -> Input:
    spans_s = [stale_after_s if need.within_s is None else need.within_s for need in needs]
    lowest = all(need.lowest for need in needs)
    return Input(name, field_, lowest, max(need.keeps for need in needs), max(spans_s) * 1000)


@lru_cache(maxsize=10_000)
def _one_mapping(inputs: tuple[tuple[str, tuple[Input, ...]], ...]) -> Inputs:
    return dict(inputs)


_WORDS = {"title", "source", "prompt", "priority", "one_sided"}
"""What changes nothing of how a rule judges."""


def _digest(rule: Rule) -> str:
    """Equal where two rules judge alike, whatever their words, and whatever else a later version lets them say."""
    does = rule.model_dump_json(exclude=_WORDS, exclude_defaults=True)
    scores = [leaf.scorer.digest for leaf in rule.leaves if isinstance(leaf, ScoreAt | ScoreBand)]
    return hashlib.sha256("".join([does, *scores]).encode()).hexdigest()[:12]


def for_subject(rule: VersionedRule, own: PersonalLimits | None) -> VersionedRule:
    """The rule with the subject's own limits. Where they cannot stand in for its own, the rule as it is."""
    if own is None or not takes_own_limits(rule.rule):
        return rule
    try:
        return _with_own_limits(rule.rule, rule.version, own)
    except ValidationError:
        return (
            rule  # for example raised and cleared on the same side: a rule that judges wrongly judges nobody
        )


def takes_own_limits(rule: Rule) -> bool:
    """Whether it has a single limit, and one that clears it, for a resident's own to stand in for."""
    return isinstance(rule.when, When | WhenCount) and isinstance(rule.clear, ClearLimit)


@lru_cache(maxsize=10_000)
def _with_own_limits(rule: Rule, version: str, own: PersonalLimits) -> VersionedRule:
    when, clear = rule.when, rule.clear
    assert isinstance(when, When | WhenCount), "a single limit"
    assert isinstance(clear, ClearLimit), "and one that clears it"
    changed = {
        "when": when.model_dump() | {when.direction.value: own.raises},
        "clear": clear.model_dump() | {clear.direction.value: own.clears},
    }
    return compile_rule(Rule.model_validate(dict(rule) | changed), version)
