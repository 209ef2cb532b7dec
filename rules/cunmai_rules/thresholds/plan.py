"""Which rules apply to a subject, found by what they read. Pure.

Rules that compare one value with one limit, and trust the same readings for as long, are a group: one
reading is evidence for all of them or for none. Their limits are kept sorted, so that a reading finds those
whose limit it meets without looking at the others.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from cunmai_rules.thresholds.applies import NOTHING_KNOWN, Facts, PersonalLimits
from cunmai_rules.thresholds.classes import NO_CLASSES, Classes
from cunmai_rules.thresholds.events import Decision, Reason
from cunmai_rules.thresholds.forms import When
from cunmai_rules.thresholds.leaves import Change, Count
from cunmai_rules.thresholds.ruleset import RuleSet, VersionedRule, digest_of, for_subject
from cunmai_rules.thresholds.scored import ScoreAt, ScoreBand
from cunmai_rules.thresholds.state import Member, Profile, profile_of

FACTS_KEPT = 10_000
"""Subjects whose plan is at hand without asking every rule whom it applies to."""
PLANS_KEPT = 1_000


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one side in ascending order, and their rules."""

    values: tuple[float, ...] = ()
    rules: tuple[VersionedRule, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Rules that share their evidence."""

    key: str
    """`kind.field`, the quality flags that do not matter, and the seconds for which evidence counts."""
    field: str
    accepts: frozenset[str]
    stale_ms: int
    low: Limits
    high: Limits
    rules: Mapping[str, VersionedRule]
    """By id, in the order of the files."""
    says: Mapping[Reason, Decision]
    """What is said of all the quiet ones together."""
    normal: Decision
    """The usual."""

    def ends(self, values: Mapping[str, object]) -> tuple[float, float] | None:
        """The value that the rules read; of one that is a table, its lowest and its highest. None: it is missing."""
        lowest = highest = values.get(self.field)
        if isinstance(lowest, dict) and lowest:
            lowest, highest = min(lowest.values()), max(lowest.values())
        if isinstance(lowest, int | float) and isinstance(highest, int | float):
            return lowest, highest
        return None

    def trusts(self, quality: Sequence[str]) -> bool:
        """Whether a reading with these flags is evidence."""
        return not quality or self.accepts.issuperset(quality)

    def may_be_met_by(self, lowest: float, highest: float) -> tuple[VersionedRule, ...]:
        """The rules on whose limit a value lies, or beyond it: the rule itself says whether it is met.

        Of a value that is a table, its lowest and its highest.
        """
        low, high = self.low.values, self.high.values
        met: tuple[VersionedRule, ...] = ()
        if low and lowest <= low[-1]:
            met = self.low.rules[bisect_left(low, lowest) :]
        if high and highest >= high[0]:
            met += self.high.rules[: bisect_right(high, highest)]
        return met


@dataclass(frozen=True, slots=True, eq=False)
class Single:
    """A rule of no group."""

    rule: VersionedRule
    needs: tuple[tuple[str, int], ...]
    """Every value that it looks at, by the name that it is remembered by, and how old (ms) it may be."""
    looks_back: frozenset[str]
    """Those of which it looks at more than the newest."""
    scores: bool
    """A missing value may count as something: a score of less is not a score that is known less well."""
    says: Mapping[Reason, Decision]


@dataclass(frozen=True, slots=True, eq=False)
class OfKind:
    """What readings of one kind concern."""

    groups: tuple[Group, ...] = ()
    singles: tuple[Single, ...] = ()
    classes: Classes = NO_CLASSES
    """Of the values that any of them reads."""
    unfit: tuple[Decision, ...] = ()
    """Rules that read this kind and do not apply."""
    unfit_rules: frozenset[str] = frozenset()


NOTHING = OfKind()


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The rules that apply to a subject."""

    facts: Facts
    """What is known of it."""
    digest: str
    """Of what all of them do."""
    profile: Profile
    rules: Mapping[str, VersionedRule]
    """By id, with the subject's own limits."""
    unfit: Mapping[str, VersionedRule]
    """Those in force that do not apply, by id."""
    by_kind: Mapping[str, OfKind]
    groups: Mapping[str, Group]
    place: Mapping[str, int]
    """Of each rule in the order of the files."""


@lru_cache(maxsize=FACTS_KEPT)
def plan_of(rules: RuleSet, facts: Facts) -> Plan:
    """The plan for a subject of whom this is known."""
    own = tuple((rule, facts.limits[rule]) for rule in sorted(facts.limits) if rule in rules.by_id)
    answers = tuple(applies.fits(facts, reads_spo2=reads_spo2) for applies, reads_spo2 in rules.questions)
    return replace(_plan(rules, answers, own), facts=facts)


@lru_cache(maxsize=PLANS_KEPT)
def _plan(rules: RuleSet, answers: tuple[bool, ...], own: tuple[tuple[str, PersonalLimits], ...]) -> Plan:
    limits = dict(own)
    fit: dict[str, VersionedRule] = {}
    grouped: dict[str, list[VersionedRule]] = defaultdict(list)
    for (rule_id, rule), question in zip(rules.by_id.items(), rules.question_of, strict=True):
        if not answers[question]:
            continue
        fit[rule_id] = for_subject(rule, limits.get(rule_id))
        if rule.plain and rule_id not in limits:
            grouped[_group_key(rule)].append(rule)
    groups = {key: _group(key, those) for key, those in grouped.items()}
    unfit = {rule_id: rule for rule_id, rule in rules.by_id.items() if rule_id not in fit}
    return Plan(
        NOTHING_KNOWN,
        digest_of(fit.values()),
        profile_of({key: _members(those) for key, those in grouped.items()}),
        fit,
        unfit,
        _by_kind(rules, fit, groups),
        groups,
        {rule_id: place for place, rule_id in enumerate(rules.by_id)},
    )


def _group_key(rule: VersionedRule) -> str:
    assert isinstance(rule.rule.when, When), "a plain rule reads one value"
    accepts = ",".join(sorted(rule.rule.quality.accept))
    return f"{rule.rule.when.reads}/{accepts}/{rule.rule.stale_after_s}"


def _members(rules: Sequence[VersionedRule]) -> tuple[Member, ...]:
    return tuple(Member(rule.rule.id, rule.version, rule.digest) for rule in rules)


def _group(key: str, rules: Sequence[VersionedRule]) -> Group:
    one = rules[0].rule
    assert isinstance(one.when, When), "a plain rule reads one value"
    return Group(
        key,
        one.when.kind_and_field[1],
        frozenset(one.quality.accept),
        one.stale_after_s * 1000,
        _limits(rules, low_side=True),
        _limits(rules, low_side=False),
        {rule.rule.id: rule for rule in rules},
        {reason: Decision(key, reason) for reason in Reason},
        Decision(key, Reason.NORMAL),
    )


def _limits(rules: Sequence[VersionedRule], *, low_side: bool) -> Limits:
    found = []
    for place, rule in enumerate(rules):
        assert isinstance(rule.rule.when, When), "a plain rule reads one value"
        if rule.rule.when.direction.low_side == low_side:
            found.append((rule.rule.when.value, place, rule))
    found.sort(key=lambda one: one[:2])
    return Limits(tuple(one[0] for one in found), tuple(one[2] for one in found))


def _single(rule: VersionedRule) -> Single:
    stale_after_s = rule.rule.stale_after_s
    needs = {
        (need.name, (stale_after_s if need.within_s is None else need.within_s) * 1000)
        for leaf in rule.rule.leaves
        for need in leaf.needs()
    }
    looks_back = frozenset(leaf.reads for leaf in rule.rule.leaves if isinstance(leaf, Count | Change))
    scores = any(isinstance(leaf, ScoreAt | ScoreBand) for leaf in rule.rule.leaves)
    says = {reason: Decision(rule.rule.id, reason) for reason in Reason}
    return Single(rule, tuple(sorted(needs)), looks_back, scores, says)


def _by_kind(
    rules: RuleSet, fit: Mapping[str, VersionedRule], groups: Mapping[str, Group]
) -> dict[str, OfKind]:
    in_a_group = {rule_id for group in groups.values() for rule_id in group.rules}
    shared: dict[str, list[Group]] = defaultdict(list)
    for key, group in groups.items():
        shared[key.partition(".")[0]].append(group)
    single: dict[str, list[Single]] = defaultdict(list)
    unfit: dict[str, list[str]] = defaultdict(list)
    for rule_id, rule in rules.by_id.items():
        for kind in rule.kinds:
            if rule_id not in fit:
                unfit[kind].append(rule_id)
            elif rule_id not in in_a_group:
                single[kind].append(_single(fit[rule_id]))
    return {
        kind: OfKind(
            tuple(shared.get(kind, ())),
            tuple(single.get(kind, ())),
            Classes(kind, [rule for rule in fit.values() if kind in rule.kinds]),
            tuple(Decision(rule_id, Reason.NOT_APPLICABLE) for rule_id in unfit.get(kind, ())),
            frozenset(unfit.get(kind, ())),
        )
        for kind in shared.keys() | single.keys() | unfit.keys()
    }


def reasons_by_rule(decisions: Sequence[Decision], plan: Plan) -> dict[str, Reason]:
    """What was decided, rule by rule: what is said of a group holds for each of its rules not named itself."""
    said = {decision.rule: decision.reason for decision in decisions}
    named = {rule: reason for rule, reason in said.items() if rule not in plan.groups}
    for key, group in plan.groups.items():
        if key in said:
            named |= {rule: said[key] for rule in group.rules if rule not in named}
    return named
