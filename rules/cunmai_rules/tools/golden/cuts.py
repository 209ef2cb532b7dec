"""Every limit of a rule, and the rule with that limit a step to each side. Pure.

Where no case comes out otherwise under a moved limit, no case stands on that side of it. The steps are those in which
people write limits; an exclusive limit is moved by letting it include itself, and the reverse.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cunmai_rules.lint.quantities import STEP
from cunmai_rules.scores.table import ScoreTable
from cunmai_rules.thresholds.conditions import Condition
from cunmai_rules.thresholds.forms import ClearAll, ClearAny, ClearLimit, Silence
from cunmai_rules.thresholds.labels import Pair, unit_sign
from cunmai_rules.thresholds.leaves import Change, Count, Reads, Value
from cunmai_rules.thresholds.limits import Direction, Limit
from cunmai_rules.thresholds.pack import Rule
from cunmai_rules.thresholds.scored import ScoreAt, ScoreBand
from cunmai_rules.tools.golden.moved import Place, leaves_at, moved, plain, with_leaf, without_raising_at
from cunmai_rules.tools.preview.spoken import clear_spoken, condition_spoken, silence_spoken

_INCLUSIVE = {Direction.AT_OR_BELOW: Direction.BELOW, Direction.AT_OR_ABOVE: Direction.ABOVE}
_EXCLUSIVE = {exclusive: inclusive for inclusive, exclusive in _INCLUSIVE.items()}


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a limit."""

    moved: Rule
    """The rule that a case on this side tells from the real one."""
    wanted: Pair
    """What that case is to have."""
    besides: Rule | None = None
    """Where clearing begins right where raising ends, the border is moved for both. What a case says counts only if
    it comes true for this rule, of which the raising side alone was moved."""


@dataclass(frozen=True, slots=True)
class Cut:
    """One limit."""

    place: Place
    """Within the rule."""
    clears: bool
    said: Pair
    sides: tuple[Side, ...]


def cuts(rule: Rule) -> Iterator[Cut]:
    """Every limit that raises the rule and that clears it, in the order of the file."""
    when, clear = rule.when, rule.clear
    if isinstance(when, Silence):
        yield _of_silence(rule, when)
        return
    for place, leaf in leaves_at(when, ("when",)):
        yield from _of_leaf(rule, leaf, place, clears=False)
    if isinstance(clear, ClearLimit) and isinstance(when, ScoreAt):
        yield _of_points(rule, when, clear, ("clear",), clear_spoken(clear, rule), clears=True)
    elif isinstance(clear, ClearLimit):
        yield _of_limit(rule, clear, ("clear",), clear_spoken(clear, rule), clears=True)
    elif isinstance(clear, ClearAll | ClearAny):
        for place, leaf in leaves_at(clear, ("clear",)):
            yield from _of_leaf(rule, leaf, place, clears=True)


def _of_leaf(rule: Rule, leaf: Condition, place: Place, *, clears: bool) -> Iterator[Cut]:
    said = condition_spoken(leaf)
    match leaf:
        case ScoreAt():
            yield _of_points(rule, leaf, leaf, place, said, clears=clears)
        case Value():
            yield _of_limit(rule, leaf, place, said, clears=clears)
            if isinstance(leaf, Count):
                yield _of_count(rule, leaf, place, clears=clears)
        case Change():
            yield _of_change(rule, leaf, place, clears=clears)
        case ScoreBand():
            yield _of_bands(rule, leaf, place, clears=clears)


# -- each kind of limit ---------------------------------------------------------------------------------------


def _of_points(rule: Rule, score: ScoreAt, limit: Limit, place: Place, said: Pair, *, clears: bool) -> Cut:
    """A limit on a score lies between two totals that its table can give: not every number is one."""
    totals = _totals(score.scorer.table)
    low = limit.direction.low_side
    meets = [one for one in totals if limit.meets(one)]
    misses = [one for one in totals if not limit.meets(one)]
    last, next_ = (max(meets), min(misses)) if low else (min(meets), max(misses))
    inclusive = Direction.AT_OR_BELOW if low else Direction.AT_OR_ABOVE
    return Cut(
        place,
        clears,
        said,
        _both_sides(
            rule,
            place,
            limit,
            (_INCLUSIVE[inclusive], last),
            (inclusive, next_),
            (last, next_),
            clears=clears,
        ),
    )


def _totals(table: ScoreTable) -> list[int]:
    totals = {0}
    for tables in table.parts.values():
        points = {points for one in tables for points in one.all_points()}
        totals = {total + one for total in totals for one in points}
    return sorted(totals)


def _of_limit(rule: Rule, limit: Limit, place: Place, said: Pair, *, clears: bool) -> Cut:
    reads = limit if isinstance(limit, Reads) else rule.main if isinstance(limit, ClearLimit) else None
    step = STEP.get(reads.reads, 1) if isinstance(reads, Reads) else 1
    sign = unit_sign(reads.unit)[0] if isinstance(reads, Reads) else ""
    outward = step if limit.direction.low_side else -step  # by so much the limit lets more in
    direction, value = limit.direction, limit.value
    if direction in _INCLUSIVE:
        tighter, looser = (_INCLUSIVE[direction], value), (direction, plain(value + outward))
        meets, misses = value, plain(value + outward)
    else:
        tighter, looser = (direction, plain(value - outward)), (_EXCLUSIVE[direction], value)
        meets, misses = plain(value - outward), value
    sides = _both_sides(rule, place, limit, tighter, looser, (meets, misses), sign=sign, clears=clears)
    return Cut(place, clears, said, sides)


def _both_sides(
    rule: Rule,
    place: Place,
    limit: Limit,
    tighter: tuple[Direction, float],
    looser: tuple[Direction, float],
    values: tuple[float, float],
    *,
    clears: bool,
    sign: str = "",
) -> tuple[Side, Side]:
    """`values`: one that just meets the limit, and one that just misses it."""
    meets, misses = values
    raising = without_raising_at(rule, limit, misses) if clears else rule
    loosened = moved(raising, place, limit, *looser)
    zh, en, en_not = ("解除", "ends it", "does not end it") if clears else ("成立", "is met", "is not met")
    return (
        Side(moved(rule, place, limit, *tighter), (f"{meets:g}{sign} 时{zh}", f"{meets:g} {en}")),
        Side(
            loosened,
            (f"{misses:g}{sign} 时不{zh}", f"{misses:g} {en_not}"),
            None if raising is rule else raising,
        ),
    )


def _of_count(rule: Rule, count: Count, place: Place, *, clears: bool) -> Cut:
    at_least = count.at_least
    more = with_leaf(rule, place, count.model_copy(update={"at_least": at_least + 1}))
    fewer = with_leaf(rule, place, count.model_copy(update={"at_least": at_least - 1}))
    said = f"{count.of_last} 次里至少 {at_least} 次", f"at least {at_least} of {count.of_last}"
    sides = (
        Side(more, (f"恰好 {at_least} 次时成立", f"exactly {at_least} are enough")),
        Side(fewer, (f"只有 {at_least - 1} 次时不成立", f"{at_least - 1} are not enough")),
    )
    return Cut((*place, "at_least"), clears, said, sides)


def _of_change(rule: Rule, change: Change, place: Place, *, clears: bool) -> Cut:
    key = "falls_by" if change.falls_by is not None else "rises_by"
    by, step = float(getattr(change, key)), STEP.get(change.reads, 1)
    sign = unit_sign(change.unit)[0]
    more = with_leaf(rule, place, change.model_copy(update={key: plain(by + step)}))
    less = with_leaf(rule, place, change.model_copy(update={key: plain(by - step)}))
    sides = (
        Side(more, (f"变化恰好 {by:g}{sign} 时成立", f"a change of exactly {by:g} is enough")),
        Side(less, (f"变化 {by - step:g}{sign} 时不成立", f"a change of {by - step:g} is not enough")),
    )
    return Cut(place, clears, condition_spoken(change), sides)


def _of_bands(rule: Rule, score: ScoreBand, place: Place, *, clears: bool) -> Cut:
    """Each band of the rule is reached by a case, and each of its neighbours by one that stays out."""
    names = [band.band for band in score.scorer.table.bands]
    titles = {band.band: band.title for band in score.scorer.table.bands}
    sides = []
    for band in score.band:
        rest = tuple(one for one in score.band if one != band)
        title = titles[str(band)]
        without = with_leaf(rule, place, score.model_copy(update={"band": rest}))
        sides.append(Side(without, (f"“{title.zh}”时成立", f"“{title.en}” is in it")))
    places = [names.index(str(band)) for band in score.band]
    for n in sorted({near for at in places for near in (at - 1, at + 1)} - set(places)):
        if 0 <= n < len(names):
            title = titles[names[n]]
            wider = score.model_copy(update={"band": (*score.band, names[n])})
            words = f"“{title.zh}”时不成立", f"“{title.en}” is not in it"
            sides.append(Side(with_leaf(rule, place, wider), words))
    return Cut(place, clears, condition_spoken(score), tuple(sides))


def _of_silence(rule: Rule, when: Silence) -> Cut:
    def after(seconds: int) -> Rule:
        return rule.model_copy(update={"when": when.model_copy(update={"for_s": seconds})})

    zh, en = f"{when.for_s} 秒", f"{when.for_s} s"
    sides = (
        Side(after(when.for_s + 1), (f"超过 {zh}就触发", f"after {en} it raises")),
        Side(after(when.for_s - 1), (f"恰好 {zh}时还不触发", f"at exactly {en} it does not yet")),
    )
    return Cut(("when", "for_s"), False, silence_spoken(when), sides)
