"""What a pack may have forgotten, or says twice. Shown by `check`; refused only by `check --strict`. Pure.

Every advice names what to write instead. A false one teaches people to pass all of them over: where it
is not certain that something is missing, nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf

from cunmai_rules.lint.bands import band_advice, range_of
from cunmai_rules.lint.finding import Finding, Place
from cunmai_rules.lint.interval import EVERYTHING, Interval, of_limit, of_range
from cunmai_rules.lint.plausible import implausible
from cunmai_rules.lint.quantities import FLAPS, IN_CHINESE, INTERVAL_S, LOW_IS_DANGEROUS
from cunmai_rules.thresholds.applies import DEFAULT_LIMITS_UP_TO_M
from cunmai_rules.thresholds.conditions import AnyOf
from cunmai_rules.thresholds.forms import ClearLimit, ClearNoLonger, Silence, Spell
from cunmai_rules.thresholds.leaves import Change, Count, Value
from cunmai_rules.thresholds.pack import Pack, Rule
from cunmai_rules.thresholds.scored import ScoreOf
from cunmai_rules.thresholds.sentence import span


def advice(packs: Sequence[Pack]) -> Iterator[tuple[int, Finding]]:
    """Everything worth a second look, with the position of the pack that it is in."""
    has_low = {
        matter for pack in packs for rule in pack.rules for matter, met in _alone(rule) if met.low == -inf
    }
    for n, pack in enumerate(packs):
        for finding in (
            *_missing_low(pack, has_low),
            *band_advice(pack),
            *_of_rules(pack),
            *implausible(pack),
        ):
            yield n, finding


def _of_rules(pack: Pack) -> Iterator[Finding]:
    for n, rule in enumerate(pack.rules):
        place: Place = ("rules", n)
        yield from _altitude(rule, place)
        yield from _hysteresis(rule, (*place, "clear"))
        yield from _times(rule, place)
        yield from _spans(rule.when, (*place, "when"))
        if rule.clear is not None:
            yield from _spans(rule.clear, (*place, "clear"))


# -- the side that was forgotten ------------------------------------------------------------------------------


def _alone(rule: Rule) -> Iterator[tuple[str, Interval]]:
    """What raises a rule by itself, of the values whose low side is dangerous, too."""
    when = rule.when
    for part in when.any if isinstance(when, AnyOf) else (when,):
        reads, met = (
            (part.reads, of_limit(part)) if isinstance(part, Count) else range_of(part) or ("", EVERYTHING)
        )
        if reads in LOW_IS_DANGEROUS:
            yield LOW_IS_DANGEROUS[reads], met


def _missing_low(pack: Pack, has_low: set[str]) -> Iterator[Finding]:
    said = {
        matter for rule in pack.rules if rule.one_sided is not None for matter, _ in _alone(rule)
    } | has_low
    for n, rule in enumerate(pack.rules):
        for matter, met in _alone(rule):
            if met.high < inf or matter in said:
                continue
            said.add(matter)
            yield Finding(
                ("rules", n, "when"),
                f"{IN_CHINESE[matter]}只有上限, 没有规则管过低; 加一条低值规则, 或写明 one_sided: 原因",
                f"{matter} has a high limit only, and no rule looks at the low side; "
                "add a rule for it, or say why not: `one_sided: reason`",
            )


# -- altitude and hysteresis ------------------------------------------------------------------------------------


def _altitude(rule: Rule, place: Place) -> Iterator[Finding]:
    if not any(
        need.name == "oximetry.spo2_pct"
        for leaf in rule.leaves
        for need in leaf.needs()
        if isinstance(leaf, Value | ScoreOf)
    ):
        return
    border = DEFAULT_LIMITS_UP_TO_M
    given = rule.applies.altitude_m
    if given is None:
        yield Finding(
            place,
            f"血氧规则没有写海拔, 在 {border} 米以上的机构不生效; "
            f"写明 applies: {{altitude_m: {{at_or_below: {border}}}}}",
            f"a rule on SpO2 that names no altitude does not apply above {border} m; "
            f"say so: `applies: {{altitude_m: {{at_or_below: {border}}}}}`",
        )
    elif of_range(given).low < border < of_range(given).high:
        yield Finding(
            (*place, "applies", "altitude_m"),
            f"同一个血氧界限既用于平原又用于 {border} 米以上; 请分成两条规则",
            f"one limit on SpO2 for the plain and for above {border} m: make two rules of it",
        )


def _hysteresis(rule: Rule, place: Place) -> Iterator[Finding]:
    when, clear = rule.when, rule.clear
    if isinstance(when, Value) and isinstance(clear, ClearLimit):
        if when.reads in FLAPS and not isinstance(when, Count) and when.value == clear.value:
            yield from _no_distance(place)
    elif isinstance(clear, ClearNoLonger) and clear.for_s == 0 and _wavers(rule):
        yield Finding(
            (*place, "for_s"),
            "值在界限上来回时会反复触发; 写 for_s, 例如 for_s: 30, 或用 all 写解除条件",
            "a value that wavers around its limit raises again and again; "
            "give a for_s, for example for_s: 30, or clearing conditions with `all`",
        )


def _wavers(rule: Rule) -> bool:
    return any(
        isinstance(leaf, Value) and leaf.reads in FLAPS and not isinstance(leaf, Count)
        for leaf in rule.leaves
    )


def _no_distance(place: Place) -> Iterator[Finding]:
    yield Finding(
        place,
        "没有回差: 值在界限上来回时会反复触发; 把解除线移远, 例如 at_or_below 93 配 at_or_above 95",
        "there is no hysteresis: a value that wavers around the limit raises again and again; "
        "move the clearing limit away, for example at_or_above 95 for at_or_below 93",
    )


# -- times ------------------------------------------------------------------------------------------------------


def _times(rule: Rule, place: Place) -> Iterator[Finding]:
    when = rule.when
    if isinstance(when, Silence):
        yield from _silence(when, (*place, "when", "for_s"))
    elif isinstance(when, Spell):
        if when.for_s > rule.stale_after_s:
            yield Finding(
                (*place, "when", "for_s"),
                f"要持续 {when.for_s} 秒, 而 {rule.stale_after_s} 秒没有读数就算未知; "
                f"写 stale_after_s: {when.for_s} 或更长",
                f"it must hold for {when.for_s} s, and {rule.stale_after_s} s without a reading are unknown; "
                f"write `stale_after_s: {when.for_s}` or more",
            )
        yield from _looks_back(rule, place)
        kinds = {need.name.partition(".")[0] for leaf in rule.leaves for need in leaf.needs()}
        soonest = max((INTERVAL_S.get(kind, 0) for kind in kinds), default=0)
        if 0 < when.gap_s < soonest and when.for_s > 0:
            yield Finding(
                (*place, "when", "gap_s"),
                f"两次测量至少相隔约 {soonest} 秒, gap_s {when.gap_s} 使它们都不算同一次; 写 gap_s: 600 或更长",
                f"two such readings are some {soonest} s apart at least, so that with gap_s {when.gap_s} none are "
                "one spell; write `gap_s: 600` or more",
            )


def _looks_back(rule: Rule, place: Place) -> Iterator[Finding]:
    """A count over days whose green lasts a quarter of an hour."""
    when, stale_s = rule.when, rule.stale_after_s
    if isinstance(when, Count) and when.within_s is not None and when.within_s > stale_s:
        yield Finding(
            (*place, "stale_after_s"),
            f"条件看 {span(when.within_s, 'zh')}内的测量, 而 {span(stale_s, 'zh')}没有测量就变灰(未知); "
            f"写 stale_after_s: {when.within_s}",
            f"it looks at the readings of {span(when.within_s, 'en')}, and is grey (unknown) after "
            f"{span(stale_s, 'en')} without one; write `stale_after_s: {when.within_s}`",
        )


def _silence(when: Silence, place: Place) -> Iterator[Finding]:
    soonest = max(INTERVAL_S.get(kind, 0) for kind in when.nothing_heard)
    if when.for_s < soonest:
        yield Finding(
            place,
            f"两次测量至少相隔约 {soonest} 秒, {when.for_s} 秒没有数据是正常的; 写更长的 for_s",
            f"two such readings are some {soonest} s apart at least: {when.for_s} s of silence are usual; "
            "write a longer for_s",
        )


def _spans(condition: object, place: Place) -> Iterator[Finding]:
    """How far back a condition looks, against how often there is a reading to see."""
    parts = getattr(condition, "all", None) or getattr(condition, "any", None) or ()
    for n, part in enumerate(parts):
        yield from _spans(part, (*place, "all" if hasattr(condition, "all") else "any", n))
    if not isinstance(condition, Value | Change) or condition.within_s is None:
        return
    readings = (
        condition.at_least if isinstance(condition, Count) else 2 if isinstance(condition, Change) else 1
    )
    soonest = INTERVAL_S.get(condition.kind_and_field[0], 0)
    needed = soonest * max(readings - 1, 1)
    if condition.within_s < needed:
        yield Finding(
            (*place, "within_s"),
            f"两次测量至少相隔约 {soonest} 秒, {condition.within_s} 秒内不够, 结果总是未知; "
            f"写 within_s: {needed} 或更长",
            f"readings of {condition.reads} are some {soonest} s apart at least: there are too few within "
            f"{condition.within_s} s, and the outcome is unknown; write `within_s: {needed}` or more",
        )
