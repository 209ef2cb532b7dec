"""Conditions on a score table over the newest values. Pure.

A partial score is a range. It meets a limit where its lowest and its highest do, misses it where neither
does, and says nothing otherwise; it is never taken for a number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PrivateAttr, ValidationInfo, model_validator

from cunmai_rules.parts import Part
from cunmai_rules.scores.reading import Scorer
from cunmai_rules.scores.scoring import Scored
from cunmai_rules.scores.wording import Lang, score_words
from cunmai_rules.thresholds.applies import Applies
from cunmai_rules.thresholds.leaves import AtHand, Need, Truth, Within
from cunmai_rules.thresholds.limits import Direction, Limit
from cunmai_rules.thresholds.worded import listed


class ScoreOf(Part):
    """Which score, over values how old."""

    score: str
    """The name of a score table."""
    within_s: Within | None = None
    """An older value is missing. Default: the rule's `stale_after_s`."""
    _scorer: Scorer | None = PrivateAttr(default=None)

    @model_validator(mode="before")
    @classmethod
    def _one_comparison(cls, given: Any) -> Any:
        keys = [key for key in ("band", *Direction) if isinstance(given, Mapping) and key in given]
        if "band" in keys and len(keys) > 1:
            names = ", ".join(keys)
            raise ValueError(f"{names} 只写一个 / give only one of {names}")
        if isinstance(given, Mapping) and "unit" in given:
            raise ValueError("评分没有单位, 去掉 unit / a score has no unit: drop unit")
        return given

    @model_validator(mode="after")
    def _known_score(self, info: ValidationInfo) -> ScoreOf:
        scorers: Mapping[str, Scorer] = (info.context or {}).get("scores", {})
        scorer = scorers.get(self.score)
        if scorer is None:
            known = ", ".join(scorers)
            raise ValueError(
                f"没有评分 {self.score!r}, 可选: {known} / there is no score {self.score!r}; there are: {known}"
            )
        lacking = ", ".join(name for name, one in scorer.table.inputs.items() if not one.has_source)
        if lacking:
            raise ValueError(
                f"评分 {self.score} 不能用于规则: {lacking} 没有写 reads、fact 或 by_condition / score {self.score} "
                f"is not for rules: its {lacking} have no reads, fact or by_condition"
            )
        self._scorer = scorer
        return self

    @cached_property
    def scorer(self) -> Scorer:
        assert self._scorer is not None, "set when the file was read"
        return self._scorer

    def needs(self) -> Iterator[Need]:
        for name in self.scorer.reads:
            yield Need(name, 1, self.within_s)

    def words(self, at: AtHand, lang: Lang) -> str:
        """What the score comes to; empty where it is not for this subject."""
        found = self.scorer.outcome(at, self.within_s)
        return "" if found is None else score_words(self.scorer.table, found, lang)

    def check_applies(self, applies: Applies) -> None:
        """Raises ValueError where a rule applies to people whom the score is not for."""
        for excluded in self.scorer.table.not_for:
            leaves_out = excluded.how_to_leave_out(applies)
            if leaves_out:
                raise ValueError(
                    f"评分 {self.score} 不适用于{excluded.zh}: 在 applies 写 {leaves_out} / "
                    f"score {self.score} is not for {excluded.en}: in applies, write {leaves_out}"
                )


class ScoreAt(ScoreOf, Limit):
    """The score against a limit."""

    @model_validator(mode="after")
    def _can_be_reached(self) -> ScoreAt:
        most = self.scorer.table.most
        if not any(self.meets(total) for total in range(most + 1)):
            raise ValueError(
                f"评分 {self.score} 只有 0 到 {most} 分, 永远达不到 / "
                f"score {self.score} is 0 to {most}: this is never met"
            )
        return self

    def truth(self, at: AtHand) -> Truth:
        return self.meets_also(self, at)

    def meets_also(self, limit: Limit, at: AtHand) -> Truth:
        """Whether the score meets a limit."""
        found = self.scorer.outcome(at, self.within_s)
        if found is None:
            return None
        if isinstance(found, Scored):
            return limit.meets(found.score)
        least, most = limit.meets(found.least), limit.meets(found.most)
        return least if least is most else None


class ScoreBand(ScoreOf):
    """The score lies in one of these bands."""

    band: Annotated[
        tuple[bool | str, ...],
        BeforeValidator(listed, json_schema_input_type=str | list[str]),
        Field(max_length=20),
    ]

    @model_validator(mode="after")
    def _known_bands(self) -> ScoreBand:
        known = [band.band for band in self.scorer.table.bands]
        wrong = [band for band in self.band if band not in known]
        if wrong:
            names = ", ".join(known)
            raise ValueError(
                f"评分 {self.score} 没有等级 {wrong[0]}, 可选: {names} / "
                f"score {self.score} has no band {wrong[0]}; there are: {names}"
            )
        return self

    def truth(self, at: AtHand) -> Truth:
        found = self.scorer.outcome(at, self.within_s)
        if found is None:
            return None
        bands = (found.band,) if isinstance(found, Scored) else found.bands
        inside = {band in self.band for band in bands}
        return inside.pop() if len(inside) == 1 else None
